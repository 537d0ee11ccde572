//! The families about the inventory and the scans that fill it.

use std::fmt;

use super::emit::Emit;
use super::family::Family;
use super::family::MetricKind::{Counter, Gauge};
use super::family::Priority::Core;
use super::scope::Scope;
use super::series::Series;
use super::value::Value;
use crate::model::{Approval, EventKind, LabelValue, Outcome};
use crate::state::SweepView;

/// In the order of the exposition.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "lanpulse_inventory_devices",
        help: "Devices in the inventory",
        kind: Gauge,
        labels: "status (new, approved, ignored, blocked), online (true, false)",
        priority: Core,
        emit: Emit::Whole(devices),
    },
    Family {
        name: "lanpulse_discovery_scan_duration_seconds",
        help: "How long the last scan of the network took",
        kind: Gauge,
        labels: "network, method (arp, icmp, mdns, neighbours, ipv6)",
        priority: Core,
        emit: Emit::Whole(|scope, out| by_sweep(scope, out, |view| view.last.as_ref().map(|sweep| sweep.took))),
    },
    Family {
        name: "lanpulse_discovery_scan_hosts",
        help: "Addresses that answered the last scan of the network",
        kind: Gauge,
        labels: "network, method",
        priority: Core,
        emit: Emit::Whole(|scope, out| by_sweep(scope, out, |view| view.last.as_ref().map(|sweep| sweep.answered))),
    },
    Family {
        name: "lanpulse_discovery_scan_last_success_timestamp_seconds",
        help: "When the network was last scanned completely, in seconds since the Unix epoch",
        kind: Gauge,
        labels: "network, method",
        priority: Core,
        emit: Emit::Whole(|scope, out| by_sweep(scope, out, |view| view.success_at)),
    },
    Family {
        name: "lanpulse_discovery_scans",
        help: "Scans, by how they went",
        kind: Counter,
        labels: "network, method, result (complete, partial, failed)",
        priority: Core,
        emit: Emit::Whole(scans),
    },
    Family {
        name: "lanpulse_discovery_events",
        help: "What happened in the inventory",
        kind: Counter,
        labels: "event (new, back, gone, address_changed, mac_changed, renamed)",
        priority: Core,
        emit: Emit::Whole(|scope, out| {
            let counts = scope.snapshot.inventory.events;
            out.by("event", EventKind::ALL.map(EventKind::as_str).into_iter().zip(counts))
        }),
    },
];

/// The devices by approval and presence.
fn devices(scope: &Scope<'_>, out: &mut Series<'_>) -> fmt::Result {
    let mut counts = [[0_u64; 2]; Approval::ALL.len()];
    for record in &scope.snapshot.inventory.records {
        if let Some(count) = counts.get_mut(record.approval as usize) {
            count[usize::from(record.online)] += 1;
        }
    }
    for (approval, [offline, online]) in Approval::ALL.into_iter().zip(counts) {
        for (text, count) in [("true", online), ("false", offline)] {
            out.labelled(&[("status", approval.as_str()), ("online", text)], Some(count))?;
        }
    }
    Ok(())
}

/// A value for each network and method.
fn by_sweep<V: Into<Value>>(
    scope: &Scope<'_>,
    out: &mut Series<'_>,
    value: impl Fn(&SweepView) -> Option<V>,
) -> fmt::Result {
    for (network, method, view) in &scope.snapshot.inventory.sweeps {
        let network = safe(network);
        out.labelled(
            &[("network", network.as_str()), ("method", method.as_str())],
            value(view),
        )?;
    }
    Ok(())
}

/// The scans by network, method and result.
fn scans(scope: &Scope<'_>, out: &mut Series<'_>) -> fmt::Result {
    for (network, method, view) in &scope.snapshot.inventory.sweeps {
        let network = safe(network);
        for (outcome, count) in Outcome::ALL.into_iter().zip(view.counts) {
            let labels = [
                ("network", network.as_str()),
                ("method", method.as_str()),
                ("result", outcome.as_str()),
            ];
            out.labelled(&labels, Some(count))?;
        }
    }
    Ok(())
}

/// The network of some sweeps is the name of an interface, which may be any text.
fn safe(network: &str) -> LabelValue {
    LabelValue::new(network)
}
