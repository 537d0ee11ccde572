//! Rate limits: a token bucket for each key.
//!
//! Owns the buckets, of which it remembers a bounded number. Gets the time as a parameter; gives how long to wait.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// The most buckets that are remembered. Those that are full again can be forgotten.
const REMEMBERED: usize = 10_000;

/// How many may come at once, and how many a second after that.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// How many at once.
    pub burst: f64,
    /// How many a second.
    pub per_second: f64,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    tokens: f64,
    at: Instant,
}

impl Level {
    fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * rate.per_second).min(rate.burst);
        self.at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.tokens) / rate.per_second))
    }
}

/// A bucket for each key.
#[derive(Debug)]
pub struct Buckets<K> {
    levels: HashMap<K, Level>,
    /// Shared by all keys that there is no more room for.
    others: Option<Level>,
    swept: Option<Instant>,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self {
            levels: HashMap::new(),
            others: None,
            swept: None,
        }
    }
}

impl<K: Hash + Eq> Buckets<K> {
    /// Takes one from the key's bucket.
    ///
    /// # Errors
    /// If it is empty: how long until there is one again.
    pub fn take(&mut self, key: K, rate: Rate, now: Instant) -> Result<(), Duration> {
        let full = Level {
            tokens: rate.burst,
            at: now,
        };
        if let Some(level) = self.levels.get_mut(&key) {
            return level.take(rate, now);
        }
        if self.levels.len() >= REMEMBERED && self.swept.is_none_or(|swept| now - swept > Duration::from_secs(1)) {
            self.swept = Some(now);
            let refill = Duration::from_secs_f64(rate.burst / rate.per_second);
            self.levels
                .retain(|_, level| now.saturating_duration_since(level.at) < refill);
        }
        if self.levels.len() >= REMEMBERED {
            return self.others.get_or_insert(full).take(rate, now);
        }
        self.levels.entry(key).or_insert(full).take(rate, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        burst: 10.0,
        per_second: 1.0,
    };

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut buckets = Buckets::default();
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        for _ in 0..10 {
            assert_eq!(buckets.take("a", RATE, start), Ok(()));
        }
        assert_eq!(buckets.take("a", RATE, start), Err(Duration::from_secs(1)));
        assert_eq!(buckets.take("b", RATE, start), Ok(()), "others have their own");
        assert_eq!(buckets.take("a", RATE, at(0.5)), Err(Duration::from_millis(500)));
        assert_eq!(buckets.take("a", RATE, at(1.0)), Ok(()));
        assert!(buckets.take("a", RATE, at(1.0)).is_err());
        for _ in 0..10 {
            assert_eq!(buckets.take("a", RATE, at(100.0)), Ok(()));
        }
        assert!(buckets.take("a", RATE, at(100.0)).is_err(), "never more than the burst");
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut buckets = Buckets::default();
        let start = Instant::now();
        let refused = (0..50_000).filter(|n| buckets.take(*n, RATE, start).is_err()).count();
        assert_eq!(buckets.levels.len(), REMEMBERED);
        assert_eq!(refused, 50_000 - REMEMBERED - 10, "all others share one bucket");
        let later = start + Duration::from_secs(11);
        assert_eq!(buckets.take(50_000, RATE, later), Ok(()));
        assert_eq!(buckets.levels.len(), 1, "full buckets are forgotten");
    }
}
