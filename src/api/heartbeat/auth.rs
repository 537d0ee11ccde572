//! Who may report for which heartbeat, and how often.
//!
//! 1. Tokens are compared as SHA-256 digests, in constant time. An unknown name takes as long as a wrong token, and gets
//!    the same answer.
//! 2. Wrong tokens use up the allowance for failures of the client's network, and nothing else: a client that shares
//!    its address with a guesser is still served.
//! 3. Right tokens use up the allowances for reports of the client's network and of the heartbeat.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use crate::model::{Enrolment, Heartbeat, LabelValue, Schedule, Token, TokenDigest};
use crate::pace::{Buckets, ClientNetwork, Rate};
use crate::serve::Error;

/// The most networks and heartbeats that are remembered; further ones share an allowance.
const MOST: usize = 10_000;

/// Wrong tokens from a network.
fn failures() -> Rate {
    Rate::per_second(1.0, 10)
}

/// Reports from a network.
fn reports() -> Rate {
    Rate::per_second(20.0, 100)
}

/// Reports of a heartbeat: as many as its schedule needs, and some more.
fn reports_of(heartbeat: &Heartbeat) -> Rate {
    let needed = match heartbeat.schedule {
        // Each period may have a start, a note and an end.
        Schedule::Every(period) => 3.0 / period.as_secs_f64().max(0.1),
        Schedule::Cron(_) => 0.0,
    };
    Rate::per_second(1.0 + needed, 10)
}

/// Whether a client has created this heartbeat, rather than the configuration.
pub fn is_provisioned(heartbeat: &Heartbeat) -> bool {
    matches!(heartbeat.token, Token::Enrolment)
}

/// Every token with which a client may report.
#[derive(Debug, Default)]
pub struct ReportTokens {
    by_name: HashMap<LabelValue, (Arc<Heartbeat>, Option<TokenDigest>)>,
    by_digest: HashMap<TokenDigest, LabelValue>,
    enrolment: Option<(Enrolment, TokenDigest)>,
}

impl ReportTokens {
    /// The heartbeats, each with the digest of its token if that could be read; and the key of enrolment.
    pub fn new(
        heartbeats: impl IntoIterator<Item = (Arc<Heartbeat>, Option<TokenDigest>)>,
        enrolment: Option<(Enrolment, TokenDigest)>,
    ) -> Self {
        let mut tokens = Self {
            enrolment,
            ..Self::default()
        };
        for (heartbeat, digest) in heartbeats {
            let name = heartbeat.name.clone();
            if let Some(digest) = digest {
                tokens.by_digest.entry(digest).or_insert_with(|| name.clone());
            }
            tokens.by_name.insert(name, (heartbeat, digest));
        }
        tokens
    }

    /// The heartbeat with this token.
    fn by_token(&self, token: &str) -> Option<&Arc<Heartbeat>> {
        let given = TokenDigest::of(token.as_bytes());
        // The look-up compares digests, which a caller cannot choose. The comparison that decides always takes the same
        // time.
        let (heartbeat, own) = self.by_name.get(self.by_digest.get(&given)?)?;
        bool::from(own.as_ref()?.ct_eq(&given)).then_some(heartbeat)
    }

    /// What a token opens for the heartbeat of this name.
    fn by_name(&self, name: &str, token: &str) -> Grant {
        let given = TokenDigest::of(token.as_bytes());
        let found = self.by_name.get(name);
        let own = found.and_then(|(_, own)| *own).unwrap_or_default();
        let right = bool::from(own.ct_eq(&given)) & found.is_some_and(|(_, own)| own.is_some());
        let (enrolment, key) = match &self.enrolment {
            Some((enrolment, key)) => (Some(enrolment), *key),
            None => (None, TokenDigest::default()),
        };
        let enrols = bool::from(key.ct_eq(&given)) & enrolment.is_some();
        match (found, enrolment) {
            (Some((heartbeat, _)), _) if right => Grant::Known(heartbeat.clone()),
            (Some((heartbeat, _)), _) if enrols && is_provisioned(heartbeat) => Grant::Known(heartbeat.clone()),
            (None, Some(enrolment)) if enrols => Grant::Enrols(enrolment.clone()),
            _ => Grant::Denied,
        }
    }
}

/// What a token opens.
#[derive(Debug, PartialEq)]
pub enum Grant {
    /// Nothing: the token is wrong, or there is no such heartbeat. The answer is the same.
    Denied,
    /// This heartbeat.
    Known(Arc<Heartbeat>),
    /// It may create a heartbeat of this name.
    Enrols(Enrolment),
}

/// Why a report was refused: the `reason` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejection {
    /// The heartbeat is unknown or the token is wrong.
    Token,
    /// There were too many.
    Rate,
    /// The heartbeat does not take the method.
    Method,
    /// The body is too large.
    TooLarge,
    /// The body or a parameter has a mistake.
    Malformed,
    /// It could not be stored.
    Store,
}

impl Rejection {
    /// Why a report was refused whose body gave this error.
    pub fn of(error: &Error) -> Self {
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            _ => Self::Malformed,
        }
    }

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

/// Lets reports in, and counts those it refuses.
pub struct ReportAuth {
    tokens: watch::Receiver<Arc<ReportTokens>>,
    failures: Mutex<Buckets<ClientNetwork>>,
    networks: Mutex<Buckets<ClientNetwork>>,
    heartbeats: Mutex<Buckets<LabelValue>>,
    rejected: Mutex<BTreeMap<(LabelValue, Rejection), u64>>,
}

impl ReportAuth {
    /// Goes by these tokens, as they are when a report comes.
    pub fn new(tokens: watch::Receiver<Arc<ReportTokens>>) -> Self {
        Self {
            tokens,
            failures: Mutex::new(Buckets::new(MOST)),
            networks: Mutex::new(Buckets::new(MOST)),
            heartbeats: Mutex::new(Buckets::new(MOST)),
            rejected: Mutex::default(),
        }
    }

    /// What `/ping/{token}` opens.
    pub fn by_token(&self, token: &str) -> Grant {
        let tokens = self.tokens.borrow();
        tokens
            .by_token(token)
            .map_or(Grant::Denied, |heartbeat| Grant::Known(heartbeat.clone()))
    }

    /// What a token opens for a name.
    pub fn by_name(&self, name: &str, token: &str) -> Grant {
        self.tokens.borrow().by_name(name, token)
    }

    /// Counts a wrong token.
    ///
    /// # Errors
    /// After too many wrong ones: how long this network must wait.
    pub fn wrong_token(&self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        self.reject("".into(), Rejection::Token);
        lock(&self.failures).take(ClientNetwork::of(from), failures(), now)
    }

    /// Counts a report.
    ///
    /// # Errors
    /// After too many from this network or for this heartbeat: how long to wait.
    pub fn report(&self, heartbeat: &Heartbeat, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let taken = lock(&self.networks)
            .take(ClientNetwork::of(from), reports(), now)
            .and_then(|()| lock(&self.heartbeats).take(heartbeat.name.clone(), reports_of(heartbeat), now));
        if taken.is_err() {
            self.reject(heartbeat.name.clone(), Rejection::Rate);
        }
        taken
    }

    /// Counts a refused report. The name is that of a known heartbeat, or empty.
    pub fn reject(&self, name: LabelValue, why: Rejection) {
        *lock(&self.rejected).entry((name, why)).or_default() += 1;
    }

    /// Refused reports so far: the heartbeat, the reason and how many. Heartbeats that no longer exist are left out.
    pub fn rejected(&self) -> Vec<(LabelValue, &'static str, u64)> {
        let tokens = self.tokens.borrow();
        let mut rejected = lock(&self.rejected);
        rejected.retain(|(name, _), _| name.as_str().is_empty() || tokens.by_name.contains_key(name));
        rejected
            .iter()
            .map(|((name, why), count)| (name.clone(), why.as_str(), *count))
            .collect()
    }
}

/// Locks, also after a panic: counters are valid at any time.
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

    fn auth() -> ReportAuth {
        let of = |name: &str, token: &str| {
            let digest = TokenDigest::of(token.as_bytes());
            (heartbeat(name, Token::Digest(digest)), Some(digest))
        };
        let unread = (heartbeat("unread", Token::File("x".into())), None);
        let enrolled = (heartbeat("enrolled", Token::Enrolment), None);
        let enrolment = Enrolment {
            key: Token::Digest(TokenDigest::of(b"key")),
            max: 50,
            every: Duration::from_secs(60),
            grace: Duration::from_secs(60),
        };
        let tokens = ReportTokens::new(
            [of("a", "secret a"), of("b", "secret b"), unread, enrolled],
            Some((enrolment, TokenDigest::of(b"key"))),
        );
        ReportAuth::new(watch::channel(Arc::new(tokens)).1)
    }

    #[test]
    fn a_token_opens_its_heartbeat_only() {
        let auth = auth();
        let name = |access: Grant| match access {
            Grant::Denied => "denied".to_owned(),
            Grant::Known(heartbeat) => heartbeat.name.as_str().to_owned(),
            Grant::Enrols(_) => "enrols".to_owned(),
        };
        for (token, expected) in [("secret a", "a"), ("secret b", "b"), ("", "denied"), ("key", "denied")] {
            assert_eq!(name(auth.by_token(token)), expected, "{token}");
        }
        for (heartbeat, token, expected) in [
            ("a", "secret a", "a"),
            ("a", "secret b", "denied"),
            ("a", "key", "denied"),
            ("c", "secret a", "denied"),
            ("c", "key", "enrols"),
            ("enrolled", "key", "enrolled"),
            ("enrolled", "secret a", "denied"),
            ("unread", "", "denied"),
            ("unread", "key", "denied"),
        ] {
            assert_eq!(name(auth.by_name(heartbeat, token)), expected, "{heartbeat} {token}");
        }
    }

    #[test]
    fn guessing_is_slowed_and_harms_no_other_client() {
        let auth = auth();
        let (now, here) = (Instant::now(), [192, 0, 2, 1].into());
        let slowed = (0..1000).filter(|_| auth.wrong_token(here, now).is_err()).count();
        assert_eq!(slowed, 990);
        assert_eq!(auth.wrong_token([192, 0, 2, 2].into(), now), Ok(()), "another address");
        let Grant::Known(heartbeat) = auth.by_token("secret a") else {
            panic!("its own token")
        };
        assert_eq!(auth.report(&heartbeat, here, now), Ok(()));
        assert_eq!(auth.rejected(), [("".into(), "token", 1001)]);
    }

    #[test]
    fn reports_are_limited_by_heartbeat_and_by_network() {
        let auth = auth();
        let (now, beat) = (Instant::now(), heartbeat("a", Token::Enrolment));
        let taken = (0..200)
            .filter(|n| auth.report(&beat, [192, 0, 2, *n].into(), now).is_ok())
            .count();
        assert_eq!(taken, 10);
        let taken = (0..200)
            .filter(|n| {
                let beat = heartbeat(&format!("x{n}"), Token::Enrolment);
                auth.report(&beat, [192, 0, 2, 250].into(), now).is_ok()
            })
            .count();
        assert_eq!(taken, 100);
        assert_eq!(
            auth.rejected(),
            [("a".into(), "rate", 190)],
            "unknown heartbeats are not counted"
        );
    }
}
