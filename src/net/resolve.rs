//! Names to addresses, in the background: a probe never waits for DNS.
//!
//! getaddrinfo(3) knows the host's whole configuration (hosts file, mDNS, search domains) but blocks, up to 10 s and
//! more where the DNS server is dead. So a few threads keep every watched name fresh and a probe reads the answer.
//!
//! 1. Each name is asked again after [`REFRESH`], so that no answer is older than 30 s while DNS works.
//! 2. A lookup that failed for now (server dead, time-out) keeps the last addresses, for at most [`KEEP`]: when DNS
//!    dies the devices are still there.
//! 3. An answer that the name does not exist (any more) drops them at once.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType};

use crate::model::Family;

/// From the end of one lookup to the next of the same name.
const REFRESH: Duration = Duration::from_secs(20);
/// How long addresses outlive a DNS that does not answer.
const KEEP: Duration = Duration::from_secs(3600);
/// Lookups at once. Dead DNS blocks each for 10 s or so; live DNS answers 8 threads thousands of names in 20 s.
const THREADS: usize = 8;

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Nothing yet: the first lookup is under way.
    Pending,
    /// Its addresses, in the resolver's order (RFC 6724).
    Found(Arc<[IpAddr]>),
    /// It has none, and why.
    Failed(Arc<str>),
}

/// Keeps names resolved. Cloning shares it.
#[derive(Clone)]
pub struct Resolver {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    names: Mutex<Names>,
    wake: Condvar,
}

#[derive(Default)]
struct Names {
    known: HashMap<Arc<str>, Known>,
    due: BinaryHeap<Reverse<(Instant, Arc<str>)>>,
    threads: usize,
    closed: bool,
}

struct Known {
    lookup: Lookup,
    answered: Instant,
}

enum Answer {
    Addresses(Vec<IpAddr>),
    NoSuchName(String),
    TryAgain(String),
}

impl Resolver {
    /// A resolver that watches nothing yet; its threads start with the first name.
    pub fn new() -> Self {
        Self { shared: Arc::default() }
    }

    /// Watches exactly these names from now on. Names that stay keep what is known of them.
    pub fn watch(&self, names: &HashSet<Arc<str>>) {
        let now = Instant::now();
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        state.known.retain(|name, _| names.contains(name));
        for name in names {
            if !state.known.contains_key(name) {
                state.known.insert(
                    name.clone(),
                    Known {
                        lookup: Lookup::Pending,
                        answered: now,
                    },
                );
                state.due.push(Reverse((now, name.clone())));
            }
        }
        let wanted = THREADS.min(state.known.len());
        while state.threads < wanted {
            let shared = self.shared.clone();
            let spawned = std::thread::Builder::new()
                .name("resolve".into())
                .spawn(move || shared.work());
            if let Err(error) = spawned {
                tracing::warn!(%error, "cannot start a thread to resolve names; fewer will do");
                break;
            }
            state.threads += 1;
        }
        drop(guard);
        self.shared.wake.notify_all();
    }

    /// What is known of a name now, limited to a family. Never blocks on the network.
    pub fn lookup(&self, name: &str, family: Family) -> Lookup {
        let state = self.shared.lock();
        let Some(known) = state.known.get(name) else {
            return Lookup::Pending;
        };
        limited(name, &known.lookup, family)
    }
}

impl Resolver {
    /// Like [`Resolver::lookup`], but waits for a first answer, at most this long.
    pub async fn first_answer(&self, name: &str, family: Family, patience: Duration) -> Lookup {
        let end = tokio::time::Instant::now() + patience;
        loop {
            match self.lookup(name, family) {
                Lookup::Pending if tokio::time::Instant::now() < end => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Lookup::Pending => return Lookup::Failed(format!("{name}: no answer from the resolver yet").into()),
                answer => return answer,
            }
        }
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        // Each thread holds one reference; the last handle of ours ends them.
        if Arc::strong_count(&self.shared) <= state.threads + 1 {
            state.closed = true;
            drop(state);
            self.shared.wake.notify_all();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(name) = self.next() {
            let answer = ask(&name);
            let now = Instant::now();
            let mut state = self.lock();
            let Some(known) = state.known.get_mut(&name) else {
                continue;
            };
            known.learn(answer, now);
            state.due.push(Reverse((now + REFRESH, name)));
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Waits for the next name that is due; `None` when the resolver is gone.
    fn next(&self) -> Option<Arc<str>> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            let now = Instant::now();
            let wait = match state.due.peek() {
                Some(Reverse((at, _))) if *at <= now => {
                    let Some(Reverse((_, name))) = state.due.pop() else {
                        continue;
                    };
                    if state.known.contains_key(&name) {
                        return Some(name);
                    }
                    continue;
                }
                Some(Reverse((at, _))) => *at - now,
                None => REFRESH,
            };
            state = self
                .wake
                .wait_timeout(state, wait)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Known {
    fn learn(&mut self, answer: Answer, now: Instant) {
        match answer {
            Answer::Addresses(addresses) => {
                self.answered = now;
                if !matches!(&self.lookup, Lookup::Found(old) if **old == *addresses) {
                    self.lookup = Lookup::Found(addresses.into());
                }
            }
            Answer::NoSuchName(reason) => self.lookup = Lookup::Failed(reason.into()),
            Answer::TryAgain(reason) => {
                let fresh = now.duration_since(self.answered) < KEEP;
                if !(fresh && matches!(self.lookup, Lookup::Found(_))) {
                    self.lookup = Lookup::Failed(reason.into());
                }
            }
        }
    }
}

/// Lookups of [`resolve_now`] at once.
const NOW_THREADS: usize = 32;

/// Asks the host's own resolver at once, for what must notice a dead DNS itself. Waits at most this long; a lookup that
/// is given up goes on in its thread, and no more than [`NOW_THREADS`] do.
pub async fn resolve_now(name: &str, family: Family, patience: Duration) -> Lookup {
    static ROOM: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(NOW_THREADS);
    let lookup = async {
        let Ok(place) = ROOM.acquire().await else {
            return None;
        };
        let asked = name.to_owned();
        let answer = tokio::task::spawn_blocking(move || {
            let _place = place;
            ask(&asked)
        });
        answer.await.ok()
    };
    match tokio::time::timeout(patience, lookup).await {
        Ok(Some(Answer::Addresses(all))) => limited(name, &Lookup::Found(all.into()), family),
        Ok(Some(Answer::NoSuchName(reason) | Answer::TryAgain(reason))) => Lookup::Failed(reason.into()),
        Ok(None) | Err(_) => Lookup::Failed(format!("{name}: no answer from the resolver within {patience:?}").into()),
    }
}

/// An answer, limited to a family.
fn limited(name: &str, lookup: &Lookup, family: Family) -> Lookup {
    match lookup {
        Lookup::Found(all) if family != Family::Any => {
            let some: Arc<[IpAddr]> = all.iter().copied().filter(|ip| family.allows(*ip)).collect();
            if some.is_empty() {
                let version = if family == Family::Ip4 { "IPv4" } else { "IPv6" };
                return Lookup::Failed(format!("{name} has no {version} address").into());
            }
            Lookup::Found(some)
        }
        other => other.clone(),
    }
}

/// One blocking lookup by the host's own resolver.
fn ask(name: &str) -> Answer {
    let hints = AddrInfoHints {
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    match dns_lookup::getaddrinfo(Some(name), None, Some(hints)) {
        Ok(found) => {
            let mut addresses: Vec<IpAddr> = Vec::new();
            for ip in found.flatten().map(|info| info.sockaddr.ip()) {
                if !addresses.contains(&ip) {
                    addresses.push(ip);
                }
            }
            if addresses.is_empty() {
                return Answer::NoSuchName(format!("{name} has no address"));
            }
            Answer::Addresses(addresses)
        }
        Err(error) => {
            let kind = error.kind();
            let text = std::io::Error::from(error).to_string();
            let reason = format!(
                "{name}: {}",
                text.strip_prefix("failed to lookup address information: ")
                    .unwrap_or(&text)
            );
            match kind {
                LookupErrorKind::NoName | LookupErrorKind::NoData | LookupErrorKind::Badflags => {
                    Answer::NoSuchName(reason)
                }
                _ => Answer::TryAgain(reason),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(lookup: Lookup, answered: Instant) -> Known {
        Known { lookup, answered }
    }

    fn found(ip: [u8; 4]) -> Lookup {
        Lookup::Found([IpAddr::from(ip)].into())
    }

    #[test]
    fn dead_dns_keeps_addresses_and_a_clear_no_drops_them() {
        let start = Instant::now();
        let mut name = known(found([10, 0, 0, 1]), start);
        name.learn(Answer::TryAgain("server down".into()), start + Duration::from_secs(60));
        assert_eq!(name.lookup, found([10, 0, 0, 1]));
        name.learn(Answer::TryAgain("server down".into()), start + KEEP);
        assert_eq!(name.lookup, Lookup::Failed("server down".into()), "not for ever");
        name.learn(Answer::Addresses(vec![IpAddr::from([10, 0, 0, 2])]), start + KEEP);
        assert_eq!(name.lookup, found([10, 0, 0, 2]));
        name.learn(Answer::NoSuchName("gone".into()), start + KEEP);
        assert_eq!(name.lookup, Lookup::Failed("gone".into()));
    }

    #[test]
    fn localhost_resolves_in_the_background_by_family() {
        let resolver = Resolver::new();
        assert_eq!(resolver.lookup("localhost", Family::Any), Lookup::Pending);
        resolver.watch(&HashSet::from(["localhost".into()]));
        let deadline = Instant::now() + Duration::from_secs(20);
        while resolver.lookup("localhost", Family::Ip4) == Lookup::Pending && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(resolver.lookup("localhost", Family::Ip4), found([127, 0, 0, 1]));
        resolver.watch(&HashSet::new());
        assert_eq!(
            resolver.lookup("localhost", Family::Ip4),
            Lookup::Pending,
            "no longer watched"
        );
    }
}
