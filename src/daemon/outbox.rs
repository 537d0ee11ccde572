//! Runs on their way from the probes to the state, and their order.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;

use crate::model::Run;

/// How long runs gather before they go to the state in one piece.
const BATCH: Duration = Duration::from_millis(5);

/// Gathers runs for a few milliseconds, so that the state's thread is woken 200 times a second at most.
pub struct Outbox {
    sequence: AtomicU64,
    gathered: Mutex<Vec<Run>>,
    filled: Notify,
    out: mpsc::Sender<Vec<Run>>,
    dropped: AtomicU64,
}

impl Outbox {
    /// Sends to this channel. When it is full, runs are dropped and counted: a slow state must not delay
    /// probes.
    pub fn new(out: mpsc::Sender<Vec<Run>>) -> Self {
        Self {
            sequence: AtomicU64::new(0),
            gathered: Mutex::default(),
            filled: Notify::new(),
            out,
            dropped: AtomicU64::new(0),
        }
    }

    /// The next place in the order of runs.
    pub fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// How many runs were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Takes a run on its way.
    pub fn put(&self, run: Run) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.push(run);
        if gathered.len() == 1 {
            drop(gathered);
            self.filled.notify_one();
        }
    }

    /// Hands over what has gathered.
    pub fn send(&self) {
        let batch = std::mem::take(&mut *self.gathered.lock().unwrap_or_else(PoisonError::into_inner));
        let size = batch.len() as u64;
        if size > 0 && self.out.try_send(batch).is_err() {
            self.dropped.fetch_add(size, Ordering::Relaxed);
        }
    }

    /// Hands over what gathers, for ever.
    pub async fn flush(self: Arc<Self>) {
        loop {
            self.filled.notified().await;
            sleep(BATCH).await;
            self.send();
        }
    }
}
