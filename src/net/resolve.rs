//! Names to addresses, in the background: a probe never waits for DNS.
//!
//! getaddrinfo(3) knows the whole configuration of the host (hosts file, mDNS, search domains), but it blocks, for 10 s and
//! more where the DNS server is dead. So a few threads keep every watched name fresh, and a probe reads the last answer.
//!
//! 1. Each name is looked up again after [`REFRESH`], so that no answer is older than 30 s while DNS works.
//! 2. A lookup that failed for now (dead server, timeout) keeps the last addresses, for at most [`KEEP`]: a dead DNS server
//!    does not mean that the devices are gone.
//! 3. An answer that the name does not exist drops the addresses at once.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType};

use crate::model::Family;

/// The time from the end of one lookup to the next of the same name.
const REFRESH: Duration = Duration::from_secs(20);
/// How long addresses are kept while DNS does not answer.
const KEEP: Duration = Duration::from_secs(3600);
/// Lookups at once. A dead DNS server blocks each for some 10 s; a live one answers thousands of names in 20 s.
const THREADS: usize = 8;

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The first lookup is under way.
    Pending,
    /// The addresses, in the order of the resolver (RFC 6724).
    Found(Arc<[IpAddr]>),
    /// Why there is no address.
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
    /// A resolver without names. Its threads start with the first name.
    pub fn new() -> Self {
        Self { shared: Arc::default() }
    }

    /// Watches exactly these names from now on. Names that were watched before keep their addresses.
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

    /// The addresses of a name as they are known now, of one family. Never waits for the network.
    pub fn lookup(&self, name: &str, family: Family) -> Lookup {
        let state = self.shared.lock();
        let Some(known) = state.known.get(name) else {
            return Lookup::Pending;
        };
        limited(name, &known.lookup, family)
    }
}

impl Resolver {
    /// Like [`Resolver::lookup`], but waits for the first answer, for at most `timeout`.
    pub async fn first_answer(&self, name: &str, family: Family, timeout: Duration) -> Lookup {
        let end = tokio::time::Instant::now() + timeout;
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
        // Each thread holds one reference. When the last handle goes, the threads end.
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
            let answer = look_up(&name);
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

    /// Waits for the next name that is due; `None` when the resolver has been dropped.
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

/// Asks the host's own resolver now, for checks that must notice a dead DNS server. Waits for at most `timeout`. A lookup
/// that is given up goes on in its thread; at most [`NOW_THREADS`] of them run.
pub async fn resolve_now(name: &str, family: Family, timeout: Duration) -> Lookup {
    static SLOTS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(NOW_THREADS);
    let lookup = async {
        let Ok(slot) = SLOTS.acquire().await else {
            return None;
        };
        let asked = name.to_owned();
        let answer = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            look_up(&asked)
        });
        answer.await.ok()
    };
    match tokio::time::timeout(timeout, lookup).await {
        Ok(Some(Answer::Addresses(all))) => limited(name, &Lookup::Found(all.into()), family),
        Ok(Some(Answer::NoSuchName(reason) | Answer::TryAgain(reason))) => Lookup::Failed(reason.into()),
        Ok(None) | Err(_) => Lookup::Failed(format!("{name}: no answer from the resolver within {timeout:?}").into()),
    }
}

/// The addresses of one family.
fn limited(name: &str, lookup: &Lookup, family: Family) -> Lookup {
    let (Lookup::Found(all), Some(version)) = (lookup, family.version()) else {
        return lookup.clone();
    };
    let allowed: Arc<[IpAddr]> = all.iter().copied().filter(|ip| family.allows(*ip)).collect();
    if allowed.is_empty() {
        return Lookup::Failed(format!("{name} has no {version} address").into());
    }
    Lookup::Found(allowed)
}

/// One lookup by the host's own resolver. Blocks.
fn look_up(name: &str) -> Answer {
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
    fn a_dead_dns_server_keeps_addresses_and_a_clear_no_drops_them() {
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
