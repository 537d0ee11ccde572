//! `/api/v1/targets`: every probe with its last reading.

use std::sync::Arc;

use hyper::Response;
use serde::Serialize;
use serde_json::json;

use super::app::App;
use super::reason::{self, Reason, explain};
use super::time::rfc3339;
use crate::model::{INTERNET, Status};
use crate::serve::{self, Body, Error};
use crate::state::{DeviceView, InternetView, ProbeView};

/// One probe of one device, and its last reading.
#[derive(Serialize)]
struct TargetRow<'a> {
    device: &'a str,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved: Option<String>,
    probe: &'a str,
    kind: &'static str,
    interval_seconds: f64,
    timeout_seconds: f64,
    status: &'static str,
    up: Option<bool>,
    last_run: Option<String>,
    success: Option<bool>,
    duration_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Reason>,
}

/// `GET /api/v1/targets`.
pub async fn list(app: &Arc<App>) -> Result<Response<Body>, Error> {
    let snapshot = app.snapshot().await?;
    let mut rows: Vec<TargetRow> = snapshot.devices.iter().flat_map(rows).collect();
    rows.extend(snapshot.internet.iter().flat_map(internet_rows));
    Ok(serve::json(&json!({ "total": rows.len(), "targets": rows })))
}

fn rows(view: &DeviceView) -> impl Iterator<Item = TargetRow<'_>> {
    view.target.probes.iter().map(move |probe| {
        let pinged = view.icmp.as_ref().filter(|_| probe.kind().is_echo());
        let check = view.checks.iter().find(|check| check.probe == probe.name);
        let last_run = pinged
            .map(|icmp| icmp.last_run)
            .or(check.map(|check| check.last_run))
            .flatten();
        let address = view.target.address.to_string();
        let resolved = check.and_then(|check| check.address).or(view.address);
        let rtt = pinged.and_then(|icmp| icmp.last_rtt);
        let walk = view.snmp.as_ref().filter(|_| probe.kind().is_walk());
        let ok = match check {
            // A walk that was not complete is no success, though the device lives.
            Some(check) => walk.map_or(check.success, |walk| walk.up),
            None => last_run.map(|_| view.last_failure.is_none()),
        };
        TargetRow {
            device: view.target.name.as_str(),
            resolved: resolved.map(|ip| ip.to_string()).filter(|ip| *ip != address),
            address,
            probe: &probe.name,
            kind: probe.kind().as_str(),
            interval_seconds: probe.interval.as_secs_f64(),
            timeout_seconds: probe.timeout.as_secs_f64(),
            status: view.status.as_str(),
            up: view.up,
            last_run: last_run.map(rfc3339),
            success: ok,
            duration_seconds: rtt
                .or(check.and_then(ProbeView::duration))
                .map(|time| time.as_secs_f64()),
            failure: match check {
                Some(check) => explain(walk.map_or(check.last_failure.as_ref(), |walk| walk.failure.as_ref())),
                None => last_run.and_then(|_| reason::of_device(view)),
            },
        }
    })
}

fn internet_rows(view: &InternetView) -> impl Iterator<Item = TargetRow<'_>> {
    let status = match view.up {
        None => Status::Unknown,
        Some(true) => Status::Up,
        Some(false) => Status::Down,
    };
    view.settings
        .checks
        .iter()
        .zip(&view.checks)
        .map(move |(job, check)| (&job.probe, check))
        .map(move |(probe, check)| TargetRow {
            device: INTERNET,
            address: check.address.map(|ip| ip.to_string()).unwrap_or_default(),
            resolved: None,
            probe: &probe.name,
            kind: probe.kind().as_str(),
            interval_seconds: probe.interval.as_secs_f64(),
            timeout_seconds: probe.timeout.as_secs_f64(),
            status: status.as_str(),
            up: view.up,
            last_run: check.last_run.map(rfc3339),
            success: check.success,
            duration_seconds: check.duration().map(|time| time.as_secs_f64()),
            failure: explain(check.last_failure.as_ref()),
        })
}
