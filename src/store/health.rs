//! How the store is doing, in numbers that can be read at any time without waiting for the disk.
//!
//! Owns [`Health`] and the gauges behind it. Gets its counts from `queue` and `writer`; gives them to the metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// How the store is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Rows committed since the start, deletions included.
    pub writes_total: u64,
    /// Attempts to open the file or to commit that failed since the start.
    pub failures_total: u64,
    /// Size of the database and its write-ahead log at the latest attempt, in bytes.
    pub size_bytes: u64,
    /// Rows that wait to be committed.
    pub pending: u64,
    /// Why the latest attempt failed; `None` while the store works.
    pub last_error: Option<String>,
}

/// The gauges behind [`Health`].
#[derive(Debug, Default)]
pub(super) struct Gauges {
    writes: AtomicU64,
    failures: AtomicU64,
    size: AtomicU64,
    pending: AtomicU64,
    /// Locked for the time of a copy, never while the disk is at work.
    last_error: Mutex<Option<String>>,
}

impl Gauges {
    pub(super) fn read(&self) -> Health {
        Health {
            writes_total: self.writes.load(Relaxed),
            failures_total: self.failures.load(Relaxed),
            size_bytes: self.size.load(Relaxed),
            pending: self.pending.load(Relaxed),
            last_error: self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Counts committed rows. Returns whether the attempt before had failed.
    pub(super) fn succeeded(&self, rows: u64) -> bool {
        self.writes.fetch_add(rows, Relaxed);
        self.replace_error(None).is_some()
    }

    /// Counts a failed attempt. Returns whether that is news: the attempt before worked, or failed for another reason.
    pub(super) fn failed(&self, error: &str) -> bool {
        self.failures.fetch_add(1, Relaxed);
        self.replace_error(Some(error.into()))
            .is_none_or(|before| before != error)
    }

    pub(super) fn set_size(&self, bytes: u64) {
        self.size.store(bytes, Relaxed);
    }

    pub(super) fn set_pending(&self, rows: usize) {
        self.pending.store(rows as u64, Relaxed);
    }

    fn replace_error(&self, error: Option<String>) -> Option<String> {
        std::mem::replace(
            &mut *self.last_error.lock().unwrap_or_else(PoisonError::into_inner),
            error,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_worth_a_log_line() {
        let gauges = Gauges::default();
        assert!(!gauges.succeeded(3), "it worked before");
        assert!(gauges.failed("full"));
        assert!(!gauges.failed("full"), "the same again");
        assert!(gauges.failed("locked"), "another reason");
        assert!(gauges.succeeded(4));
        let health = gauges.read();
        assert_eq!(
            (health.writes_total, health.failures_total, health.last_error),
            (7, 3, None)
        );
    }
}
