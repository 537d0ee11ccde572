//! What waits for the writer: one row a device, and those who want to know when it is on disk.
//!
//! Owns the hand-over between the callers and the writer's thread, and its pace. Gets [`Command`]s from the handles;
//! gives a [`Batch`] at a time to `writer`. Nobody holds the lock while the disk is at work.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::devices::{Change, Changes};
use super::health::Gauges;
use super::heartbeats::Beats;
use super::outages::Outages;
use super::pending::Pending;
use super::walks::{self, Walks};
use crate::model::Row;

/// At most one group commit in this time, unless somebody waits for it.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// Where there is nothing to write: a disk that is full, locked or read-only is known before something is lost.
const CHECK_EVERY: Duration = Duration::from_secs(10);
/// After a failure.
const RETRY_EVERY: Duration = Duration::from_secs(5);
/// After a failure, while somebody waits.
const URGENT_RETRY_EVERY: Duration = Duration::from_secs(1);

/// Called once, after COMMIT; dropped without a call where that never happened. It runs on the writer's thread and
/// must not wait for anything: it sends on a channel.
pub(super) type Reply = Box<dyn FnOnce() + Send>;

/// What can be asked of the writer. A write that must be acknowledged carries a [`Reply`], joins the [`Batch`] with it
/// and sets `urgent` in [`Queue::push`].
pub(super) enum Command {
    /// Write these rows; the latest row of a key wins.
    Keep(Vec<Row>),
    /// Write these rows; commit promptly and then reply. Where the commit fails the reply is dropped at once, but the
    /// rows stay pending.
    KeepThen(Vec<Row>, Reply),
    /// Commit now what is pending, then reply.
    Flush(Reply),
    /// Try once more to commit what is pending, close the file, reply, end.
    Stop(Reply),
}

/// What one transaction commits.
#[derive(Default)]
pub(super) struct Batch {
    /// The rows of devices.
    pub changes: Changes,
    /// Those of the inventory.
    pub inventory: Pending,
    /// What heartbeats have brought.
    pub beats: Beats,
    /// Times without internet.
    pub outages: Outages,
    /// What SNMP counters go on from.
    pub walks: Walks,
    /// Who waits for them.
    replies: Vec<Reply>,
    /// Who is told if this attempt succeeds.
    acks: Vec<Reply>,
    /// Whether this is the last one.
    pub last: bool,
}

#[derive(Default)]
struct Inner {
    changes: Changes,
    inventory: Pending,
    beats: Beats,
    outages: Outages,
    walks: Walks,
    replies: Vec<Reply>,
    acks: Vec<Reply>,
    /// The writer is at work on this many rows.
    in_flight: usize,
    /// Somebody waits: do not wait for the next group commit.
    urgent: bool,
    stop: Vec<Reply>,
    stopping: bool,
    stopped: bool,
}

impl Inner {
    fn add(&mut self, rows: Vec<Row>) {
        for row in rows {
            self.add_one(row);
        }
    }

    fn add_one(&mut self, row: Row) {
        match row {
            Row::Device(device) => drop(self.changes.insert(device.name.clone(), Change::Save(device))),
            Row::ForgetDevice(name) => drop(self.changes.insert(name, Change::Forget)),
            Row::Walk(walk) => walks::add(&mut self.walks, [walk]),
            Row::Outage(outage) => drop(self.outages.insert(outage.start, outage)),
            Row::Record(_) | Row::ForgetRecord(_) | Row::Event(_) | Row::Scan(_) | Row::Audit(_) => {
                self.inventory.add(vec![row]);
            }
            Row::Heartbeat(name, row) => drop(self.beats.rows.insert(name, Some(*row))),
            Row::ForgetHeartbeat(name) => drop(self.beats.rows.insert(name, None)),
            Row::Signal(record) => self.beats.records.push(record),
            Row::Alive(at) => self.beats.alive = Some(at),
        }
    }

    fn pending(&self) -> usize {
        self.changes.len() + self.beats.len() + self.outages.len() + self.inventory.len() + walks::len(&self.walks)
    }
}

/// The hand-over between callers and writer.
#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    wake: Condvar,
    /// The numbers for everybody.
    pub gauges: Gauges,
}

impl Batch {
    /// How many rows it has.
    pub(super) fn len(&self) -> usize {
        self.changes.len() + self.beats.len() + self.outages.len() + self.inventory.len() + walks::len(&self.walks)
    }
}

impl Queue {
    /// Takes a command. Never waits for the disk.
    pub(super) fn push(&self, command: Command) {
        let mut inner = self.lock();
        match command {
            Command::Keep(rows) => inner.add(rows),
            // As below: nobody would commit it.
            Command::KeepThen(..) if inner.stopped => {}
            Command::KeepThen(rows, reply) => {
                inner.add(rows);
                inner.acks.push(reply);
            }
            Command::Flush(reply) if inner.pending() == 0 && inner.in_flight == 0 => reply(),
            // Nobody would ever commit it: the dropped reply says so.
            Command::Flush(_) if inner.stopped => {}
            Command::Flush(reply) => {
                inner.replies.push(reply);
                inner.urgent = true;
            }
            Command::Stop(reply) if inner.stopped => reply(),
            Command::Stop(reply) => {
                inner.stop.push(reply);
                inner.stopping = true;
            }
        }
        self.count(&inner);
        self.wake.notify_one();
    }

    /// Waits for the time of the next attempt and takes what is pending.
    ///
    /// 1. Stop: now. A flush: now. A report that waits to be acknowledged: now, unless the last attempt failed. What
    ///    arrives while the disk is at work is the next group.
    /// 2. After a failure: 5 s after the attempt, 1 s while somebody waits; also without rows, to learn when the file
    ///    can be opened again.
    /// 3. Rows: a second after the attempt. No rows: 10 s after it, to learn that it could not be written.
    pub(super) fn take(&self, attempt: Instant, failing: bool) -> Batch {
        let mut inner = self.lock();
        loop {
            let awaited = !inner.replies.is_empty() || !inner.acks.is_empty();
            let pause = match (failing, awaited) {
                _ if inner.stopping || inner.urgent => Duration::ZERO,
                (true, false) => RETRY_EVERY,
                (true, true) => URGENT_RETRY_EVERY,
                (false, _) if !inner.acks.is_empty() => Duration::ZERO,
                (false, _) if inner.pending() == 0 => CHECK_EVERY,
                (false, _) => COMMIT_EVERY,
            };
            let left = pause.saturating_sub(attempt.elapsed());
            if left.is_zero() {
                break;
            }
            let waited = self.wake.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        inner.urgent = false;
        inner.in_flight = inner.pending();
        Batch {
            changes: std::mem::take(&mut inner.changes),
            inventory: std::mem::take(&mut inner.inventory),
            beats: std::mem::take(&mut inner.beats),
            outages: std::mem::take(&mut inner.outages),
            walks: std::mem::take(&mut inner.walks),
            replies: std::mem::take(&mut inner.replies),
            acks: std::mem::take(&mut inner.acks),
            last: inner.stopping,
        }
    }

    /// The batch is on disk: tells those who waited for it.
    pub(super) fn committed(&self, batch: Batch) {
        let mut inner = self.lock();
        inner.in_flight = 0;
        self.count(&inner);
        drop(inner);
        for reply in batch.replies.into_iter().chain(batch.acks) {
            reply();
        }
    }

    /// The batch is not on disk: it waits again, under what has come since. Reports are not acknowledged.
    pub(super) fn restore(&self, batch: Batch) {
        let mut inner = self.lock();
        inner.in_flight = 0;
        let newer = std::mem::replace(&mut inner.changes, batch.changes);
        inner.changes.extend(newer);
        inner.inventory.restore(batch.inventory);
        let newer = std::mem::replace(&mut inner.beats, batch.beats);
        inner.beats.add(newer);
        let newer = std::mem::replace(&mut inner.outages, batch.outages);
        inner.outages.extend(newer);
        let newer = std::mem::replace(&mut inner.walks, batch.walks);
        walks::add(&mut inner.walks, newer.into_values());
        inner.replies.extend(batch.replies);
        self.count(&inner);
    }

    /// The writer has ended. What comes from now on stays pending for ever.
    pub(super) fn stopped(&self) {
        let mut inner = self.lock();
        inner.stopped = true;
        inner.replies.clear();
        inner.acks.clear();
        let replies = std::mem::take(&mut inner.stop);
        drop(inner);
        for reply in replies {
            reply();
        }
    }

    fn count(&self, inner: &Inner) {
        self.gauges.set_pending(inner.pending() + inner.in_flight);
    }

    /// A caller that panicked while it held the lock cannot have left half a row: the maps are whole at any time.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::model::{Device, Status, Timestamp};

    fn device(name: &str, since: u64) -> Row {
        Row::Device(Device {
            name: name.into(),
            status: Status::Up,
            status_since: Timestamp::from_micros(since),
            up: Some(true),
            up_since: Timestamp::default(),
            first_seen: None,
            last_seen: None,
        })
    }

    fn flag() -> (Arc<AtomicBool>, Reply) {
        let flag = Arc::new(AtomicBool::new(false));
        let raised = Arc::clone(&flag);
        (flag, Box::new(move || raised.store(true, Ordering::SeqCst)))
    }

    #[test]
    fn a_batch_that_failed_waits_under_what_came_since() {
        let queue = Queue::default();
        queue.push(Command::Keep(vec![device("a", 1), device("b", 1), device("a", 2)]));
        assert_eq!(queue.gauges.read().pending, 2);
        let (done, reply) = flag();
        queue.push(Command::Flush(reply));
        let batch = queue.take(Instant::now(), false);
        queue.push(Command::Keep(vec![device("a", 3)]));
        queue.push(Command::Keep(vec![Row::ForgetDevice("c".into())]));
        queue.restore(batch);
        assert!(!done.load(Ordering::SeqCst), "nothing is on disk yet");
        assert_eq!(queue.gauges.read().pending, 3);
        let (_, reply) = flag();
        queue.push(Command::Flush(reply));
        let batch = queue.take(Instant::now(), false);
        let mut expected = Inner::default();
        expected.add(vec![device("a", 3), device("b", 1), Row::ForgetDevice("c".into())]);
        assert_eq!(batch.changes, expected.changes);
        queue.committed(batch);
        assert!(done.load(Ordering::SeqCst));
        assert_eq!(queue.gauges.read().pending, 0);
    }

    #[test]
    fn a_flush_waits_for_rows_in_flight() {
        let queue = Queue::default();
        let (done, reply) = flag();
        queue.push(Command::Flush(reply));
        assert!(done.load(Ordering::SeqCst), "nothing to wait for");
        queue.push(Command::Keep(vec![device("a", 1)]));
        let (_, reply) = flag();
        queue.push(Command::Flush(reply));
        let batch = queue.take(Instant::now(), false);
        let (done, reply) = flag();
        queue.push(Command::Flush(reply));
        assert!(!done.load(Ordering::SeqCst), "the writer is still at it");
        queue.restore(batch);
        let batch = queue.take(Instant::now(), true);
        queue.committed(batch);
        assert!(done.load(Ordering::SeqCst));
    }

    #[test]
    fn a_report_is_committed_at_once_and_acknowledged_after_that_or_never() {
        let queue = Queue::default();
        let report = |queue: &Queue| {
            let (done, reply) = flag();
            let row = Row::Heartbeat("a".into(), Box::default());
            queue.push(Command::KeepThen(vec![row], reply));
            done
        };
        let first = report(&queue);
        let started = Instant::now();
        let batch = queue.take(started, false);
        let second = report(&queue);
        assert!(
            started.elapsed() < COMMIT_EVERY,
            "it does not wait for the group's turn"
        );
        assert!(!first.load(Ordering::SeqCst), "not on disk yet");
        queue.committed(batch);
        assert!(first.load(Ordering::SeqCst) && !second.load(Ordering::SeqCst));
        // what cannot be committed is not acknowledged, then or later, but stays pending
        let batch = queue.take(started, false);
        queue.restore(batch);
        assert_eq!(queue.gauges.read().pending, 1);
        let third = report(&queue);
        let batch = queue.take(Instant::now().checked_sub(URGENT_RETRY_EVERY).unwrap_or(started), true);
        assert_eq!(batch.len(), 1);
        queue.committed(batch);
        assert!(third.load(Ordering::SeqCst) && !second.load(Ordering::SeqCst));
    }

    #[test]
    fn a_caller_that_panicked_stops_nobody() {
        let queue = Arc::new(Queue::default());
        let poisoner = Arc::clone(&queue);
        let panicked = std::thread::spawn(move || {
            let _guard = poisoner.inner.lock().unwrap();
            panic!("on purpose");
        })
        .join();
        assert!(panicked.is_err() && queue.inner.is_poisoned());
        queue.push(Command::Keep(vec![device("a", 1)]));
        queue.push(Command::Stop(Box::new(|| ())));
        let batch = queue.take(Instant::now(), false);
        assert!(batch.last && batch.changes.len() == 1);
    }
}
