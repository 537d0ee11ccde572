//! How far a scan is, seen from outside while it runs; and the way to stop it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// A sweep that could not send for a while makes up for this much time at most: its loop wakes up no more often.
pub(super) const BURST: Duration = Duration::from_millis(5);

/// Shared between a scan and whoever watches it.
#[derive(Debug, Default)]
pub struct Progress {
    total: AtomicU32,
    asked: AtomicU32,
    answered: AtomicU32,
    stopped: AtomicBool,
}

impl Progress {
    /// So many more addresses are to be asked.
    pub fn expect(&self, addresses: u32) {
        self.total.fetch_add(addresses, Ordering::Relaxed);
    }

    /// So many more were asked.
    pub fn asked(&self, addresses: u32) {
        self.asked.fetch_add(addresses, Ordering::Relaxed);
    }

    /// So many more answered.
    pub fn answered(&self, addresses: u32) {
        self.answered.fetch_add(addresses, Ordering::Relaxed);
    }

    /// Ends the scan soon; what it has not asked is left.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether somebody wants it to end.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Asked, answered, and all there are.
    pub fn counts(&self) -> [u32; 3] {
        [&self.asked, &self.answered, &self.total].map(|count| count.load(Ordering::Relaxed))
    }
}
