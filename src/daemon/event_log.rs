//! Events as lines of the log: one for each change, none for what stays as it is.

use std::time::Duration;

use crate::model::{
    CheckChange, Event, Failure, HeartbeatChange, HeartbeatState, InternetChange, Pretty, Status, StatusChange,
};

/// Logs an event, if it is worth a line.
pub fn log(event: &Event) {
    match event {
        Event::Status(change) => status(change),
        Event::Check(change) => check(change),
        Event::Internet(change) => internet(change),
        Event::Link { up: true } => tracing::info!("this host's own link is back"),
        Event::Link { up: false } => {
            tracing::warn!("this host's own link is down: nothing can be told of devices until it is back");
        }
        Event::Heartbeat(change) => heartbeat(change),
        // New and gone devices are no trouble, and scans have a line of their own where one differs from the last.
        Event::Inventory(_) | Event::Scan(_) => {}
    }
}

/// What went down, came back or can no longer be measured is for people. The rest is detail.
fn status(change: &StatusChange) {
    let device = change.device.as_str();
    let (from, to) = (change.from.as_str(), change.to.as_str());
    let after = Pretty(Duration::from_secs(change.after.as_secs()));
    let reason = change.reason.map_or("no readings", Failure::as_str);
    match (change.from, change.to) {
        (_, Status::Down) => tracing::warn!(device, from, %after, reason, "device is down"),
        (Status::Down, Status::Up | Status::Degraded) => tracing::info!(device, %after, to, "device is back"),
        (Status::Unknown, _) => tracing::debug!(device, to, "device is measured"),
        (_, Status::Unknown) => tracing::warn!(device, from, reason, "device can no longer be measured"),
        _ => tracing::debug!(device, from, to, %after, "device changed"),
    }
}

fn check(change: &CheckChange) {
    let (device, probe) = (change.subject.label(), &*change.probe);
    let text = change.detail.as_deref().unwrap_or_default();
    match change.outcome {
        // An outage has a line of its own.
        Ok(()) if !change.subject.is_device() => tracing::debug!(device, probe, "check succeeds again"),
        Ok(()) => tracing::info!(device, probe, "check succeeds again"),
        Err(failure) if !change.subject.is_device() => {
            tracing::debug!(device, probe, reason = failure.as_str(), "check fails: {text}");
        }
        Err(failure) => tracing::warn!(device, probe, reason = failure.as_str(), "check fails: {text}"),
    }
}

fn internet(change: &InternetChange) {
    let after = Pretty(Duration::from_secs(change.after.as_secs()));
    let fault = change.fault.as_str();
    match (change.up, change.first) {
        (true, true) => tracing::debug!("the internet is up"),
        (true, false) => tracing::info!(%after, fault, "the internet is back"),
        (false, true) => tracing::info!(fault, "the internet is down"),
        (false, false) => tracing::warn!(%after, fault, "the internet is down"),
    }
}

fn heartbeat(change: &HeartbeatChange) {
    let heartbeat = change.heartbeat.as_str();
    let (from, to) = (change.from.as_str(), change.to.as_str());
    match (change.from, change.reason()) {
        (_, Some(reason)) => tracing::warn!(heartbeat, from, reason, "heartbeat is down"),
        (HeartbeatState::Down, None) if change.to == HeartbeatState::Up => {
            tracing::info!(heartbeat, "heartbeat is back");
        }
        _ => tracing::debug!(heartbeat, from, to, "heartbeat changed"),
    }
}
