//! Asks devices for the system group of SNMP (RFC 3418), and remembers who answers.
//!
//! Owns whom to ask how often. Gets addresses and credentials; gives `SystemReading`s. Rules:
//! 1. The credentials are tried in their order until one is answered; from then on that one alone, at every call.
//! 2. Who answers none of them is asked again after an hour, then after twice as long each time, at most a day.
//! 3. Another hardware address on an address is somebody else; so is everybody when the credentials change.
//! 4. Whoever there was no time for is asked at the next call; strangers come first.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::model::{Credentials, Mac, SystemReading, Timestamp};
use crate::net::snmp::{Access, Patience, Session, SnmpError, access, system};

/// Conversations at once, each with a socket.
const AT_ONCE: usize = 64;
/// How long to wait for a reply at first, at most: these are neighbours.
const REPLY: Duration = Duration::from_secs(1);
/// Attempts after the first.
const RETRIES: u32 = 1;
/// How long one conversation may take.
const CONVERSATION: Duration = Duration::from_secs(5);
/// Rule 2.
const SILENT: Duration = Duration::from_secs(3600);
const SILENT_AT_MOST: Duration = Duration::from_secs(86_400);
/// Addresses remembered: an inventory's worth.
const MOST: usize = 200_000;

/// A way to be let in.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Who we are.
    pub credentials: Arc<Credentials>,
    /// The agent's port.
    pub port: u16,
    /// How long to wait for a reply at first; never more than a second.
    pub timeout: Duration,
}

/// Remembers who answers.
#[derive(Debug, Default)]
pub struct Systems {
    keys: Vec<Key>,
    known: HashMap<IpAddr, Memory>,
}

#[derive(Clone, Debug, PartialEq)]
struct Memory {
    mac: Option<Mac>,
    /// Which of the keys was answered.
    key: Option<usize>,
    /// Calls in a row without an answer.
    silent: u32,
    /// When to ask again.
    next: Instant,
}

impl Memory {
    /// Rules 1 and 2.
    fn after(old: Option<&Self>, mac: Option<Mac>, key: Option<usize>, now: Instant) -> Self {
        let before = old.filter(|old| old.mac == mac).map_or(0, |old| old.silent);
        let silent = if key.is_some() { 0 } else { before.saturating_add(1) };
        let pause = match silent {
            0 => Duration::ZERO,
            times => (SILENT * 2_u32.pow((times - 1).min(8))).min(SILENT_AT_MOST),
        };
        Self {
            mac,
            key,
            silent,
            next: now + pause,
        }
    }
}

/// What came of asking one address: the reading and which of the keys opened.
type Answer = (IpAddr, Option<Mac>, Option<(usize, SystemReading)>);

impl Systems {
    /// What these addresses say of themselves, as far as they do within this time.
    pub async fn ask(
        &mut self,
        keys: &[Key],
        who: &[(IpAddr, Option<Mac>)],
        patience: Duration,
        at: Timestamp,
    ) -> HashMap<IpAddr, Arc<SystemReading>> {
        if self.keys != keys {
            self.keys = keys.to_vec();
            self.known.clear();
        }
        let now = Instant::now();
        let mut waiting = self.due(who, now);
        let mut found = HashMap::new();
        // Secrets are read once a call, so that they can be changed without a reload.
        let doors = Arc::new(self.doors());
        if doors.is_empty() {
            return found;
        }
        let end = now + patience;
        let mut asking: JoinSet<Answer> = JoinSet::new();
        loop {
            while asking.len() < AT_ONCE
                && let Some((address, mac)) = waiting.pop()
            {
                let first = self
                    .known
                    .get(&address)
                    .filter(|old| old.mac == mac)
                    .and_then(|old| old.key);
                let doors = doors.clone();
                asking.spawn(async move { (address, mac, converse(address, &doors, first, at).await) });
            }
            match timeout_at(end, asking.join_next()).await {
                Ok(Some(Ok((address, mac, answer)))) => {
                    let key = answer.as_ref().map(|(key, _)| *key);
                    let memory = Memory::after(self.known.get(&address), mac, key, Instant::now());
                    if self.known.len() < MOST || self.known.contains_key(&address) {
                        self.known.insert(address, memory);
                    }
                    found.extend(answer.map(|(_, reading)| (address, Arc::new(reading))));
                }
                Ok(Some(Err(_))) => {}
                // Nobody is left, or no time. Who is being asked is forgotten, not silent.
                Ok(None) | Err(_) => return found,
            }
        }
    }

    /// Who is to be asked now, the first last. Forgets who has not been of interest for long.
    fn due(&mut self, who: &[(IpAddr, Option<Mac>)], now: Instant) -> Vec<(IpAddr, Option<Mac>)> {
        self.known
            .retain(|_, memory| now.saturating_duration_since(memory.next) < 2 * SILENT_AT_MOST);
        let same = |address: &IpAddr, mac: Option<Mac>| self.known.get(address).filter(|memory| memory.mac == mac);
        let mut due: Vec<_> = who
            .iter()
            .copied()
            .filter(|(address, mac)| same(address, *mac).is_none_or(|memory| memory.next <= now))
            .collect();
        due.sort_by_key(|(address, mac)| (same(address, *mac).is_none(), std::cmp::Reverse(*address)));
        due
    }

    /// The keys that can be used now.
    fn doors(&self) -> Vec<(usize, Access, u16, Patience)> {
        let mut doors = Vec::new();
        for (number, key) in self.keys.iter().enumerate() {
            let patience = Patience {
                timeout: key.timeout.min(REPLY),
                retries: RETRIES,
                whole: CONVERSATION,
            };
            match access(&key.credentials) {
                Ok(access) => doors.push((number, access, key.port, patience)),
                Err(problem) => tracing::warn!("devices are not asked with these SNMP credentials: {problem}"),
            }
        }
        doors
    }
}

/// Rule 1.
async fn converse(
    address: IpAddr,
    doors: &[(usize, Access, u16, Patience)],
    first: Option<usize>,
    at: Timestamp,
) -> Option<(usize, SystemReading)> {
    let known = doors.iter().filter(|(number, ..)| Some(*number) == first);
    let others = doors
        .iter()
        .filter(|(number, ..)| first.is_none() && Some(*number) != first);
    let mut closed = Vec::new();
    for (number, access, port, patience) in known.chain(others) {
        if closed.contains(port) {
            continue;
        }
        let peer = SocketAddr::new(address, *port);
        let answer = async {
            let mut session = Session::open(peer, access.clone(), *patience, None).await?;
            system(&mut session).await
        };
        match answer.await {
            Ok((facts, ticks)) => {
                let uptime = ticks.map(|ticks| Duration::from_millis(u64::from(ticks) * 10));
                return Some((*number, SystemReading { facts, uptime, at }));
            }
            // Nobody listens there: other credentials would not help.
            Err(SnmpError::Unreachable(..) | SnmpError::Send(..)) => closed.push(*port),
            Err(error) => tracing::trace!("{error}"),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_silent_are_asked_ever_more_rarely_and_whoever_answers_always() {
        let now = Instant::now();
        let mut memory = None;
        for hours in [1, 2, 4, 8, 16, 24, 24] {
            let next = Memory::after(memory.as_ref(), None, None, now);
            assert_eq!(next.next - now, Duration::from_secs(hours * 3600));
            memory = Some(next);
        }
        let mac = Some(Mac([0, 1, 2, 3, 4, 5]));
        let other = Memory::after(memory.as_ref(), mac, None, now);
        assert_eq!(other.next - now, SILENT, "somebody else on its address");
        let answered = Memory::after(memory.as_ref(), None, Some(1), now);
        assert_eq!((answered.next, answered.silent), (now, 0));
        assert_eq!(Memory::after(Some(&answered), None, None, now).next - now, SILENT);
    }

    #[test]
    fn strangers_come_first_and_the_silent_not_at_all() {
        let now = Instant::now();
        let [a, b, c]: [IpAddr; 3] = [[10, 0, 0, 1].into(), [10, 0, 0, 2].into(), [10, 0, 0, 3].into()];
        let mac = Some(Mac([0, 1, 2, 3, 4, 5]));
        let mut systems = Systems::default();
        systems.known.insert(a, Memory::after(None, None, Some(0), now));
        systems.known.insert(b, Memory::after(None, None, None, now));
        // The last is taken first.
        assert_eq!(
            systems.due(&[(a, None), (b, None), (c, None)], now),
            [(a, None), (c, None)]
        );
        assert_eq!(systems.due(&[(b, mac)], now), [(b, mac)], "another device");
        let later = now + SILENT;
        assert_eq!(systems.due(&[(b, None)], later), [(b, None)]);
    }
}
