//! `rate_limit`: one allowance for all clients.

use std::time::Instant;

use crate::pace::{Bucket, Rate};

/// How many requests may still come now.
#[derive(Debug, Default)]
pub struct RateLimit {
    rate: Option<Rate>,
    bucket: Bucket,
}

impl RateLimit {
    /// Takes one; false if there is none. A new rate begins with a full allowance.
    pub fn take(&mut self, rate: Rate, now: Instant) -> bool {
        if self.rate != Some(rate) {
            *self = Self {
                rate: Some(rate),
                bucket: Bucket::default(),
            };
        }
        self.bucket.take(rate, now).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_and_then_one_an_interval() {
        let rate = Rate::every(Duration::from_secs(1), 3);
        let start = Instant::now();
        let mut limit = RateLimit::default();
        let mut at = |ms| limit.take(rate, start + Duration::from_millis(ms));
        assert_eq!([at(0), at(0), at(0), at(0)], [true, true, true, false]);
        assert_eq!([at(999), at(1000), at(1001)], [false, true, false]);
        assert_eq!(
            [at(60_000), at(60_000), at(60_000), at(60_000)],
            [true, true, true, false]
        );
        let other = Rate::every(Duration::from_secs(1), 1);
        assert!(limit.take(other, start + Duration::from_secs(60)));
    }
}
