//! The inventory and its scans over HTTP.

use std::process::Child;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Daemon, wait_for, wait_until};

pub(super) const SCAN: &str = "discovery: {interval: 1h, methods: [arp, icmp, neighbours], offline_after: {default: 1}}
internet: {checks: []}
global: {interval: 200ms, timeout: 500ms}
";

pub(super) const LIMIT: Duration = Duration::from_secs(20);

pub(super) fn devices(daemon: &Daemon, query: &str) -> Vec<Value> {
    daemon.get(&format!("/api/v1/devices?sort=id{query}")).json()["devices"]
        .as_array()
        .unwrap()
        .clone()
}

/// Waits until there are so many devices.
pub(super) fn wait_devices(daemon: &Daemon, count: usize) -> Vec<Value> {
    wait_until(LIMIT, &format!("{count} devices"), || {
        devices(daemon, "").len() == count
    });
    devices(daemon, "")
}

pub(super) fn address(device: &Value) -> String {
    let all = device["addresses"].as_array().unwrap();
    let current: Vec<&str> = all
        .iter()
        .filter(|seen| seen["current"] == true)
        .map(|seen| seen["address"].as_str().unwrap())
        .collect();
    current.join(" ")
}

/// Scans now, and waits for its end.
pub(super) fn scan(daemon: &Daemon) -> Value {
    let id = start(daemon);
    finish(daemon, id)
}

pub(super) fn start(daemon: &Daemon) -> u64 {
    wait_for(LIMIT, "a scan may start", || {
        let reply = daemon.post("/api/v1/discovery/scan");
        (reply.status == 202).then(|| reply.json()["id"].as_u64().unwrap())
    })
}

pub(super) fn finish(daemon: &Daemon, id: u64) -> Value {
    wait_for(LIMIT, "the end of a scan", || {
        let scan = daemon.get(&format!("/api/v1/discovery/scans/{id}")).json();
        (scan["state"] != "running").then_some(scan)
    })
}

pub(super) fn patch(daemon: &Daemon, id: &Value, change: &Value) -> u16 {
    let request = daemon.request("PATCH", &format!("/api/v1/devices/{id}"));
    request
        .header("Content-Type", "application/json")
        .body(change.to_string())
        .send()
        .status
}

/// A server that a test needs, on the hosts' side. Killed when dropped.
pub(super) struct Helper(pub(super) Child);

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
