//! Reverse DNS (RFC 1035 section 3.5), by the host's own resolver.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::net::monotonic;

/// Lookups at once: with a dead DNS server each takes ten seconds.
const AT_ONCE: usize = 16;
/// After this time an address is looked up again, whether it had a name or not.
const KEEP: Duration = Duration::from_secs(6 * 3600);
/// How many addresses are remembered: as many as an inventory has.
const MOST: usize = 200_000;

/// Looks up names and remembers them.
#[derive(Debug, Default)]
pub struct Names {
    known: HashMap<IpAddr, (Option<Arc<str>>, Instant)>,
}

impl Names {
    /// The names of these addresses, as far as DNS answers within `timeout`. Blocks.
    pub fn look_up(&mut self, addresses: &[IpAddr], timeout: Duration) -> HashMap<IpAddr, Arc<str>> {
        let now = monotonic();
        self.known.retain(|_, (_, asked)| now.duration_since(*asked) < KEEP);
        let unknown: Vec<IpAddr> = addresses
            .iter()
            .copied()
            .filter(|ip| !self.known.contains_key(ip))
            .collect();
        if !unknown.is_empty() {
            let workers = unknown.len().min(AT_ONCE);
            let queue = Arc::new(Mutex::new(unknown));
            let (found, answers) = mpsc::channel();
            for _ in 0..workers {
                let (queue, found) = (queue.clone(), found.clone());
                let work = move || {
                    // The lock must not be held during a lookup.
                    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
                    while let Some(ip) = next() {
                        if found.send((ip, dns_lookup::lookup_addr(&ip).ok())).is_err() {
                            return;
                        }
                    }
                };
                if std::thread::Builder::new().name("names".into()).spawn(work).is_err() {
                    break;
                }
            }
            drop(found);
            let end = now + timeout;
            while let Ok((ip, name)) = answers.recv_timeout(end.saturating_duration_since(monotonic())) {
                if self.known.len() < MOST {
                    self.known
                        .insert(ip, (name.and_then(|name| clean(&name, ip)), monotonic()));
                }
            }
            queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        let named = |ip: &IpAddr| Some((*ip, self.known.get(ip)?.0.clone()?));
        addresses.iter().filter_map(named).collect()
    }
}

/// A name that is safe to use. Where there is no name the system gives the address, and DNS can hold any text.
fn clean(name: &str, ip: IpAddr) -> Option<Arc<str>> {
    let name = name.trim_end_matches('.');
    let good = name.len() <= 253
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    (good && !name.is_empty() && name.parse::<IpAddr>().is_err() && name != ip.to_string()).then(|| name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_names_are_used() {
        let ip = [10, 0, 0, 1].into();
        assert_eq!(clean("nas.lan.", ip).as_deref(), Some("nas.lan"));
        for name in ["10.0.0.1", "", ".", "a b", "x\ny", "<b>", &"a".repeat(300)] {
            assert_eq!(clean(name, ip), None, "{name}");
        }
    }
}
