//! Wrong credentials, counted by the address they come from: ten at once, then one a second.
//!
//! Owns the buckets, of a bounded number of addresses. Gets takes and returns; gives leave to try. Credentials that
//! were right before from the same address are not held up by the wrong ones of others there (a router or a container
//! bridge has one address for all behind it).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use subtle::ConstantTimeEq as _;

/// Failures at once.
const BURST: u32 = 10;
/// One more after each of these.
const REFILL: Duration = Duration::from_secs(1);
/// Addresses that are told apart; past them all new ones share a bucket.
const PLACES: usize = 8192;

/// Where a request comes from: an IPv4 address, or the /64 that one IPv6 client can fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place(IpAddr);

impl Place {
    /// Of a peer.
    pub fn of(peer: SocketAddr) -> Self {
        Self(match peer.ip().to_canonical() {
            IpAddr::V6(ip) if !ip.is_loopback() => {
                let bits = ip.to_bits() & !u128::from(u64::MAX);
                Ipv6Addr::from_bits(bits).into()
            }
            ip => ip,
        })
    }

    const fn overflow() -> Self {
        Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
    }
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    full_at: Instant,
    /// The digest of the token that was last right.
    right: Option<[u8; 32]>,
}

/// The buckets.
#[derive(Debug, Default)]
pub struct Failures(Mutex<HashMap<Place, Bucket>>);

impl Failures {
    /// Takes one try; whether there was one.
    pub fn take(&self, place: Place) -> bool {
        self.take_at(place, Instant::now())
    }

    fn take_at(&self, place: Place, now: Instant) -> bool {
        let mut buckets = self.lock();
        if buckets.len() >= PLACES && !buckets.contains_key(&place) {
            buckets.retain(|_, bucket| bucket.full_at > now);
        }
        let full = buckets.len() >= PLACES && !buckets.contains_key(&place);
        let key = if full { Place::overflow() } else { place };
        let bucket = buckets.entry(key).or_insert(Bucket {
            full_at: now,
            right: None,
        });
        let full_at = bucket.full_at.max(now) + REFILL;
        if full_at - now > REFILL * BURST {
            return false;
        }
        bucket.full_at = full_at;
        true
    }

    /// It was no failure: gives back what was taken.
    pub fn give_back(&self, place: Place, taken: bool) {
        if let Some(bucket) = self.lock().get_mut(&place).filter(|_| taken) {
            bucket.full_at = bucket.full_at.checked_sub(REFILL).unwrap_or(bucket.full_at);
        }
    }

    /// This token was right.
    pub fn remember(&self, place: Place, digest: [u8; 32]) {
        if let Some(bucket) = self.lock().get_mut(&place) {
            bucket.right = Some(digest);
        }
    }

    /// Whether this token was right the last time.
    pub fn knows(&self, place: Place, digest: &[u8; 32]) -> bool {
        let right = self.lock().get(&place).and_then(|bucket| bucket.right);
        right.is_some_and(|right| right.ct_eq(digest).into())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Bucket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        Place::of(SocketAddr::new(text.parse().unwrap(), 1))
    }

    #[test]
    fn ten_at_once_and_then_one_a_second_for_each_address() {
        let failures = Failures::default();
        let now = Instant::now();
        let (a, b) = (place("192.0.2.1"), place("192.0.2.2"));
        let passed = (0..20).filter(|_| failures.take_at(a, now)).count();
        assert_eq!(passed, 10);
        assert!(failures.take_at(b, now));
        assert!(!failures.take_at(a, now + Duration::from_millis(900)));
        assert!(failures.take_at(a, now + Duration::from_millis(1100)));
        failures.remember(a, [7; 32]);
        assert!(failures.knows(a, &[7; 32]) && !failures.knows(a, &[8; 32]) && !failures.knows(b, &[7; 32]));
    }

    #[test]
    fn a_success_costs_nothing() {
        let failures = Failures::default();
        let now = Instant::now();
        let a = place("192.0.2.1");
        for _ in 0..100 {
            assert!(failures.take_at(a, now));
            failures.give_back(a, true);
        }
    }

    #[test]
    fn an_ipv6_client_has_one_bucket_and_the_memory_is_bounded() {
        assert_eq!(place("2001:db8::1"), place("2001:db8::ffff"));
        assert_ne!(place("2001:db8::1"), place("2001:db8:0:1::1"));
        assert_eq!(place("::ffff:192.0.2.1"), place("192.0.2.1"));
        let failures = Failures::default();
        let now = Instant::now();
        for n in 0..20_000_u32 {
            failures.take_at(Place(IpAddr::from(n.to_be_bytes())), now);
        }
        assert!(failures.lock().len() <= PLACES + 1);
    }
}
