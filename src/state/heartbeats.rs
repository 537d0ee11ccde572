//! All heartbeats: who is configured, what is stored of each, and what lanpulse's own absences do to them.
//!
//! Owns the rows; gives each changed one back, to be stored. The rules of a single heartbeat are in `heartbeat.rs`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::heartbeat::{Due, HeartbeatView, apply, due, excuse, judge, pause, put_back};
use crate::model::{
    Heartbeat, HeartbeatChange, HeartbeatRow, HeartbeatState, LabelValue, Schedule, Signal, SignalKind, Timestamp,
    Token,
};

/// A step of the wall clock against the monotonic one from which it counts as one.
const STEP: Duration = Duration::from_secs(2);
/// So long between two ticks, lanpulse was not there: frozen, or starved.
const FROZEN: Duration = Duration::from_secs(10);

/// The state of all heartbeats.
#[derive(Default)]
pub struct Heartbeats {
    /// In the order of the configuration, provisioned ones after it.
    beats: Vec<Beat>,
    index: HashMap<LabelValue, usize>,
    /// What is stored of heartbeats that are not configured now.
    remembered: HashMap<LabelValue, HeartbeatRow>,
    /// lanpulse's own last absence, until the first configuration is there.
    absence: Option<(Timestamp, Timestamp)>,
    last_tick: Option<Timestamp>,
    clock_steps: u64,
    /// Rows changed by time or configuration, to be stored.
    dirty: Vec<LabelValue>,
}

struct Beat {
    heartbeat: Arc<Heartbeat>,
    row: HeartbeatRow,
    due: Due,
    signals: [u64; SignalKind::COUNT],
    /// The state when last looked at.
    seen: HeartbeatState,
}

impl Beat {
    fn renew(&mut self) {
        self.due = due(&self.heartbeat, &self.row);
    }
}

impl Heartbeats {
    /// Takes in what the store knows, with lanpulse away from `alive_until` to now. Heartbeats that have reported in
    /// the meantime (the store could not be read at first) keep their newer times.
    pub fn restore(&mut self, rows: HashMap<LabelValue, HeartbeatRow>, alive_until: Option<Timestamp>, now: Timestamp) {
        let from = alive_until.unwrap_or(now).min(now);
        if self.beats.is_empty() {
            self.absence = Some((from, now));
        }
        for (name, mut row) in rows {
            put_back(&mut row, now);
            let Some(beat) = self.index.get(&name).and_then(|index| self.beats.get_mut(*index)) else {
                self.remembered.insert(name, row);
                continue;
            };
            if beat.row.last_signal.is_none() {
                beat.row = row;
                excuse(&beat.heartbeat, &mut beat.row, from, now);
            } else {
                beat.row.paused = row.paused;
                beat.row.last_ok = beat.row.last_ok.max(row.last_ok);
                beat.row.last_fail = beat.row.last_fail.max(row.last_fail);
            }
            beat.renew();
            self.dirty.push(name);
        }
    }

    /// Makes these the heartbeats. Those that stay keep what they had:
    /// 1. at the first time, deadlines that fell into lanpulse's absence move;
    /// 2. later, one that comes back or whose schedule changed, and would be overdue by that, counts from now.
    pub fn adopt(&mut self, heartbeats: &[Arc<Heartbeat>], now: Timestamp) {
        let absence = self.absence.take();
        let mut old: HashMap<LabelValue, Beat> = self
            .beats
            .drain(..)
            .map(|beat| (beat.heartbeat.name.clone(), beat))
            .collect();
        self.index.clear();
        for heartbeat in heartbeats {
            let name = &heartbeat.name;
            let beat = match old.remove(name) {
                Some(beat) => self.changed(beat, heartbeat, now),
                None => self.added(heartbeat, absence, now),
            };
            self.index.insert(name.clone(), self.beats.len());
            self.beats.push(beat);
        }
        for (name, beat) in old {
            self.remembered.insert(name, beat.row);
        }
    }

    fn added(&mut self, heartbeat: &Arc<Heartbeat>, absence: Option<(Timestamp, Timestamp)>, now: Timestamp) -> Beat {
        let mut row = self.remembered.remove(&heartbeat.name).unwrap_or_default();
        let moved = match absence {
            Some((from, to)) => excuse(heartbeat, &mut row, from, to),
            None => recount(heartbeat, &mut row, now),
        };
        if moved {
            self.dirty.push(heartbeat.name.clone());
        }
        let due = due(heartbeat, &row);
        Beat {
            heartbeat: heartbeat.clone(),
            seen: judge(&row, due, now),
            row,
            due,
            signals: [0; SignalKind::COUNT],
        }
    }

    fn changed(&mut self, mut beat: Beat, heartbeat: &Arc<Heartbeat>, now: Timestamp) -> Beat {
        let overdue = beat.due.deadline.is_some_and(|deadline| deadline <= now);
        if *beat.heartbeat != **heartbeat {
            beat.heartbeat = heartbeat.clone();
            if !overdue && recount(heartbeat, &mut beat.row, now) {
                self.dirty.push(heartbeat.name.clone());
            }
            beat.renew();
        }
        beat
    }

    /// Adds one that a client provisions.
    pub fn provision(&mut self, heartbeat: &Arc<Heartbeat>, now: Timestamp) {
        if self.index.contains_key(&heartbeat.name) {
            return;
        }
        let mut beat = self.added(heartbeat, None, now);
        if let Schedule::Every(every) = heartbeat.schedule {
            beat.row.provision = Some((every, heartbeat.grace));
        }
        self.index.insert(heartbeat.name.clone(), self.beats.len());
        self.beats.push(beat);
    }

    /// Forgets one that a client has provisioned. Nothing where there is none of this name, false where it is another
    /// kind.
    pub fn forget(&mut self, name: &LabelValue) -> Option<bool> {
        let index = *self.index.get(name)?;
        if self.beats[index].heartbeat.token != Token::Enrolment {
            return Some(false);
        }
        self.beats.remove(index);
        let places = self.beats.iter().enumerate();
        self.index = places
            .map(|(index, beat)| (beat.heartbeat.name.clone(), index))
            .collect();
        self.dirty.retain(|dirty| dirty != name);
        Some(true)
    }

    /// What is stored of those that clients have provisioned, whether they are watched now or not.
    pub fn provisioned(&self) -> Vec<(LabelValue, Duration, Duration)> {
        let watched = self.beats.iter().map(|beat| (&beat.heartbeat.name, &beat.row));
        let mut all: Vec<_> = watched
            .chain(&self.remembered)
            .filter_map(|(name, row)| row.provision.map(|(every, grace)| (name.clone(), every, grace)))
            .collect();
        all.sort();
        all
    }

    /// Takes in a report. Returns the row to store; nothing where there is no such heartbeat.
    pub fn signal(&mut self, name: &LabelValue, signal: &Signal, now: Timestamp) -> Option<HeartbeatRow> {
        let beat = self.beats.get_mut(*self.index.get(name)?)?;
        apply(&beat.heartbeat, &mut beat.row, signal, now);
        beat.signals[signal.kind.index()] += 1;
        beat.renew();
        Some(beat.row.clone())
    }

    /// Pauses or resumes one. Returns the row to store; nothing where there is no such heartbeat.
    pub fn pause(&mut self, name: &LabelValue, paused: bool, now: Timestamp) -> Option<HeartbeatRow> {
        let beat = self.beats.get_mut(*self.index.get(name)?)?;
        pause(&mut beat.row, paused, now);
        beat.renew();
        Some(beat.row.clone())
    }

    /// Compares the wall clock with the monotonic time since the last tick. A step, a suspended host and a frozen
    /// process are absences of lanpulse: deadlines in them move. Must be called before anything is judged.
    pub fn tick(&mut self, now: Timestamp, elapsed: Duration) {
        let Some(last) = self.last_tick.replace(now) else {
            return;
        };
        let ahead = now.since(last).saturating_sub(elapsed);
        let behind = last.plus(elapsed).since(now);
        if ahead <= STEP && behind <= STEP && elapsed < FROZEN {
            return;
        }
        if ahead > STEP || behind > STEP {
            self.clock_steps += 1;
        }
        for beat in &mut self.beats {
            let moved = put_back(&mut beat.row, now);
            let excused = excuse(&beat.heartbeat, &mut beat.row, last.min(now), now);
            if moved || excused {
                self.dirty.push(beat.heartbeat.name.clone());
            }
            beat.renew();
        }
        for row in self.remembered.values_mut() {
            put_back(row, now);
        }
    }

    /// What has changed since it was last asked.
    pub fn sweep(&mut self, now: Timestamp) -> Vec<HeartbeatChange> {
        let change = |beat: &mut Beat| {
            let state = judge(&beat.row, beat.due, now);
            let from = std::mem::replace(&mut beat.seen, state);
            (from != state).then(|| HeartbeatChange {
                heartbeat: beat.heartbeat.name.clone(),
                from,
                to: state,
                failed: beat.row.failures > 0,
                running: beat.row.running,
            })
        };
        self.beats.iter_mut().filter_map(change).collect()
    }

    /// Rows that time or configuration has changed, each once.
    pub fn dirty(&mut self) -> Vec<(LabelValue, HeartbeatRow)> {
        let mut names = std::mem::take(&mut self.dirty);
        names.sort();
        names.dedup();
        let row = |name: LabelValue| {
            let beat = self.beats.get(*self.index.get(&name)?)?;
            Some((name, beat.row.clone()))
        };
        names.into_iter().filter_map(row).collect()
    }

    /// Whether there is one of this name.
    pub fn contains(&self, name: &LabelValue) -> bool {
        self.index.contains_key(name)
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.beats.is_empty()
    }

    /// How often the wall clock has stepped.
    pub fn clock_steps(&self) -> u64 {
        self.clock_steps
    }

    /// What is true now.
    pub fn views(&self, now: Timestamp) -> Vec<HeartbeatView> {
        let view = |beat: &Beat| HeartbeatView {
            heartbeat: beat.heartbeat.clone(),
            row: beat.row.clone(),
            due: beat.due,
            state: judge(&beat.row, beat.due, now),
            in_hours: beat.heartbeat.hours.as_ref().is_none_or(|hours| hours.contains(now)),
            signals: beat.signals,
        };
        self.beats.iter().map(view).collect()
    }
}

/// Counts the schedule from now where it would be overdue otherwise.
fn recount(heartbeat: &Heartbeat, row: &mut HeartbeatRow, now: Timestamp) -> bool {
    let overdue = due(heartbeat, row).deadline.is_some_and(|deadline| deadline <= now);
    if overdue {
        row.counted_from = Some(now);
        row.watched_since = None;
    }
    overdue
}

#[cfg(test)]
#[path = "heartbeats_tests.rs"]
mod tests;
