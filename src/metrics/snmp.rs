//! The families of devices that are walked by SNMP.

use super::emit::Emit;
use super::family::Family;
use super::family::MetricKind::{Counter, Gauge};
use super::family::Priority::{Core, Detail};

/// In the order of the exposition.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "lanpulse_snmp_up",
        help: "Whether the last SNMP walk was complete: 0 after a failed or partial one",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Snmp(|snmp, out| out.value(snmp.up)),
    },
    Family {
        name: "lanpulse_snmp_walk_duration_seconds",
        help: "How long the last SNMP walk took",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Snmp(|snmp, out| out.value(snmp.last_run.map(|_| snmp.duration))),
    },
    Family {
        name: "lanpulse_snmp_last_success_timestamp_seconds",
        help: "When the last complete SNMP walk began, in seconds since the Unix epoch",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Snmp(|snmp, out| out.value(snmp.last_success)),
    },
    Family {
        name: "lanpulse_snmp_uptime_seconds",
        help: "How long the SNMP agent has been running (sysUpTime), across its wrap after 497 days",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Snmp(|snmp, out| out.value(snmp.uptime)),
    },
    Family {
        name: "lanpulse_snmp_requests",
        help: "SNMP datagrams sent to the device",
        kind: Counter,
        labels: "",
        priority: Detail,
        emit: Emit::Snmp(|snmp, out| out.value(Some(snmp.requests))),
    },
    Family {
        name: "lanpulse_snmp_retries",
        help: "SNMP requests that were repeated because there was no answer in time",
        kind: Counter,
        labels: "",
        priority: Detail,
        emit: Emit::Snmp(|snmp, out| out.value(Some(snmp.retries))),
    },
    Family {
        name: "lanpulse_snmp_failures",
        help: "SNMP walks that failed or were not complete, by reason",
        kind: Counter,
        labels: "reason (timeout, unreachable, unresolved, authentication, malformed, loop, error, deadline, send)",
        priority: Detail,
        emit: Emit::Snmp(|snmp, out| out.failures(&snmp.failures)),
    },
];
