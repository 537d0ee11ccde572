//! The queue between the callers and the writer's thread.
//!
//! Owns the pace of commits, and who is told of them. Gets rows from the handles; gives a [`Batch`] at a time to `writer`.
//! The lock is never held while the disk is at work, so no caller waits for the disk.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::health::Gauges;
use super::pending::Pending;
use crate::model::Row;

/// At most one group commit in this time, unless somebody waits for it.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// With nothing to write, the file is still tried: a disk that is full, locked or read-only is noticed before rows come.
const CHECK_EVERY: Duration = Duration::from_secs(10);
/// The pause after a failure.
const RETRY_EVERY: Duration = Duration::from_secs(5);
/// The pause after a failure while somebody waits.
const URGENT_RETRY_EVERY: Duration = Duration::from_secs(1);

/// Called once, after COMMIT; dropped without a call where that never happened. It runs on the writer's thread and must
/// not wait for anything: it sends on a channel.
pub(super) type Reply = Box<dyn FnOnce() + Send>;

/// What one transaction commits.
#[derive(Default)]
pub(super) struct Batch {
    /// The rows.
    pub rows: Pending,
    /// Flushes: called when the rows are on disk, however many attempts that takes.
    flushes: Vec<Reply>,
    /// Acknowledgements: called only if this attempt succeeds.
    acks: Vec<Reply>,
    /// Whether this is the last batch.
    pub last: bool,
}

#[derive(Default)]
struct Inner {
    rows: Pending,
    flushes: Vec<Reply>,
    acks: Vec<Reply>,
    /// The writer is at work on this many rows.
    in_flight: usize,
    /// A flush has arrived: do not wait for the next group commit.
    urgent: bool,
    stops: Vec<Reply>,
    stopping: bool,
    stopped: bool,
}

/// The hand-over between callers and writer.
#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    wake: Condvar,
    /// The store's numbers, to be read without a lock.
    pub gauges: Gauges,
}

impl Queue {
    /// Takes rows for the next group commit.
    pub(super) fn keep(&self, rows: Vec<Row>) {
        let mut inner = self.lock();
        inner.add(rows, false);
        self.changed(&inner);
    }

    /// Takes rows to commit promptly, and calls the reply after that. Where the commit fails the reply is dropped at once,
    /// but the rows stay pending.
    pub(super) fn keep_then(&self, rows: Vec<Row>, reply: Reply) {
        let mut inner = self.lock();
        // After the stop nothing is committed any more: the dropped reply says so.
        if !inner.stopped {
            inner.add(rows, true);
            inner.acks.push(reply);
        }
        self.changed(&inner);
    }

    /// Has all that is pending committed now, and calls the reply after that.
    pub(super) fn flush(&self, reply: Reply) {
        let mut inner = self.lock();
        if inner.rows.len() == 0 && inner.in_flight == 0 {
            reply();
        } else if !inner.stopped {
            inner.flushes.push(reply);
            inner.urgent = true;
        }
        self.changed(&inner);
    }

    /// Has the writer try once more to commit what is pending, close the file, call the reply and end.
    pub(super) fn stop(&self, reply: Reply) {
        let mut inner = self.lock();
        if inner.stopped {
            reply();
        } else {
            inner.stops.push(reply);
            inner.stopping = true;
        }
        self.changed(&inner);
    }

    /// Waits for the time of the next attempt and takes what is pending.
    ///
    /// 1. Stop: now. A flush: now. Rows to be acknowledged: now, unless the last attempt failed. What arrives while the
    ///    disk is at work is the next group.
    /// 2. After a failure: 5 s after the attempt, 1 s while somebody waits; also without rows, to learn when the file can
    ///    be opened again.
    /// 3. Rows: a second after the attempt. No rows: 10 s after it, to learn that it could not be written.
    pub(super) fn take(&self, attempt: Instant, failing: bool) -> Batch {
        let mut inner = self.lock();
        loop {
            let left = inner.pause(failing).saturating_sub(attempt.elapsed());
            if left.is_zero() {
                break;
            }
            let waited = self.wake.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        inner.urgent = false;
        inner.in_flight = inner.rows.len();
        Batch {
            rows: std::mem::take(&mut inner.rows),
            flushes: std::mem::take(&mut inner.flushes),
            acks: std::mem::take(&mut inner.acks),
            last: inner.stopping,
        }
    }

    /// The batch is on disk: calls the replies that waited for it.
    pub(super) fn committed(&self, batch: Batch) {
        let mut inner = self.lock();
        inner.in_flight = 0;
        self.count(&inner);
        drop(inner);
        for reply in batch.flushes.into_iter().chain(batch.acks) {
            reply();
        }
    }

    /// The batch is not on disk: it waits again, under what has come since. Its acknowledgements are dropped.
    pub(super) fn restore(&self, batch: Batch) {
        let mut inner = self.lock();
        inner.in_flight = 0;
        inner.rows.restore(batch.rows);
        inner.flushes.extend(batch.flushes);
        self.count(&inner);
    }

    /// The writer has ended. Rows that come from now on stay pending for ever.
    pub(super) fn stopped(&self) {
        let mut inner = self.lock();
        inner.stopped = true;
        inner.flushes.clear();
        inner.acks.clear();
        let replies = std::mem::take(&mut inner.stops);
        drop(inner);
        for reply in replies {
            reply();
        }
    }

    fn changed(&self, inner: &Inner) {
        self.count(inner);
        self.wake.notify_one();
    }

    fn count(&self, inner: &Inner) {
        self.gauges.set_pending(inner.rows.len() + inner.in_flight);
    }

    /// A caller that panicked while it held the lock cannot have left half a row: `Inner` is whole at any time.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, rows: Vec<Row>, awaited: bool) {
        for row in rows {
            self.rows.add(row, awaited);
        }
    }

    /// How long after the last attempt the next one is due.
    fn pause(&self, failing: bool) -> Duration {
        let awaited = !self.flushes.is_empty() || !self.acks.is_empty();
        match (failing, awaited) {
            _ if self.stopping || self.urgent => Duration::ZERO,
            (true, false) => RETRY_EVERY,
            (true, true) => URGENT_RETRY_EVERY,
            (false, _) if !self.acks.is_empty() => Duration::ZERO,
            (false, _) if self.rows.len() == 0 => CHECK_EVERY,
            (false, _) => COMMIT_EVERY,
        }
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
            agent: "local".into(),
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
        queue.keep(vec![device("a", 1), device("b", 1), device("a", 2)]);
        assert_eq!(queue.gauges.read().pending, 2);
        let (done, reply) = flag();
        queue.flush(reply);
        let batch = queue.take(Instant::now(), false);
        queue.keep(vec![device("a", 3)]);
        queue.keep(vec![Row::ForgetDevice("c".into())]);
        queue.restore(batch);
        assert!(!done.load(Ordering::SeqCst), "nothing is on disk yet");
        assert_eq!(queue.gauges.read().pending, 3);
        let (_, reply) = flag();
        queue.flush(reply);
        let batch = queue.take(Instant::now(), false);
        let rows: Vec<_> = batch.rows.rows().cloned().collect();
        assert_eq!(rows, [Row::ForgetDevice("c".into()), device("a", 3), device("b", 1)]);
        queue.committed(batch);
        assert!(done.load(Ordering::SeqCst));
        assert_eq!(queue.gauges.read().pending, 0);
    }

    #[test]
    fn a_flush_waits_for_rows_in_flight() {
        let queue = Queue::default();
        let (done, reply) = flag();
        queue.flush(reply);
        assert!(done.load(Ordering::SeqCst), "nothing to wait for");
        queue.keep(vec![device("a", 1)]);
        let (_, reply) = flag();
        queue.flush(reply);
        let batch = queue.take(Instant::now(), false);
        let (done, reply) = flag();
        queue.flush(reply);
        assert!(!done.load(Ordering::SeqCst), "the writer is still at it");
        queue.restore(batch);
        let batch = queue.take(Instant::now(), true);
        queue.committed(batch);
        assert!(done.load(Ordering::SeqCst));
    }

    #[test]
    fn awaited_rows_are_committed_at_once_and_acknowledged_after_that_or_never() {
        let queue = Queue::default();
        let report = |queue: &Queue| {
            let (done, reply) = flag();
            queue.keep_then(vec![Row::Heartbeat("a".into(), Box::default())], reply);
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
        assert_eq!(batch.rows.len(), 1);
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
        queue.keep(vec![device("a", 1)]);
        queue.stop(Box::new(|| ()));
        let batch = queue.take(Instant::now(), false);
        assert!(batch.last && batch.rows.len() == 1);
    }
}
