//! Heartbeats as the API shows them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::auth::is_provisioned;
use crate::api::time::rfc3339;
use crate::model::{HeartbeatState, Schedule, SignalRecord, Timestamp};
use crate::state::{HeartbeatView, Snapshot};

/// One heartbeat.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    source: &'static str,
    state: &'static str,
    paused: bool,
    running: bool,
    in_hours: bool,
    schedule: Value,
    grace_seconds: f64,
    start_within_seconds: f64,
    max_runtime_seconds: f64,
    hours: Option<&'a str>,
    expected: Option<String>,
    deadline: Option<String>,
    last_success: Option<String>,
    last_failure: Option<String>,
    last_start: Option<String>,
    last_signal: Option<String>,
    last_duration_seconds: Option<f64>,
    last_exit_code: Option<i64>,
    consecutive_failures: u32,
}

fn row(view: &HeartbeatView) -> Row<'_> {
    let (heartbeat, row) = (&view.heartbeat, &view.row);
    let time = |at: Option<Timestamp>| at.map(rfc3339);
    let schedule = match &heartbeat.schedule {
        Schedule::Every(period) => json!({ "every_seconds": period.as_secs_f64() }),
        Schedule::Cron(cron) => json!({ "cron": cron.text, "tz": cron.zone.iana_name() }),
    };
    Row {
        name: heartbeat.name.as_str(),
        source: if is_provisioned(heartbeat) { "auto" } else { "config" },
        state: view.state.as_str(),
        paused: row.paused,
        running: row.running,
        in_hours: view.in_hours,
        schedule,
        grace_seconds: heartbeat.grace.as_secs_f64(),
        start_within_seconds: heartbeat.start_within.as_secs_f64(),
        max_runtime_seconds: heartbeat.max_runtime.as_secs_f64(),
        hours: heartbeat.hours.as_ref().map(|hours| hours.name.as_str()),
        expected: time(view.due.expected),
        deadline: time(view.due.deadline),
        last_success: time(row.last_ok),
        last_failure: time(row.last_fail),
        last_start: time(row.last_start),
        last_signal: time(row.last_signal),
        last_duration_seconds: row.last_duration.map(|took| took.as_secs_f64()),
        last_exit_code: row.last_exit,
        consecutive_failures: row.failures,
    }
}

/// All heartbeats.
pub fn all(snapshot: &Snapshot) -> Value {
    let rows: Vec<Row> = snapshot.heartbeats.iter().map(row).collect();
    json!({ "total": rows.len(), "heartbeats": rows })
}

/// How many heartbeats are in each state, and which are down.
pub fn summary(snapshot: &Snapshot) -> Value {
    let views = &snapshot.heartbeats;
    let counts: BTreeMap<&str, usize> = HeartbeatState::ALL
        .iter()
        .map(|state| (state.as_str(), views.iter().filter(|view| view.state == *state).count()))
        .collect();
    let down: Vec<Row> = down(snapshot).map(row).collect();
    json!({ "total": views.len(), "states": counts, "down": down })
}

/// The heartbeats that are down.
pub fn down(snapshot: &Snapshot) -> impl Iterator<Item = &HeartbeatView> {
    let views = snapshot.heartbeats.iter();
    views.filter(|view| view.state.is_down())
}

/// Why a heartbeat is down, in words.
pub fn down_reason(view: &HeartbeatView) -> &'static str {
    match (view.row.failures, view.row.running) {
        (1.., _) => "it reported a failure",
        (0, true) => "its run has not ended in time",
        (0, false) => "it has not reported in time",
    }
}

/// One heartbeat with its latest reports, the newest first.
pub fn one(view: &HeartbeatView, signals: &[SignalRecord]) -> Value {
    let signal = |record: &SignalRecord| {
        let signal = &record.signal;
        json!({
            "at": rfc3339(record.at),
            "kind": signal.kind.as_str(),
            "exit": signal.kind.exit(),
            "run_id": signal.run_id,
            "duration_seconds": signal.duration.map(|took| took.as_secs_f64()),
            "source": signal.source,
            "message": signal.message,
        })
    };
    let mut body = serde_json::to_value(row(view)).unwrap_or_default();
    body["signals"] = signals.iter().map(signal).collect();
    body
}
