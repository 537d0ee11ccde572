//! Wrong credentials, counted by the network they come from: ten at once, then one a second.
//!
//! Owns an allowance for each network, for a bounded number of networks. A try takes one from it before the credentials
//! are checked; a success gives it back. A token that was right before is let in even without an allowance, since a
//! router or a container bridge gives one address to all clients behind it, and only some of them may be guessing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::pace::{Buckets, ClientNetwork, Rate};
use crate::secret::TokenDigest;

/// Networks with an allowance of their own; all further ones share one. So many right tokens are remembered, too.
const MOST_NETWORKS: usize = 8192;

/// Ten tries at once, then one a second.
fn rate() -> Rate {
    Rate::every(Duration::from_secs(1), 10)
}

#[derive(Debug)]
struct Logins {
    allowances: Buckets<ClientNetwork>,
    /// The token of each network that was last right.
    right: HashMap<ClientNetwork, TokenDigest>,
}

/// The allowances.
#[derive(Debug)]
pub struct FailedLogins(Mutex<Logins>);

impl Default for FailedLogins {
    fn default() -> Self {
        Self(Mutex::new(Logins {
            allowances: Buckets::new(MOST_NETWORKS),
            right: HashMap::new(),
        }))
    }
}

impl FailedLogins {
    /// Takes one try; false if there is none.
    pub fn take(&self, network: ClientNetwork, now: Instant) -> bool {
        self.lock().allowances.take(network, rate(), now).is_ok()
    }

    /// Gives back what was taken: the credentials were right.
    pub fn give_back(&self, network: ClientNetwork, taken: bool) {
        if taken {
            self.lock().allowances.give_back(&network, rate());
        }
    }

    /// Remembers the digest of a token that was right.
    pub fn remember(&self, network: ClientNetwork, digest: TokenDigest) {
        let right = &mut self.lock().right;
        if right.len() >= MOST_NETWORKS && !right.contains_key(&network) {
            right.clear();
        }
        right.insert(network, digest);
    }

    /// Whether the token with this digest was the last that was right.
    pub fn knows(&self, network: ClientNetwork, digest: TokenDigest) -> bool {
        self.lock().right.get(&network) == Some(&digest)
    }

    fn lock(&self) -> MutexGuard<'_, Logins> {
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
        let passed = (0..20).filter(|_| logins.take(a, now)).count();
        assert_eq!(passed, 10);
        assert!(logins.take(b, now));
        assert!(!logins.take(a, now + Duration::from_millis(900)));
        assert!(logins.take(a, now + Duration::from_millis(1100)));
        let (right, wrong) = (TokenDigest::of(b"right"), TokenDigest::of(b"wrong"));
        logins.remember(a, right);
        assert!(logins.knows(a, right) && !logins.knows(a, wrong) && !logins.knows(b, right));
    }

    #[test]
    fn a_success_costs_nothing() {
        let logins = FailedLogins::default();
        let now = Instant::now();
        let a = network("192.0.2.1");
        for _ in 0..100 {
            assert!(logins.take(a, now));
            logins.give_back(a, true);
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let logins = FailedLogins::default();
        let now = Instant::now();
        for n in 0..20_000_u32 {
            let network = ClientNetwork::of(n.to_be_bytes().into());
            logins.take(network, now);
            logins.remember(network, TokenDigest::default());
        }
        assert!(logins.lock().allowances.len() <= MOST_NETWORKS && logins.lock().right.len() <= MOST_NETWORKS);
    }
}
