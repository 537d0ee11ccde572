//! Token buckets: how often somebody may do something, and when they may try again.
//!
//! Owns the arithmetic and its memory, which is bounded. Gets the time as a parameter; knows nothing of requests.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Keys remembered at most. A bucket that is full again need not be.
const REMEMBERED: usize = 10_000;

/// How many at once, and how many a second after that.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// At once.
    pub burst: f64,
    /// A second.
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
    /// For keys there is no more room for: together they have what one has.
    crowd: Option<Level>,
    swept: Option<Instant>,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self {
            levels: HashMap::new(),
            crowd: None,
            swept: None,
        }
    }
}

impl<K: Hash + Eq> Buckets<K> {
    /// Takes one from the key's bucket.
    ///
    /// # Errors
    /// How long until there is one again.
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
            return self.crowd.get_or_insert(full).take(rate, now);
        }
        self.levels.entry(key).or_insert(full).take(rate, now)
    }
}

/// What an address is counted as: IPv4 whole, of IPv6 the network a site has (/64).
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
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
    fn strangers_cannot_fill_the_memory() {
        let mut buckets = Buckets::default();
        let start = Instant::now();
        let refused = (0..50_000).filter(|n| buckets.take(*n, RATE, start).is_err()).count();
        assert_eq!(buckets.levels.len(), REMEMBERED);
        assert_eq!(refused, 50_000 - REMEMBERED - 10, "the crowd shares one bucket");
        let later = start + Duration::from_secs(11);
        assert_eq!(buckets.take(50_000, RATE, later), Ok(()));
        assert_eq!(buckets.levels.len(), 1, "full buckets are forgotten");
    }

    #[test]
    fn an_address_is_a_site() {
        let is = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(is("192.0.2.7"), "192.0.2.7");
        assert_eq!(is("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(is("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
