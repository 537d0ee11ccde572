//! `/api/v1/status`: what is down, degraded or not measured, since when and why; and how lanpulse itself is doing.

use std::sync::Arc;

use hyper::Response;
use serde::Serialize;
use serde_json::{Value, json};

use super::app::App;
use super::heartbeat;
use super::overview::{counts, in_status};
use super::reason::{self, Reason, explain};
use super::time::rfc3339;
use crate::model::{INTERNET, LabelValue, Status, Timestamp};
use crate::serve::{self, Body, Error};
use crate::state::{DeviceView, InternetView, ProbeView, Snapshot};

/// A device that is not up.
#[derive(Serialize)]
struct Trouble<'a> {
    device: &'a str,
    address: String,
    since: String,
    for_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Reason>,
}

/// `GET /api/v1/status`.
pub async fn show(app: &Arc<App>) -> Result<Response<Body>, Error> {
    let snapshot = app.snapshot().await?;
    Ok(serve::json(&body(&snapshot, app.is_ready())))
}

fn body(snapshot: &Snapshot, ready: bool) -> Value {
    let of = |status: Status| -> Vec<Trouble> {
        in_status(snapshot, status)
            .into_iter()
            .map(|view| trouble(view, snapshot.at))
            .collect()
    };
    let health = &snapshot.health;
    json!({
        "at": rfc3339(snapshot.at),
        "version": env!("CARGO_PKG_VERSION"),
        "started": rfc3339(health.started),
        "ready": ready,
        "devices": counts(snapshot),
        "down": of(Status::Down),
        "degraded": of(Status::Degraded),
        "unknown": of(Status::Unknown),
        "maintenance": of(Status::Maintenance),
        "internet": snapshot.internet.as_ref().map(internet),
        "failing_checks": failing(snapshot),
        "config": {
            "file": &*health.reload.file,
            "last_reload_successful": health.reload.successful,
            "last_success": rfc3339(health.reload.success_at),
            "problems": &*health.reload.problems,
        },
        "heartbeats": heartbeat::summary(snapshot),
        "icmp": { "sockets": &*health.sockets },
        "store": {
            "writes": health.store.writes,
            "failures": health.store.failures,
            "size_bytes": health.store.size_bytes,
            "error": health.store.error,
        },
        "observations_dropped": health.observations_dropped,
    })
}

/// The internet.
fn internet(view: &InternetView) -> Value {
    json!({
        "up": view.up,
        "since": view.up.map(|_| rfc3339(view.since)),
        "fault": view.fault,
        "link_up": view.link.up,
        "gateway": view.link.gateway,
        "gateway_reachable": view.gateway_reachable,
    })
}

/// Every check whose last run failed, and why.
fn failing(snapshot: &Snapshot) -> Vec<Value> {
    let of_devices = snapshot.devices.iter().flat_map(|view| {
        let device = view.target.name.as_str();
        view.checks.iter().map(move |check| (device, check))
    });
    let of_internet = snapshot.internet.iter().flat_map(|view| &view.checks);
    let failing = |(device, check): (&str, &ProbeView)| {
        let failure = explain(check.last_failure.as_ref())?;
        Some(json!({
            "device": device,
            "probe": &*check.probe,
            "kind": check.kind.as_str(),
            "last_run": check.last_run.map(rfc3339),
            "failure": failure,
        }))
    };
    of_devices
        .chain(of_internet.map(|check| (INTERNET, check)))
        .filter_map(failing)
        .collect()
}

fn trouble(view: &DeviceView, now: Timestamp) -> Trouble<'_> {
    Trouble {
        device: view.target.name.as_str(),
        address: view.target.address.to_string(),
        since: rfc3339(view.status_since),
        for_seconds: now.since(view.status_since).as_secs(),
        parent: view.target.parent.as_ref().map(LabelValue::as_str),
        failure: reason::of_device(view),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::schemas;

    #[test]
    fn the_schema_has_every_key() {
        let schema = &schemas::all()["Status"];
        let body = body(&Snapshot::default(), true);
        for key in body.as_object().unwrap().keys() {
            assert!(schema["properties"][key].is_object(), "{key}");
        }
        for key in schema["required"].as_array().unwrap() {
            assert!(!body[key.as_str().unwrap()].is_null(), "{key}");
        }
    }
}
