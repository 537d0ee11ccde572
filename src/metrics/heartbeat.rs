//! The families of heartbeats: timestamps, not ages, so that alerts go by Prometheus's clock.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, LabelSetEncoder};

use super::sample::{Value, counter, gauge, label, metric_type};
use super::{Family, Worth, row};
use crate::model::{HeartbeatState, SignalKind};
use crate::state::{HeartbeatView, Snapshot};

/// Where a family of heartbeats takes its values from; absent ones are not exposed.
pub enum Source {
    /// A gauge.
    Gauge(fn(&HeartbeatView) -> Option<Value>),
    /// One series a state, exactly one of them 1.
    State,
    /// A counter a kind of report.
    Signals,
    /// A counter of refused reports.
    Rejected,
}

impl Source {
    /// The type in the exposition.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Gauge(_) | Self::State => "gauge",
            Self::Signals | Self::Rejected => "counter",
        }
    }

    /// How many series it has.
    pub fn count(&self, snapshot: &Snapshot) -> usize {
        let views = &snapshot.heartbeats;
        match self {
            Self::Gauge(value) => views.iter().filter(|view| value(view).is_some()).count(),
            Self::State => views.len() * HeartbeatState::ALL.len(),
            Self::Signals => views.len() * SignalKind::COUNT,
            Self::Rejected => snapshot.health.heartbeats_rejected.len(),
        }
    }
}

const ONE: &str = "heartbeat";

/// The collector of heartbeats, in the order of the exposition.
pub static FAMILIES: &[Family<Source>] = &[
    row(
        "lanpulse_heartbeat_state",
        "The state of the heartbeat: exactly one is 1",
        "heartbeat, state (new, up, late, down, paused)",
        Worth::Core,
        Source::State,
    ),
    row(
        "lanpulse_heartbeat_fresh",
        "Whether the heartbeat is within its deadline or outside its hours: 0 when overdue or failed, absent while new or paused",
        ONE,
        Worth::Core,
        Source::Gauge(|view| view.fresh().map(Value::from)),
    ),
    row(
        "lanpulse_heartbeat_in_hours",
        "Whether the hours of the heartbeat are open; 1 without hours",
        ONE,
        Worth::Core,
        Source::Gauge(|view| Some(view.in_hours.into())),
    ),
    row(
        "lanpulse_heartbeat_deadline_timestamp_seconds",
        "When the heartbeat is missed unless it reports, in seconds since the Unix epoch; absent while new or paused",
        ONE,
        Worth::Core,
        Source::Gauge(|view| view.due.deadline.map(Value::from)),
    ),
    row(
        "lanpulse_heartbeat_expected_timestamp_seconds",
        "When the heartbeat is next expected, in seconds since the Unix epoch; absent while new or paused",
        ONE,
        Worth::Detail,
        Source::Gauge(|view| view.due.expected.map(Value::from)),
    ),
    row(
        "lanpulse_heartbeat_last_success_timestamp_seconds",
        "When the heartbeat last reported success, in seconds since the Unix epoch",
        ONE,
        Worth::Core,
        Source::Gauge(|view| view.row.last_ok.map(Value::from)),
    ),
    row(
        "lanpulse_heartbeat_last_signal_timestamp_seconds",
        "When the heartbeat last reported anything, in seconds since the Unix epoch",
        ONE,
        Worth::Detail,
        Source::Gauge(|view| view.row.last_signal.map(Value::from)),
    ),
    row(
        "lanpulse_heartbeat_running",
        "Whether a run has started and not ended",
        ONE,
        Worth::Core,
        Source::Gauge(|view| Some(view.row.running.into())),
    ),
    row(
        "lanpulse_heartbeat_last_duration_seconds",
        "How long the last run took from its start signal, or as the client said",
        ONE,
        Worth::Detail,
        Source::Gauge(|view| view.row.last_duration.map(Value::from)),
    ),
    row(
        "lanpulse_heartbeat_last_exit_code",
        "The exit code of the last run, if it told one",
        ONE,
        Worth::Detail,
        Source::Gauge(|view| view.row.last_exit.map(|code| Value::Float(code as f64))),
    ),
    row(
        "lanpulse_heartbeat_consecutive_failures",
        "Reported failures in a row, ending now",
        ONE,
        Worth::Core,
        Source::Gauge(|view| Some(Value::Int(view.row.failures.into()))),
    ),
    row(
        "lanpulse_heartbeat_signals",
        "Reports taken in",
        "heartbeat, kind (ok, fail, start, log, exit)",
        Worth::Detail,
        Source::Signals,
    ),
    row(
        "lanpulse_heartbeat_rejected",
        "Reports refused; heartbeat is empty where the token is unknown",
        "heartbeat, reason (token, rate, method, too_large, malformed, store)",
        Worth::Core,
        Source::Rejected,
    ),
];

/// One family over all heartbeats.
pub fn encode(encoder: &mut DescriptorEncoder, family: &Family<Source>, snapshot: &Snapshot) -> fmt::Result {
    // A family without series is nothing to those who have no heartbeats.
    if family.source.count(snapshot) == 0 {
        return Ok(());
    }
    let kind = metric_type(family.source.kind());
    let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
    if let Source::Rejected = family.source {
        for (name, reason, count) in &snapshot.health.heartbeats_rejected {
            let labels = Labels(name.as_str(), Some(("reason", reason)));
            counter(&mut metric, &labels, Value::Int(*count))?;
        }
    }
    for view in &snapshot.heartbeats {
        let name = view.heartbeat.name.as_str();
        match family.source {
            Source::Gauge(value) => {
                if let Some(value) = value(view) {
                    gauge(&mut metric, &Labels(name, None), value)?;
                }
            }
            Source::State => {
                for state in HeartbeatState::ALL {
                    let labels = Labels(name, Some(("state", state.as_str())));
                    gauge(&mut metric, &labels, (state == view.state).into())?;
                }
            }
            Source::Signals => {
                for (kind, count) in SignalKind::LABELS.iter().zip(view.signals) {
                    counter(&mut metric, &Labels(name, Some(("kind", kind))), Value::Int(count))?;
                }
            }
            Source::Rejected => {}
        }
    }
    Ok(())
}

/// `heartbeat` and what a family adds.
struct Labels<'a>(&'a str, Option<(&'a str, &'a str)>);

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        label(encoder, "heartbeat", self.0)?;
        self.1.iter().try_for_each(|(name, value)| label(encoder, name, value))
    }
}
