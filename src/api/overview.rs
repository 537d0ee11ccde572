//! Devices by status: for `/api/v1/status` and the landing page.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::model::Status;
use crate::state::{DeviceView, Snapshot};

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
    views.sort_by_key(|view| Reverse(view.status_since));
    views
}
