//! A token bucket: so many a second, in bursts of a few milliseconds' worth at most.

use std::time::{Duration, Instant};

/// Tokens may gather for this long: a loop that waits for frames wakes up no more often.
const BURST: Duration = Duration::from_millis(5);

/// Paces what is sent.
#[derive(Debug)]
pub struct Pace {
    /// Time one token takes.
    gap: Duration,
    /// When the next one is there.
    next: Instant,
}

impl Pace {
    /// This many a second, at least one.
    pub fn new(rate: u32, now: Instant) -> Self {
        let gap = Duration::from_secs(1) / rate.max(1);
        Self { gap, next: now }
    }

    /// Whether one may be sent now.
    pub fn may(&mut self, now: Instant) -> bool {
        // What gathered while nothing was sent is lost but for a burst.
        if let Some(oldest) = now.checked_sub(BURST) {
            self.next = self.next.max(oldest);
        }
        self.next <= now
    }

    /// One was sent.
    pub fn took(&mut self) {
        self.next += self.gap;
    }

    /// Nothing before this.
    pub fn pause(&mut self, until: Instant) {
        self.next = self.next.max(until);
    }

    /// When the next may be sent.
    pub fn next(&self) -> Instant {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_holds_over_any_second() {
        let start = Instant::now();
        let mut pace = Pace::new(1000, start);
        let mut sent = 0;
        // Asked every 2 ms, then not for half a second, then every 2 ms again.
        for ms in (0..1000).step_by(2).chain((1500..2500).step_by(2)) {
            let now = start + Duration::from_millis(ms);
            while pace.may(now) {
                pace.took();
                sent += 1;
            }
        }
        assert!((1995..=2015).contains(&sent), "{sent}");
    }
}
