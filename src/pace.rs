//! The one rate limiter: so many at once, and after that one for each interval.
//!
//! A bucket is one number, the time at which it will be full again (GCRA, the generic cell rate algorithm of ATM). So there
//! is no timer and no rounding, a bucket that is full needs no memory, and the time is a parameter.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// The longest interval and burst: far more than anything configured, and still a time that can be calculated with.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// How much is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The time in which one more is allowed.
    interval: Duration,
    /// How far ahead of its interval one may come: the burst is this divided by the interval, and one.
    ahead: Duration,
}

impl Rate {
    /// `burst` at once, and one more after each interval.
    pub fn every(interval: Duration, burst: u32) -> Self {
        let ahead = interval.saturating_mul(burst.saturating_sub(1));
        Self {
            interval: interval.min(LONGEST),
            ahead: ahead.min(LONGEST),
        }
    }

    /// `burst` at once, and so many more each second.
    pub fn per_second(rate: f64, burst: u32) -> Self {
        let interval = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        Self::every(interval, burst)
    }

    /// So many a second, evenly: what was not used in this window of time is lost.
    pub fn even(rate: u32, window: Duration) -> Self {
        Self {
            interval: Duration::from_secs(1) / rate.max(1),
            ahead: window.min(LONGEST),
        }
    }
}

/// What is left of a rate. It begins full.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    /// When it will be full again; `None` while it is full.
    full_at: Option<Instant>,
}

impl Bucket {
    /// Takes one.
    ///
    /// # Errors
    /// How long until there is one again.
    pub fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let wait = self.wait(rate, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        self.full_at = full_at.checked_add(rate.interval);
        Ok(())
    }

    /// Gives back one that was taken.
    pub fn give_back(&mut self, rate: Rate) {
        self.full_at = self.full_at.and_then(|at| at.checked_sub(rate.interval));
    }

    /// How long until one may be taken; zero where one may be taken now.
    pub fn wait(&self, rate: Rate, now: Instant) -> Duration {
        let until_full = self
            .full_at
            .map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        until_full.saturating_sub(rate.ahead)
    }

    /// Empties it: nothing may be taken before this time, and then one.
    pub fn pause(&mut self, rate: Rate, until: Instant) {
        let full_at = until.checked_add(rate.ahead);
        self.full_at = self.full_at.max(full_at);
    }
}

/// A bucket with its rate, which does not change.
#[derive(Clone, Copy, Debug)]
pub struct Limiter {
    rate: Rate,
    bucket: Bucket,
}

impl Limiter {
    /// Allows one at once, and more at this rate.
    pub fn starting(rate: Rate, now: Instant) -> Self {
        let mut bucket = Bucket::default();
        bucket.pause(rate, now);
        Self { rate, bucket }
    }

    /// Whether one may be taken now.
    pub fn is_ready(&self, now: Instant) -> bool {
        self.wait(now).is_zero()
    }

    /// See [`Bucket::wait`].
    pub fn wait(&self, now: Instant) -> Duration {
        self.bucket.wait(self.rate, now)
    }

    /// See [`Bucket::take`].
    ///
    /// # Errors
    /// How long until there is one again.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        self.bucket.take(self.rate, now)
    }

    /// See [`Bucket::pause`].
    pub fn pause(&mut self, until: Instant) {
        self.bucket.pause(self.rate, until);
    }
}

/// A bucket for each key, of a bounded number of keys. Keys for which there is no room share one bucket.
#[derive(Debug)]
pub struct Buckets<K> {
    by_key: HashMap<K, Bucket>,
    shared: Bucket,
    most: usize,
    /// When full buckets were last forgotten for want of room.
    cleaned: Option<Instant>,
}

impl<K: Hash + Eq> Buckets<K> {
    /// Remembers at most so many keys. A bucket that is full need not be remembered.
    pub fn new(most: usize) -> Self {
        Self {
            by_key: HashMap::new(),
            shared: Bucket::default(),
            most,
            cleaned: None,
        }
    }

    /// Takes one from the bucket of this key.
    ///
    /// # Errors
    /// How long until there is one again.
    pub fn take(&mut self, key: K, rate: Rate, now: Instant) -> Result<(), Duration> {
        if let Some(bucket) = self.by_key.get_mut(&key) {
            return bucket.take(rate, now);
        }
        let due = |cleaned: Instant| now.saturating_duration_since(cleaned) > Duration::from_secs(1);
        if self.by_key.len() >= self.most && self.cleaned.is_none_or(due) {
            self.cleaned = Some(now);
            self.by_key
                .retain(|_, bucket| bucket.full_at.is_some_and(|at| at > now));
        }
        if self.by_key.len() >= self.most {
            return self.shared.take(rate, now);
        }
        self.by_key.entry(key).or_default().take(rate, now)
    }

    /// Gives back one that was taken from the bucket of this key.
    pub fn give_back(&mut self, key: &K, rate: Rate) {
        self.by_key.get_mut(key).unwrap_or(&mut self.shared).give_back(rate);
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether no key is remembered.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

/// What counts as one client: an IPv4 address, or the /64 network of IPv6 that one client can use at will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientNetwork(IpAddr);

impl ClientNetwork {
    /// The network of an address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address => address,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 1000;

    fn ten_at_once() -> Rate {
        Rate::every(Duration::from_secs(1), 10)
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let (mut buckets, rate) = (Buckets::new(MOST), ten_at_once());
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        for _ in 0..10 {
            assert_eq!(buckets.take("a", rate, start), Ok(()));
        }
        assert_eq!(buckets.take("a", rate, start), Err(Duration::from_secs(1)));
        assert_eq!(buckets.take("b", rate, start), Ok(()), "another key has its own");
        assert_eq!(buckets.take("a", rate, at(0.5)), Err(Duration::from_millis(500)));
        assert_eq!(buckets.take("a", rate, at(1.0)), Ok(()));
        assert!(buckets.take("a", rate, at(1.0)).is_err());
        for _ in 0..10 {
            assert_eq!(buckets.take("a", rate, at(100.0)), Ok(()));
        }
        assert!(buckets.take("a", rate, at(100.0)).is_err(), "never more than the burst");
    }

    #[test]
    fn what_is_given_back_was_never_taken() {
        let (mut bucket, rate, now) = (Bucket::default(), ten_at_once(), Instant::now());
        for _ in 0..100 {
            assert_eq!(bucket.take(rate, now), Ok(()));
            bucket.give_back(rate);
        }
        let mut buckets = Buckets::new(1);
        for key in ["a", "b"].repeat(100) {
            assert_eq!(buckets.take(key, rate, now), Ok(()));
            buckets.give_back(&key, rate);
        }
    }

    #[test]
    fn an_even_rate_holds_over_any_second() {
        let start = Instant::now();
        let rate = Rate::even(1000, Duration::from_millis(5));
        let mut limiter = Limiter::starting(rate, start);
        let mut sent = 0;
        // Every 2 ms, then not for half a second, then every 2 ms again.
        for ms in (0..1000).step_by(2).chain((1500..2500).step_by(2)) {
            let now = start + Duration::from_millis(ms);
            while limiter.is_ready(now) {
                assert_eq!(limiter.take(now), Ok(()));
                sent += 1;
            }
        }
        assert!((1995..=2015).contains(&sent), "{sent}");
    }

    #[test]
    fn nothing_is_allowed_during_a_pause() {
        let start = Instant::now();
        let rate = Rate::even(1000, Duration::from_millis(5));
        let mut bucket = Bucket::default();
        let until = start + Duration::from_millis(100);
        bucket.pause(rate, until);
        assert_eq!(bucket.take(rate, start), Err(Duration::from_millis(100)));
        assert_eq!(bucket.take(rate, until), Ok(()));
        assert_eq!(
            bucket.take(rate, until),
            Err(Duration::from_millis(1)),
            "no burst after it"
        );
    }

    #[test]
    fn many_keys_cannot_fill_the_memory() {
        let (mut buckets, rate) = (Buckets::new(MOST), ten_at_once());
        let start = Instant::now();
        let refused = (0..5_000).filter(|n| buckets.take(*n, rate, start).is_err()).count();
        assert_eq!(buckets.len(), MOST);
        assert_eq!(refused, 5_000 - MOST - 10, "the others share one bucket");
        let later = start + Duration::from_secs(11);
        assert_eq!(buckets.take(5_000, rate, later), Ok(()));
        assert_eq!(buckets.len(), 1, "full buckets are forgotten");
    }

    #[test]
    fn odd_rates_do_no_harm() {
        let now = Instant::now();
        for rate in [
            Rate::per_second(0.0, 1),
            Rate::per_second(f64::NAN, 1),
            Rate::per_second(-1.0, 5),
            Rate::per_second(f64::INFINITY, 0),
            Rate::every(Duration::MAX, u32::MAX),
            Rate::even(0, Duration::MAX),
        ] {
            let mut bucket = Bucket::default();
            let _ = bucket.take(rate, now);
            let _ = bucket.take(rate, now);
            bucket.give_back(rate);
            bucket.pause(rate, now);
            assert!(bucket.wait(rate, now) <= LONGEST);
        }
    }

    #[test]
    fn a_client_is_an_address_or_a_network() {
        let is = |text: &str| ClientNetwork::of(text.parse().unwrap()).0.to_string();
        assert_eq!(is("192.0.2.7"), "192.0.2.7");
        assert_eq!(is("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(is("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(is("::1"), "::1");
    }
}
