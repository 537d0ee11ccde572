//! `/api/v1/targets` and `/api/v1/status`: what runs, what it last said, and what is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Response;
use serde::Serialize;

use super::reply::{self, Body, Error, rfc3339};
use super::{Desk, roll};
use crate::model::{Failure, INTERNET, Status, Timestamp};
use crate::state::{DeviceView, InternetView, ProbeView, Snapshot};

/// One probe of one device and its last reading.
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

/// Why a probe failed.
#[derive(Serialize)]
struct Reason {
    reason: &'static str,
    message: String,
}

/// A device that is not as it should be.
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

fn reason(view: &DeviceView) -> Option<Reason> {
    explain(view.last_failure.as_ref())
}

fn explain(failure: Option<&(Failure, Option<Arc<str>>)>) -> Option<Reason> {
    let (failure, detail) = failure?;
    let message = detail.as_deref().unwrap_or(failure.explain()).to_owned();
    Some(Reason {
        reason: failure.as_str(),
        message,
    })
}

/// Every job with its last reading.
pub async fn targets(desk: &Desk) -> Result<Response<Body>, Error> {
    let snapshot = desk.snapshot().await?;
    let mut rows: Vec<TargetRow> = snapshot.devices.iter().flat_map(rows).collect();
    rows.extend(snapshot.internet.iter().flat_map(internet_rows));
    Ok(reply::json(
        &serde_json::json!({ "total": rows.len(), "targets": rows }),
    ))
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
                None => last_run.and_then(|_| reason(view)),
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

/// The internet, for `/api/v1/status`.
fn internet(view: &InternetView) -> serde_json::Value {
    serde_json::json!({
        "up": view.up,
        "since": view.up.map(|_| rfc3339(view.since)),
        "fault": view.fault,
        "link_up": view.link.up,
        "gateway": view.link.gateway,
        "gateway_reachable": view.gateway_reachable,
    })
}

/// Every check whose last run failed, and why.
fn failing(snapshot: &Snapshot) -> Vec<serde_json::Value> {
    let of_devices = snapshot.devices.iter().flat_map(|view| {
        let device = view.target.name.as_str();
        view.checks.iter().map(move |check| (device, check))
    });
    let of_internet = snapshot.internet.iter().flat_map(|view| &view.checks);
    let failing = |(device, check): (&str, &ProbeView)| {
        let failure = explain(check.last_failure.as_ref())?;
        Some(serde_json::json!({
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

/// What is down, degraded or unmeasured, since when and why; and how lanpulse itself is doing.
pub async fn status(desk: &Desk) -> Result<Response<Body>, Error> {
    let snapshot = desk.snapshot().await?;
    let of = |status: Status| -> Vec<Trouble> {
        in_status(&snapshot, status)
            .into_iter()
            .map(|view| trouble(view, snapshot.at))
            .collect()
    };
    let health = &snapshot.health;
    let body = serde_json::json!({
        "at": rfc3339(snapshot.at),
        "version": env!("CARGO_PKG_VERSION"),
        "started": rfc3339(health.started),
        "ready": *desk.ready.borrow(),
        "devices": counts(&snapshot),
        "down": of(Status::Down),
        "degraded": of(Status::Degraded),
        "unknown": of(Status::Unknown),
        "maintenance": of(Status::Maintenance),
        "internet": snapshot.internet.as_ref().map(internet),
        "failing_checks": failing(&snapshot),
        "config": {
            "file": &*health.reload.file,
            "last_reload_successful": health.reload.successful,
            "last_success": rfc3339(health.reload.success_at),
            "problems": &*health.reload.problems,
        },
        "heartbeats": roll::summary(&snapshot),
        "icmp": { "sockets": &*health.sockets },
        "store": {
            "writes": health.store.writes,
            "failures": health.store.failures,
            "size_bytes": health.store.size_bytes,
            "error": health.store.error,
        },
        "observations_dropped": health.observations_dropped,
    });
    Ok(reply::json(&body))
}

/// How many devices are in each status.
pub fn counts(snapshot: &Snapshot) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<_, _> = Status::ALL.iter().map(|status| (status.as_str(), 0)).collect();
    for view in &snapshot.devices {
        *counts.entry(view.status.as_str()).or_default() += 1;
    }
    counts.insert("total", snapshot.devices.len());
    counts
}

/// The devices in a status, the latest change first.
pub fn in_status(snapshot: &Snapshot, status: Status) -> Vec<&DeviceView> {
    let mut views: Vec<&DeviceView> = snapshot.devices.iter().filter(|view| view.status == status).collect();
    views.sort_by_key(|view| std::cmp::Reverse(view.status_since));
    views
}

fn trouble(view: &DeviceView, now: Timestamp) -> Trouble<'_> {
    Trouble {
        device: view.target.name.as_str(),
        address: view.target.address.to_string(),
        since: rfc3339(view.status_since),
        for_seconds: now.since(view.status_since).as_secs(),
        parent: view.target.parent.as_ref().map(crate::model::LabelValue::as_str),
        failure: reason(view),
    }
}
