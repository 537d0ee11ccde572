//! Rows that wait to be written.
//!
//! The queue and the writer's batch are both a [`Pending`]. It knows nothing of tables:
//! 1. Of rows with a key only the newest waits. A deletion waits beside a newer row of the same key, and is written first.
//! 2. Rows without a key all wait, in their order, up to a limit: a full disk must not eat the memory. The oldest is
//!    dropped first, but never one whose writing is still to be acknowledged.
//! 3. What could not be written waits under what came since.

use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{VecDeque, vec_deque};

use super::walks;
use crate::model::{LabelValue, Row, Timestamp};

/// How many signals of heartbeats wait at most, each with up to 10 KiB of text.
const SIGNALS: usize = 2_000;
/// How many events, scans and audit rows wait at most.
const HISTORY: usize = 20_000;

/// Which waiting row a newer one replaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Device(LabelValue),
    Walk(LabelValue),
    Outage(LabelValue, Timestamp),
    Record(u64),
    Heartbeat(LabelValue),
    Alive,
}

/// Rows that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Pending {
    deletions: BTreeMap<Key, Row>,
    newest: BTreeMap<Key, Row>,
    /// The rows in `newest`, as [`size`] counts them.
    newest_len: usize,
    signals: Log<SIGNALS>,
    history: Log<HISTORY>,
}

impl Pending {
    /// Adds a row. `awaited`: somebody is told when it is on disk.
    pub(super) fn add(&mut self, row: Row, awaited: bool) {
        match &row {
            Row::Device(device) => self.replace(Key::Device(device.name.clone()), row),
            Row::ForgetDevice(name) => self.delete(Key::Device(name.clone()), row),
            Row::Walk(walk) => self.replace(Key::Walk(walk.device.clone()), row),
            Row::Outage(outage) => self.replace(Key::Outage(outage.agent.clone(), outage.start), row),
            Row::Record(record) => self.replace(Key::Record(record.id), row),
            Row::ForgetRecord(id) => self.delete(Key::Record(*id), row),
            Row::Heartbeat(name, _) => self.replace(Key::Heartbeat(name.clone()), row),
            Row::ForgetHeartbeat(name) => {
                self.signals.drop_of(name);
                self.delete(Key::Heartbeat(name.clone()), row);
            }
            Row::Alive(_) => self.replace(Key::Alive, row),
            Row::Signal(_) => self.signals.push(row, awaited),
            Row::Event(_) | Row::Scan(_) | Row::Audit(_) => self.history.push(row, awaited),
        }
    }

    /// Puts back what could not be written, under what has come since. Nobody waits for the old rows any more.
    pub(super) fn restore(&mut self, mut old: Self) {
        old.signals.release();
        old.history.release();
        let newer = std::mem::replace(self, old);
        for row in newer.deletions.into_values().chain(newer.newest.into_values()) {
            self.add(row, false);
        }
        self.signals.append(newer.signals);
        self.history.append(newer.history);
    }

    /// The rows, in the order to write them.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        let keyed = self.deletions.values().chain(self.newest.values());
        keyed.chain(self.signals.rows()).chain(self.history.rows())
    }

    /// How many rows of tables they are.
    pub(super) fn len(&self) -> usize {
        self.deletions.len() + self.newest_len + self.signals.len() + self.history.len()
    }

    fn replace(&mut self, key: Key, newer: Row) {
        match self.newest.entry(key) {
            Entry::Vacant(place) => {
                self.newest_len += size(&newer);
                place.insert(newer);
            }
            Entry::Occupied(mut place) => {
                self.newest_len -= size(place.get());
                match (place.get_mut(), newer) {
                    (Row::Walk(older), Row::Walk(newer)) => walks::merge(older, newer),
                    (older, newer) => *older = newer,
                }
                self.newest_len += size(place.get());
            }
        }
    }

    fn delete(&mut self, key: Key, deletion: Row) {
        if let Some(older) = self.newest.remove(&key) {
            self.newest_len -= size(&older);
        }
        self.deletions.insert(key, deletion);
    }
}

/// How many rows of tables one row is.
fn size(row: &Row) -> usize {
    match row {
        Row::Walk(walk) => 1 + walk.interfaces.len(),
        _ => 1,
    }
}

/// Rows that are all written, in their order; `MOST` of them wait.
#[derive(Debug, Default)]
struct Log<const MOST: usize> {
    rows: VecDeque<Row>,
    /// Somebody is told when some of them are on disk.
    awaited: bool,
}

impl<const MOST: usize> Log<MOST> {
    fn push(&mut self, row: Row, awaited: bool) {
        self.awaited |= awaited;
        self.rows.push_back(row);
        self.trim();
    }

    fn append(&mut self, newer: Self) {
        self.awaited |= newer.awaited;
        self.rows.extend(newer.rows);
        self.trim();
    }

    /// Nobody is told any more.
    fn release(&mut self) {
        self.awaited = false;
        self.trim();
    }

    fn trim(&mut self) {
        if !self.awaited {
            let surplus = self.rows.len().saturating_sub(MOST);
            self.rows.drain(..surplus);
        }
    }

    /// Drops the signals of a heartbeat.
    fn drop_of(&mut self, heartbeat: &LabelValue) {
        let other = |row: &Row| !matches!(row, Row::Signal(signal) if signal.heartbeat == *heartbeat);
        self.rows.retain(other);
    }

    fn rows(&self) -> vec_deque::Iter<'_, Row> {
        self.rows.iter()
    }

    fn len(&self) -> usize {
        self.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Audit, HeartbeatRow, MEASURES, PersistedCounter, PersistedWalk, Signal, SignalKind, SignalRecord,
    };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn heartbeat(name: &str, seconds: u64) -> Row {
        let row = HeartbeatRow {
            last_ok: Some(at(seconds)),
            ..HeartbeatRow::default()
        };
        Row::Heartbeat(name.into(), Box::new(row))
    }

    fn signal(heartbeat: &str, seconds: u64) -> Row {
        Row::Signal(SignalRecord {
            heartbeat: heartbeat.into(),
            at: at(seconds),
            signal: Signal {
                kind: SignalKind::Ok,
                run_id: None,
                duration: None,
                source: None,
                message: None,
            },
        })
    }

    fn audit(seconds: u64) -> Row {
        Row::Audit(Audit {
            at: at(seconds),
            by: "x".into(),
            device: 1,
            change: "{}".into(),
        })
    }

    fn walk(address: &str, interfaces: &[(&str, u64)]) -> Row {
        let counters = |(name, total): &(&str, u64)| {
            let counters = [PersistedCounter::Narrow(*total); MEASURES.len()];
            ((*name).into(), Some(counters))
        };
        Row::Walk(PersistedWalk {
            agent: "local".into(),
            device: "sw".into(),
            address: address.into(),
            at: at(1),
            uptime: None,
            interfaces: interfaces.iter().map(counters).collect(),
        })
    }

    fn pending(rows: impl IntoIterator<Item = Row>) -> Pending {
        let mut pending = Pending::default();
        for row in rows {
            pending.add(row, false);
        }
        pending
    }

    fn rows(pending: &Pending) -> Vec<Row> {
        pending.rows().cloned().collect()
    }

    #[test]
    fn the_newest_row_of_a_key_waits_and_every_row_without_one() {
        let forget = |id| Row::ForgetRecord(id);
        let gone = |name: &str| Row::ForgetHeartbeat(name.into());
        // (rows in the order they came, what is written)
        let cases = [
            (
                vec![heartbeat("b", 1), heartbeat("a", 1), heartbeat("b", 2), audit(1)],
                vec![heartbeat("a", 1), heartbeat("b", 2), audit(1)],
            ),
            (vec![audit(2), audit(1), audit(2)], vec![audit(2), audit(1), audit(2)]),
            (vec![Row::Alive(at(1)), Row::Alive(at(2))], vec![Row::Alive(at(2))]),
            (vec![forget(1), forget(1), forget(2)], vec![forget(1), forget(2)]),
            // A heartbeat that is deleted takes its signals with it; a new one of its name starts without them.
            (
                vec![heartbeat("a", 1), signal("a", 1), signal("b", 1), gone("a")],
                vec![gone("a"), signal("b", 1)],
            ),
            (
                vec![signal("a", 1), gone("a"), heartbeat("a", 2), signal("a", 2)],
                vec![gone("a"), heartbeat("a", 2), signal("a", 2)],
            ),
            (
                vec![walk("x", &[("1", 1), ("2", 2)]), walk("x", &[("2", 3), ("3", 4)])],
                vec![walk("x", &[("1", 1), ("2", 3), ("3", 4)])],
            ),
            (
                vec![walk("x", &[("1", 1), ("2", 2)]), walk("y", &[("2", 3)])],
                vec![walk("y", &[("2", 3)])],
            ),
        ];
        for (came, written) in cases {
            let all = pending(came.clone());
            assert_eq!(rows(&all), written, "{came:?}");
            assert_eq!(all.len(), written.iter().map(size).sum::<usize>(), "{came:?}");
            // The same where the first of them could not be written at first.
            for split in 0..=came.len() {
                let mut newer = pending(came[split..].iter().cloned());
                newer.restore(pending(came[..split].iter().cloned()));
                assert_eq!(rows(&newer), written, "{split}: {came:?}");
                assert_eq!(newer.len(), all.len(), "{split}: {came:?}");
            }
        }
    }

    #[test]
    fn rows_without_a_key_are_bounded_and_the_oldest_are_dropped() {
        let mut all = pending((0..3000).map(|n| signal("a", n)));
        assert_eq!((all.len(), rows(&all)[0].clone()), (SIGNALS, signal("a", 1000)));
        for n in 0..30_000 {
            all.add(audit(n), false);
        }
        assert_eq!(all.len(), SIGNALS + HISTORY);
        assert_eq!(rows(&all).last(), Some(&audit(29_999)));
    }

    #[test]
    fn a_row_that_is_still_to_be_acknowledged_is_never_dropped() {
        let mut first = Pending::default();
        for n in 0..3000 {
            first.add(signal("a", n), true);
        }
        assert_eq!(first.len(), 3000);
        let mut second = Pending::default();
        for n in 3000..3010 {
            second.add(signal("a", n), true);
        }
        // The commit of the first failed: they are not acknowledged.
        second.restore(first);
        assert_eq!(second.len(), SIGNALS + 10);
        let mut third = Pending::default();
        third.restore(second);
        assert_eq!((third.len(), rows(&third)[0].clone()), (SIGNALS, signal("a", 1010)));
    }
}
