//! Wrong credentials, counted by the network they come from: ten at once, then one a second.
//!
//! Owns an allowance for each network, for a bounded number of networks. A try takes one from it before the credentials
//! are checked; a success gives it back. A token that was right before is let in even without an allowance, since a
//! router or a container bridge gives one address to all clients behind it, and only some of them may be guessing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use subtle::ConstantTimeEq as _;

use super::client::ClientNetwork;

/// Tries at once.
const BURST: u32 = 10;
/// How long until there is one more.
const REFILL: Duration = Duration::from_secs(1);
/// Networks with an allowance of their own; all further ones share one.
const MOST_NETWORKS: usize = 8192;

#[derive(Clone, Copy, Debug)]
struct Allowance {
    /// When it will be whole again.
    full_at: Instant,
    /// The digest of the token that was last right.
    right: Option<[u8; 32]>,
}

/// The allowances.
#[derive(Debug, Default)]
pub struct FailedLogins(Mutex<HashMap<ClientNetwork, Allowance>>);

impl FailedLogins {
    /// Takes one try; false if there is none.
    pub fn take(&self, network: ClientNetwork) -> bool {
        self.take_at(network, Instant::now())
    }

    fn take_at(&self, network: ClientNetwork, now: Instant) -> bool {
        let mut allowances = self.lock();
        if allowances.len() >= MOST_NETWORKS && !allowances.contains_key(&network) {
            allowances.retain(|_, allowance| allowance.full_at > now);
        }
        let full = allowances.len() >= MOST_NETWORKS && !allowances.contains_key(&network);
        let key = if full { ClientNetwork::OTHERS } else { network };
        let allowance = allowances.entry(key).or_insert(Allowance {
            full_at: now,
            right: None,
        });
        let full_at = allowance.full_at.max(now) + REFILL;
        if full_at - now > REFILL * BURST {
            return false;
        }
        allowance.full_at = full_at;
        true
    }

    /// Gives back what was taken: the credentials were right.
    pub fn give_back(&self, network: ClientNetwork, taken: bool) {
        if let Some(allowance) = self.lock().get_mut(&network).filter(|_| taken) {
            allowance.full_at = allowance.full_at.checked_sub(REFILL).unwrap_or(allowance.full_at);
        }
    }

    /// Remembers the digest of a token that was right.
    pub fn remember(&self, network: ClientNetwork, digest: [u8; 32]) {
        if let Some(allowance) = self.lock().get_mut(&network) {
            allowance.right = Some(digest);
        }
    }

    /// Whether the token with this digest was the last that was right.
    pub fn knows(&self, network: ClientNetwork, digest: &[u8; 32]) -> bool {
        let right = self.lock().get(&network).and_then(|allowance| allowance.right);
        right.is_some_and(|right| right.ct_eq(digest).into())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientNetwork, Allowance>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> ClientNetwork {
        ClientNetwork::of(text.parse().unwrap())
    }

    #[test]
    fn ten_at_once_and_then_one_a_second_for_each_network() {
        let logins = FailedLogins::default();
        let now = Instant::now();
        let (a, b) = (network("192.0.2.1"), network("192.0.2.2"));
        let passed = (0..20).filter(|_| logins.take_at(a, now)).count();
        assert_eq!(passed, 10);
        assert!(logins.take_at(b, now));
        assert!(!logins.take_at(a, now + Duration::from_millis(900)));
        assert!(logins.take_at(a, now + Duration::from_millis(1100)));
        logins.remember(a, [7; 32]);
        assert!(logins.knows(a, &[7; 32]) && !logins.knows(a, &[8; 32]) && !logins.knows(b, &[7; 32]));
    }

    #[test]
    fn a_success_costs_nothing() {
        let logins = FailedLogins::default();
        let now = Instant::now();
        let a = network("192.0.2.1");
        for _ in 0..100 {
            assert!(logins.take_at(a, now));
            logins.give_back(a, true);
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let logins = FailedLogins::default();
        let now = Instant::now();
        for n in 0..20_000_u32 {
            logins.take_at(ClientNetwork::of(n.to_be_bytes().into()), now);
        }
        assert!(logins.lock().len() <= MOST_NETWORKS + 1);
    }
}
