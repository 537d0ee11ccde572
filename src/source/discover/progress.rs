//! How far a scan is, for whoever watches it, and the way to stop it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Shared between a scan and those who watch it.
#[derive(Debug, Default)]
pub struct Progress {
    total: AtomicU32,
    asked: AtomicU32,
    answered: AtomicU32,
    stopped: AtomicBool,
}

impl Progress {
    /// So many more addresses will be asked.
    pub fn expect(&self, addresses: u32) {
        self.total.fetch_add(addresses, Ordering::Relaxed);
    }

    /// So many more addresses were asked.
    pub fn asked(&self, addresses: u32) {
        self.asked.fetch_add(addresses, Ordering::Relaxed);
    }

    /// So many more addresses replied.
    pub fn answered(&self, addresses: u32) {
        self.answered.fetch_add(addresses, Ordering::Relaxed);
    }

    /// Makes the scan end soon; addresses that it has not asked yet are not asked.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether the scan is to end.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// How many addresses were asked, how many replied, and how many there are.
    pub fn counts(&self) -> [u32; 3] {
        [&self.asked, &self.answered, &self.total].map(|count| count.load(Ordering::Relaxed))
    }
}
