//! `/api/v1/targets` and `/api/v1/status`: what runs, what it last said, and what is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::Response;
use serde::Serialize;

use super::Desk;
use super::reply::{self, Body, Error, rfc3339};
use crate::model::{Failure, Kind, Status, Timestamp};
use crate::state::{DeviceView, Snapshot};

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

/// A failure and its text.
type Failed = (Failure, Option<Arc<str>>);

fn reason((failure, detail): &Failed) -> Reason {
    Reason {
        reason: failure.as_str(),
        message: detail.as_deref().unwrap_or(failure.explain()).to_owned(),
    }
}

/// When a device's probe of this kind last ran, what it took, and how it failed.
fn last(view: &DeviceView, kind: Kind) -> (Option<Timestamp>, Option<Duration>, Option<&Failed>) {
    match kind {
        Kind::Icmp => {
            let icmp = view.icmp.as_ref();
            let rtt = icmp.and_then(|icmp| icmp.last_rtt);
            (icmp.and_then(|icmp| icmp.last_run), rtt, view.last_failure.as_ref())
        }
        Kind::Snmp => view.snmp.as_ref().map_or((None, None, None), |snmp| {
            (
                snmp.last_run,
                snmp.last_run.map(|_| snmp.duration),
                snmp.failure.as_ref(),
            )
        }),
    }
}

/// Every job with its last reading.
pub async fn targets(desk: &Desk) -> Result<Response<Body>, Error> {
    let snapshot = desk.snapshot().await?;
    let rows: Vec<TargetRow> = snapshot.devices.iter().flat_map(rows).collect();
    Ok(reply::json(
        &serde_json::json!({ "total": rows.len(), "targets": rows }),
    ))
}

fn rows(view: &DeviceView) -> impl Iterator<Item = TargetRow<'_>> {
    view.target.probes.iter().map(move |probe| {
        let (last_run, duration, failure) = last(view, probe.kind);
        let address = view.target.address.to_string();
        TargetRow {
            device: view.target.name.as_str(),
            resolved: view.address.map(|ip| ip.to_string()).filter(|ip| *ip != address),
            address,
            probe: &probe.probe,
            kind: probe.kind.as_str(),
            interval_seconds: probe.interval.as_secs_f64(),
            timeout_seconds: probe.timeout.as_secs_f64(),
            status: view.status.as_str(),
            up: view.up,
            last_run: last_run.map(rfc3339),
            success: last_run.map(|_| failure.is_none()),
            duration_seconds: duration.map(|duration| duration.as_secs_f64()),
            failure: last_run.and(failure).map(reason),
        }
    })
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
        "config": {
            "file": &*health.reload.file,
            "last_reload_successful": health.reload.successful,
            "last_success": rfc3339(health.reload.success_at),
            "problems": &*health.reload.problems,
        },
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
        failure: view.last_failure.as_ref().map(reason),
    }
}
