//! One heartbeat: from what is stored of it, its schedule and the time to new, up, late, down or paused.
//!
//! The rules, by number in the code:
//! 1. The schedule counts from the last report that ended a run, or from a later moment at which it was resumed or
//!    changed. What never reported is new and has no deadline.
//! 2. Expected at the next slot or one period later; down `start_within` after that. Outside its hours the clock
//!    stands still.
//! 3. While a run is watched the deadline is its start plus `max_runtime`, but at the latest when a run that had
//!    started in time would have to be done: starting again and again is no success.
//! 4. A run that starts while the heartbeat is down is not watched: only success ends down.
//! 5. A failure is down at once, until the next success.
//! 6. A success of another run leaves the open run open; a failure ends it whatever run it speaks of.
//! 7. A deadline that fell into lanpulse's absence, or shortly after its end, moves past its end. One that had
//!    passed before stays passed.
//! 8. A pause stops everything but the book-keeping, until a person ends it. Then the schedule counts from there.

use std::sync::Arc;
use std::time::Duration;

use super::schedule::{expected, later};
use crate::model::{Heartbeat, HeartbeatRow, HeartbeatState, Schedule, Signal, SignalKind, Timestamp};

/// How long after lanpulse's absence nothing that fell due in it counts as missed.
pub const STARTUP_GRACE: Duration = Duration::from_secs(5 * 60);

/// What a run's start and end may be apart for the end to tell how long it took.
const LONGEST_RUN: Duration = Duration::from_secs(72 * 3600);

/// When a heartbeat is expected, and when it is down if it does not report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The next slot, or one period after the last report.
    pub expected: Option<Timestamp>,
    /// Down from here on.
    pub deadline: Option<Timestamp>,
}

/// When it is due: rules 1, 2, 3, 7 and 8.
pub fn due(heartbeat: &Heartbeat, row: &HeartbeatRow) -> Due {
    if row.paused {
        return Due::default();
    }
    let hours = heartbeat.hours.as_deref();
    let add = |from: Option<Timestamp>, span| from.and_then(|from| later(hours, from, span));
    // 1
    let base = row.completed().max(row.counted_from);
    let expected = base.and_then(|base| expected(heartbeat, base));
    // 2
    let start_by = add(expected, heartbeat.start_within);
    // 3
    let raw = match row.watched_since {
        Some(since) => {
            let done_by = add(Some(since), heartbeat.max_runtime);
            let at_latest = add(start_by, heartbeat.max_runtime);
            [done_by, at_latest].into_iter().flatten().min()
        }
        None => start_by,
    };
    // 7
    let deadline = raw.map(|raw| row.excused_until.map_or(raw, |until| raw.max(until)));
    Due { expected, deadline }
}

/// How it is doing.
pub fn judge(row: &HeartbeatRow, due: Due, now: Timestamp) -> HeartbeatState {
    let passed = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
    if row.paused {
        HeartbeatState::Paused
    } else if row.failures > 0 || passed(due.deadline) {
        HeartbeatState::Down
    } else if row.completed().is_none() || row.resumed_at > row.completed() {
        HeartbeatState::New
    } else if passed(due.expected) && row.watched_since.is_none() {
        HeartbeatState::Late
    } else {
        HeartbeatState::Up
    }
}

/// Takes in a report.
pub fn apply(heartbeat: &Heartbeat, row: &mut HeartbeatRow, signal: &Signal, now: Timestamp) {
    row.last_signal = Some(now);
    match signal.kind.success() {
        None if signal.kind == SignalKind::Start => {
            // 4
            let down = judge(row, due(heartbeat, row), now) == HeartbeatState::Down;
            if !down && !row.paused {
                row.watched_since = Some(now);
            }
            row.last_start = Some(now);
            row.running = true;
            row.run_id.clone_from(&signal.run_id);
        }
        None => {}
        Some(success) => {
            let same_run = row.run_id == signal.run_id;
            let took = row
                .last_start
                .filter(|_| row.running && same_run)
                .map(|start| now.since(start))
                .filter(|took| *took < LONGEST_RUN);
            row.last_duration = signal.duration.or(took);
            row.last_exit = signal.kind.exit();
            // 5
            if success {
                row.last_ok = Some(now);
                row.failures = 0;
            } else {
                row.last_fail = Some(now);
                row.failures = row.failures.saturating_add(1);
            }
            // 6
            if same_run || !success {
                row.running = false;
                row.run_id = None;
                row.watched_since = None;
            }
            row.excused_until = None;
        }
    }
}

/// Pauses or resumes it: rule 8. Returns whether that changed anything.
pub fn pause(row: &mut HeartbeatRow, paused: bool, now: Timestamp) -> bool {
    if row.paused == paused {
        return false;
    }
    row.paused = paused;
    row.watched_since = None;
    row.excused_until = None;
    if !paused && row.completed().is_some() {
        row.resumed_at = Some(now);
        row.counted_from = Some(now);
        row.failures = 0;
    }
    true
}

/// Moves a deadline that fell into an absence, or shortly after its end: rule 7. Returns whether it moved.
pub fn excuse(heartbeat: &Heartbeat, row: &mut HeartbeatRow, from: Timestamp, to: Timestamp) -> bool {
    let Some(deadline) = due(heartbeat, row).deadline else {
        return false;
    };
    if deadline < from || deadline > to.plus(STARTUP_GRACE) {
        return false;
    }
    let round = match &heartbeat.schedule {
        Schedule::Every(period) => *period + heartbeat.grace,
        Schedule::Cron(_) => STARTUP_GRACE,
    };
    // By the clock of its hours, too: what moves past the end of the day moves to the next.
    match later(heartbeat.hours.as_deref(), to, round.min(STARTUP_GRACE)) {
        Some(moved) if moved > deadline => {
            row.excused_until = Some(moved);
            true
        }
        _ => false,
    }
}

/// The clock was put back: nothing has happened in the future. Returns whether anything had.
pub fn put_back(row: &mut HeartbeatRow, now: Timestamp) -> bool {
    let before = row.clone();
    for time in [
        &mut row.last_ok,
        &mut row.last_fail,
        &mut row.last_start,
        &mut row.last_signal,
        &mut row.watched_since,
        &mut row.resumed_at,
        &mut row.counted_from,
    ] {
        *time = time.map(|time| time.min(now));
    }
    row.excused_until = row.excused_until.map(|until| until.min(now.plus(STARTUP_GRACE)));
    *row != before
}

/// One heartbeat and what is shown of it.
#[derive(Clone, Debug)]
pub struct HeartbeatView {
    /// As configured.
    pub heartbeat: Arc<Heartbeat>,
    /// What is stored.
    pub row: HeartbeatRow,
    /// When it is due.
    pub due: Due,
    /// How it is doing.
    pub state: HeartbeatState,
    /// Whether its hours are open.
    pub in_hours: bool,
    /// Reports since the daemon started, in the order of [`SignalKind::LABELS`].
    pub signals: [u64; SignalKind::COUNT],
}

impl HeartbeatView {
    /// 1 while within the deadline or outside its hours, 0 when overdue or failed; absent while new or paused.
    pub fn fresh(&self) -> Option<bool> {
        match self.state {
            HeartbeatState::New | HeartbeatState::Paused => None,
            HeartbeatState::Up | HeartbeatState::Late => Some(true),
            HeartbeatState::Down => Some(!self.in_hours),
        }
    }
}

#[cfg(test)]
#[path = "heartbeat_tests.rs"]
mod tests;
