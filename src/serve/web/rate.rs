//! `rate_limit`: one token bucket for all clients.

use std::time::{Duration, Instant};

/// How often requests may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Time until one more request is let through.
    pub interval: Duration,
    /// Requests at once, 1 or more.
    pub burst: u32,
}

/// How many requests may still come now.
#[derive(Debug, Default)]
pub struct Bucket {
    rate: Option<Rate>,
    /// When it will be full again.
    full_at: Option<Instant>,
}

impl Bucket {
    /// Takes one; false if there is none. A new rate begins with a full bucket.
    pub fn take(&mut self, rate: Rate, now: Instant) -> bool {
        if self.rate != Some(rate) {
            *self = Self {
                rate: Some(rate),
                full_at: None,
            };
        }
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + rate.interval;
        if full_at - now > rate.interval.saturating_mul(rate.burst) {
            return false;
        }
        self.full_at = Some(full_at);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_an_interval() {
        let rate = Rate {
            interval: Duration::from_secs(1),
            burst: 3,
        };
        let start = Instant::now();
        let mut bucket = Bucket::default();
        let mut at = |ms| bucket.take(rate, start + Duration::from_millis(ms));
        assert_eq!([at(0), at(0), at(0), at(0)], [true, true, true, false]);
        assert_eq!([at(999), at(1000), at(1001)], [false, true, false]);
        assert_eq!(
            [at(60_000), at(60_000), at(60_000), at(60_000)],
            [true, true, true, false]
        );
    }
}
