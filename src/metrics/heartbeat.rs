//! The families of heartbeats. They are timestamps, not ages, so that alerts go by the clock of Prometheus.

use super::emit::Emit;
use super::family::Family;
use super::family::MetricKind::{Counter, Gauge};
use super::family::Priority::{Core, Detail};
use crate::model::{HeartbeatState, SignalKind};

/// In the order of the exposition.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "lanpulse_heartbeat_state",
        help: "The state of the heartbeat: exactly one is 1",
        kind: Gauge,
        labels: "state (new, up, late, down, paused)",
        priority: Core,
        emit: Emit::Heartbeat(|heartbeat, out| {
            let is = |state: HeartbeatState| (state.as_str(), state == heartbeat.state);
            out.by("state", HeartbeatState::ALL.map(is))
        }),
    },
    Family {
        name: "lanpulse_heartbeat_fresh",
        help: "Whether the heartbeat is within its deadline or outside its hours: 0 when overdue or failed, absent \
               while new or paused",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Heartbeat(|heartbeat, out| out.value(heartbeat.fresh())),
    },
    Family {
        name: "lanpulse_heartbeat_in_hours",
        help: "Whether the hours of the heartbeat are open; 1 without hours",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Heartbeat(|heartbeat, out| out.value(Some(heartbeat.in_hours))),
    },
    Family {
        name: "lanpulse_heartbeat_deadline_timestamp_seconds",
        help: "When the heartbeat is missed unless it reports, in seconds since the Unix epoch; absent while new or \
               paused",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Heartbeat(|heartbeat, out| out.value(heartbeat.due.deadline)),
    },
    Family {
        name: "lanpulse_heartbeat_expected_timestamp_seconds",
        help: "When the heartbeat is next expected, in seconds since the Unix epoch; absent while new or paused",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Heartbeat(|heartbeat, out| out.value(heartbeat.due.expected)),
    },
    Family {
        name: "lanpulse_heartbeat_last_success_timestamp_seconds",
        help: "When the heartbeat last reported success, in seconds since the Unix epoch",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Heartbeat(|heartbeat, out| out.value(heartbeat.row.last_ok)),
    },
    Family {
        name: "lanpulse_heartbeat_last_signal_timestamp_seconds",
        help: "When the heartbeat last reported anything, in seconds since the Unix epoch",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Heartbeat(|heartbeat, out| out.value(heartbeat.row.last_signal)),
    },
    Family {
        name: "lanpulse_heartbeat_running",
        help: "Whether a run has started and not ended",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Heartbeat(|heartbeat, out| out.value(Some(heartbeat.row.running))),
    },
    Family {
        name: "lanpulse_heartbeat_last_duration_seconds",
        help: "How long the last run took from its start signal, or as the client said",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Heartbeat(|heartbeat, out| out.value(heartbeat.row.last_duration)),
    },
    Family {
        name: "lanpulse_heartbeat_last_exit_code",
        help: "The exit code of the last run, if it told one",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Heartbeat(|heartbeat, out| out.value(heartbeat.row.last_exit.map(|code| code as f64))),
    },
    Family {
        name: "lanpulse_heartbeat_consecutive_failures",
        help: "Reported failures in a row, ending now",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Heartbeat(|heartbeat, out| out.value(Some(heartbeat.row.failures))),
    },
    Family {
        name: "lanpulse_heartbeat_signals",
        help: "Reports taken in",
        kind: Counter,
        labels: "kind (ok, fail, start, log, exit)",
        priority: Detail,
        emit: Emit::Heartbeat(|heartbeat, out| out.by("kind", SignalKind::LABELS.into_iter().zip(heartbeat.signals))),
    },
    Family {
        name: "lanpulse_heartbeat_rejected",
        help: "Reports refused; heartbeat is empty where the token is unknown",
        kind: Counter,
        labels: "heartbeat, reason (token, rate, method, too_large, malformed, store)",
        priority: Core,
        emit: Emit::Whole(|scope, out| {
            let mut rejected = scope.snapshot.health.heartbeats_rejected.iter();
            rejected.try_for_each(|(heartbeat, reason, count)| {
                out.labelled(&[("heartbeat", heartbeat.as_str()), ("reason", reason)], Some(*count))
            })
        }),
    },
];
