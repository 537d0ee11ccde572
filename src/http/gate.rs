//! Who may report for which heartbeat, and how often.
//!
//! 1. Tokens are compared as SHA-256 digests, in constant time; an unknown name costs the same as a wrong token, and
//!    gets the same answer.
//! 2. Wrong tokens use up the sender's allowance for failures and nothing else: whoever shares an address with a
//!    guesser is still served.
//! 3. Right ones use up the sender's and the heartbeat's allowance for reports.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use subtle::ConstantTimeEq;
use tokio::sync::watch;

use super::bucket::{Buckets, Rate, network};
use crate::model::{Enrolment, Heartbeat, LabelValue, Schedule, Token, TokenDigest};

/// Failed attempts of an address.
const FAILURES: Rate = Rate {
    burst: 10.0,
    per_second: 1.0,
};
/// Reports of an address.
const REPORTS: Rate = Rate {
    burst: 100.0,
    per_second: 20.0,
};
/// Reports of a heartbeat, beyond what its schedule needs.
const SPARE: Rate = Rate {
    burst: 10.0,
    per_second: 1.0,
};

/// The SHA-256 of a token.
pub fn digest(token: &[u8]) -> TokenDigest {
    TokenDigest::of(token)
}

/// Who may report what.
#[derive(Debug, Default)]
pub struct Directory {
    by_name: HashMap<LabelValue, (Arc<Heartbeat>, Option<TokenDigest>)>,
    by_digest: HashMap<TokenDigest, LabelValue>,
    enrolment: Option<(Enrolment, TokenDigest)>,
}

impl Directory {
    /// With the digest of each token that could be read.
    pub fn new(
        heartbeats: impl IntoIterator<Item = (Arc<Heartbeat>, Option<TokenDigest>)>,
        enrolment: Option<(Enrolment, TokenDigest)>,
    ) -> Self {
        let mut directory = Self {
            enrolment,
            ..Self::default()
        };
        for (heartbeat, digest) in heartbeats {
            let name = heartbeat.name.clone();
            if let Some(digest) = digest {
                directory.by_digest.entry(digest).or_insert_with(|| name.clone());
            }
            directory.by_name.insert(name, (heartbeat, digest));
        }
        directory
    }

    /// Whose token this is.
    fn by_token(&self, token: &str) -> Option<&Arc<Heartbeat>> {
        let given = digest(token.as_bytes());
        // The search compares digests, about which a caller can choose nothing; what decides takes the same time
        // always.
        let (heartbeat, own) = self.by_name.get(self.by_digest.get(&given)?)?;
        bool::from(own.as_ref()?.ct_eq(&given)).then_some(heartbeat)
    }

    /// Whether this is the token of the heartbeat of this name.
    fn by_name(&self, name: &str, token: &str) -> Access {
        let given = digest(token.as_bytes());
        let found = self.by_name.get(name);
        let own = found.and_then(|(_, own)| *own).unwrap_or_default();
        let right = bool::from(own.ct_eq(&given)) & found.is_some_and(|(_, own)| own.is_some());
        let (enrolment, key) = match &self.enrolment {
            Some((enrolment, key)) => (Some(enrolment), *key),
            None => (None, TokenDigest::default()),
        };
        let enrols = bool::from(key.ct_eq(&given)) & enrolment.is_some();
        match (found, enrolment) {
            (Some((heartbeat, _)), _) if right => Access::Known(heartbeat.clone()),
            (Some((heartbeat, _)), _) if enrols && heartbeat.token == Token::Enrolment => {
                Access::Known(heartbeat.clone())
            }
            (None, Some(enrolment)) if enrols => Access::Enrols(enrolment.clone()),
            _ => Access::Nobody,
        }
    }
}

/// What a token opens.
#[derive(Debug, PartialEq)]
pub enum Access {
    /// Nothing, or there is no such heartbeat: nobody is told which.
    Nobody,
    /// This heartbeat.
    Known(Arc<Heartbeat>),
    /// It may provision a heartbeat of this name.
    Enrols(Enrolment),
}

/// Why a report was refused: the `reason` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejection {
    /// Unknown heartbeat or wrong token.
    Token,
    /// Too often.
    Rate,
    /// A method the heartbeat does not take.
    Method,
    /// A body that is too large.
    TooLarge,
    /// A body or parameter that cannot be read.
    Malformed,
    /// It could not be stored.
    Store,
}

impl Rejection {
    /// The label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Rate => "rate",
            Self::Method => "method",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Store => "store",
        }
    }
}

/// Lets reports in.
pub struct Gate {
    directory: watch::Receiver<Arc<Directory>>,
    failures: Mutex<Buckets<IpAddr>>,
    addresses: Mutex<Buckets<IpAddr>>,
    heartbeats: Mutex<Buckets<LabelValue>>,
    rejected: Mutex<BTreeMap<(LabelValue, Rejection), u64>>,
}

impl Gate {
    /// For what the directory says.
    pub fn new(directory: watch::Receiver<Arc<Directory>>) -> Self {
        Self {
            directory,
            failures: Mutex::default(),
            addresses: Mutex::default(),
            heartbeats: Mutex::default(),
            rejected: Mutex::default(),
        }
    }

    /// What `/ping/{token}` opens.
    pub fn by_token(&self, token: &str) -> Access {
        let directory = self.directory.borrow();
        directory
            .by_token(token)
            .map_or(Access::Nobody, |heartbeat| Access::Known(heartbeat.clone()))
    }

    /// What a token opens for a name.
    pub fn by_name(&self, name: &str, token: &str) -> Access {
        self.directory.borrow().by_name(name, token)
    }

    /// Counts a wrong token.
    ///
    /// # Errors
    /// How long this address must wait, having been wrong too often.
    pub fn wrong(&self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        self.reject("".into(), Rejection::Token);
        lock(&self.failures).take(network(from), FAILURES, now)
    }

    /// Counts a report.
    ///
    /// # Errors
    /// How long to wait, if there were too many of this address or heartbeat.
    pub fn report(&self, heartbeat: &Heartbeat, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut rate = SPARE;
        if let Schedule::Every(period) = heartbeat.schedule {
            // Each round may have a start, a note and an end.
            rate.per_second += 3.0 / period.as_secs_f64().max(0.1);
        }
        let taken = lock(&self.addresses)
            .take(network(from), REPORTS, now)
            .and_then(|()| lock(&self.heartbeats).take(heartbeat.name.clone(), rate, now));
        if taken.is_err() {
            self.reject(heartbeat.name.clone(), Rejection::Rate);
        }
        taken
    }

    /// Counts a refusal. The name is that of a known heartbeat, or empty.
    pub fn reject(&self, name: LabelValue, why: Rejection) {
        *lock(&self.rejected).entry((name, why)).or_default() += 1;
    }

    /// All refusals so far: whose, why, how many. Those of heartbeats that are gone are forgotten.
    pub fn rejected(&self) -> Vec<(LabelValue, &'static str, u64)> {
        let directory = self.directory.borrow();
        let mut rejected = lock(&self.rejected);
        rejected.retain(|(name, _), _| name.as_str().is_empty() || directory.by_name.contains_key(name));
        rejected
            .iter()
            .map(|((name, why), count)| (name.clone(), why.as_str(), *count))
            .collect()
    }
}

/// Whoever panicked while holding it has left counters, which are whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Methods;

    fn heartbeat(name: &str, token: Token) -> Arc<Heartbeat> {
        let minute = Duration::from_secs(60);
        Arc::new(Heartbeat {
            name: name.into(),
            schedule: Schedule::Every(minute),
            grace: minute,
            start_within: minute,
            max_runtime: minute,
            hours: None,
            methods: Methods::ALL,
            token,
        })
    }

    fn gate() -> Gate {
        let of = |name: &str, token: &str| {
            let digest = digest(token.as_bytes());
            (heartbeat(name, Token::Digest(digest)), Some(digest))
        };
        let unread = (heartbeat("unread", Token::File("x".into())), None);
        let enrolled = (heartbeat("enrolled", Token::Enrolment), None);
        let enrolment = Enrolment {
            key: Token::Digest(digest(b"key")),
            max: 50,
            every: Duration::from_secs(60),
            grace: Duration::from_secs(60),
        };
        let directory = Directory::new(
            [of("a", "secret a"), of("b", "secret b"), unread, enrolled],
            Some((enrolment, digest(b"key"))),
        );
        Gate::new(watch::channel(Arc::new(directory)).1)
    }

    #[test]
    fn a_token_opens_its_heartbeat_only() {
        let gate = gate();
        let name = |access: Access| match access {
            Access::Nobody => "nobody".to_owned(),
            Access::Known(heartbeat) => heartbeat.name.as_str().to_owned(),
            Access::Enrols(_) => "enrols".to_owned(),
        };
        for (token, expected) in [("secret a", "a"), ("secret b", "b"), ("", "nobody"), ("key", "nobody")] {
            assert_eq!(name(gate.by_token(token)), expected, "{token}");
        }
        for (heartbeat, token, expected) in [
            ("a", "secret a", "a"),
            ("a", "secret b", "nobody"),
            ("a", "key", "nobody"),
            ("c", "secret a", "nobody"),
            ("c", "key", "enrols"),
            ("enrolled", "key", "enrolled"),
            ("enrolled", "secret a", "nobody"),
            ("unread", "", "nobody"),
            ("unread", "key", "nobody"),
        ] {
            assert_eq!(name(gate.by_name(heartbeat, token)), expected, "{heartbeat} {token}");
        }
    }

    #[test]
    fn guessing_is_slowed_and_harms_no_neighbour() {
        let gate = gate();
        let (now, here) = (Instant::now(), [192, 0, 2, 1].into());
        let slowed = (0..1000).filter(|_| gate.wrong(here, now).is_err()).count();
        assert_eq!(slowed, 990);
        assert_eq!(gate.wrong([192, 0, 2, 2].into(), now), Ok(()), "another address");
        let Access::Known(heartbeat) = gate.by_token("secret a") else {
            panic!("its own token")
        };
        assert_eq!(gate.report(&heartbeat, here, now), Ok(()));
        assert_eq!(gate.rejected(), [("".into(), "token", 1001)]);
    }

    #[test]
    fn reports_are_rationed_by_heartbeat_and_by_address() {
        let gate = gate();
        let (now, beat) = (Instant::now(), heartbeat("a", Token::Enrolment));
        let taken = (0..200)
            .filter(|n| gate.report(&beat, [192, 0, 2, *n].into(), now).is_ok())
            .count();
        assert_eq!(taken, 10);
        let taken = (0..200)
            .filter(|n| {
                let beat = heartbeat(&format!("x{n}"), Token::Enrolment);
                gate.report(&beat, [192, 0, 2, 250].into(), now).is_ok()
            })
            .count();
        assert_eq!(taken, 100);
        assert_eq!(
            gate.rejected(),
            [("a".into(), "rate", 190)],
            "strangers are not remembered"
        );
    }
}
