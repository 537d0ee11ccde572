//! Asks devices for the system group of SNMP (RFC 3418), and remembers which of them reply.
//!
//! 1. The ways to ask are tried in their order until the device replies to one; from then on only that one is used, at every
//!    call.
//! 2. A device that replies to none is asked again after an hour, then after twice as long each time, at most a day.
//! 3. Another hardware address at an address means another device. When the ways to ask change, everything is forgotten.
//! 4. A device for which there was no time is asked at the next call. Unknown devices come first.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::timeout_at;

use super::settings::SnmpAccess;
use crate::model::{Mac, SystemReading, Timestamp};
use crate::net::monotonic;
use crate::net::snmp::{Session, SnmpError, Timeouts, access, read_system};
use crate::wire::snmp::Access;

/// Sessions at once, each with a socket.
const AT_ONCE: usize = 64;
/// The longest wait for a first reply: these devices are on the same network.
const REPLY: Duration = Duration::from_secs(1);
/// Attempts after the first.
const RETRIES: u32 = 1;
/// How long one session may take.
const SESSION: Duration = Duration::from_secs(5);
/// Rule 2: the pause after the first call without a reply, and the longest.
const PAUSE: Duration = Duration::from_secs(3600);
const LONGEST_PAUSE: Duration = Duration::from_secs(86_400);
/// How many addresses are remembered: as many as an inventory has.
const MOST: usize = 200_000;

/// Asks devices, and remembers which of them reply.
#[derive(Debug, Default)]
pub struct Systems {
    ways: Vec<SnmpAccess>,
    known: HashMap<IpAddr, Known>,
}

/// What is known of an address.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    mac: Option<Mac>,
    /// The way that the device replied to.
    way: Option<usize>,
    /// Calls in a row without a reply.
    silent: u32,
    /// When to ask again.
    next: Instant,
}

impl Known {
    /// Rules 1 and 2: after a call.
    fn after(old: Option<&Self>, mac: Option<Mac>, way: Option<usize>, now: Instant) -> Self {
        let before = old.filter(|old| old.mac == mac).map_or(0, |old| old.silent);
        let silent = if way.is_some() { 0 } else { before.saturating_add(1) };
        let pause = match silent {
            0 => Duration::ZERO,
            times => (PAUSE * 2_u32.pow((times - 1).min(8))).min(LONGEST_PAUSE),
        };
        Self {
            mac,
            way,
            silent,
            next: now + pause,
        }
    }
}

/// A way to ask, with its secrets.
struct Way {
    number: usize,
    access: Access,
    port: u16,
    timeouts: Timeouts,
}

/// The result for one address: the reading, and the way that the device replied to.
type Answer = (IpAddr, Option<Mac>, Option<(usize, SystemReading)>);

impl Systems {
    /// The system groups of these devices, as far as they reply within `timeout`.
    pub async fn ask(
        &mut self,
        ways: &[SnmpAccess],
        devices: &[(IpAddr, Option<Mac>)],
        timeout: Duration,
        at: Timestamp,
    ) -> HashMap<IpAddr, Arc<SystemReading>> {
        if self.ways != ways {
            self.ways = ways.to_vec();
            self.known.clear();
        }
        let now = monotonic();
        let mut waiting = self.due(devices, now);
        let mut found = HashMap::new();
        let ways = Arc::new(self.usable_ways());
        if ways.is_empty() {
            return found;
        }
        let end = now + timeout;
        let mut asking: JoinSet<Answer> = JoinSet::new();
        loop {
            while asking.len() < AT_ONCE
                && let Some((address, mac)) = waiting.pop()
            {
                let known = self.known.get(&address).filter(|old| old.mac == mac);
                let (first, ways) = (known.and_then(|old| old.way), ways.clone());
                asking.spawn(async move { (address, mac, ask_one(address, &ways, first, at).await) });
            }
            match timeout_at(end.into(), asking.join_next()).await {
                Ok(Some(Ok((address, mac, answer)))) => {
                    let way = answer.as_ref().map(|(way, _)| *way);
                    let known = Known::after(self.known.get(&address), mac, way, monotonic());
                    if self.known.len() < MOST || self.known.contains_key(&address) {
                        self.known.insert(address, known);
                    }
                    found.extend(answer.map(|(_, reading)| (address, Arc::new(reading))));
                }
                Ok(Some(Err(_))) => {}
                // No device is left, or no time. Devices that have not replied yet do not count as silent.
                Ok(None) | Err(_) => return found,
            }
        }
    }

    /// The devices to ask now, the first one last. Forgets addresses that were not asked about for long.
    fn due(&mut self, devices: &[(IpAddr, Option<Mac>)], now: Instant) -> Vec<(IpAddr, Option<Mac>)> {
        self.known
            .retain(|_, known| now.saturating_duration_since(known.next) < 2 * LONGEST_PAUSE);
        let same = |address: &IpAddr, mac: Option<Mac>| self.known.get(address).filter(|known| known.mac == mac);
        let mut due: Vec<_> = devices
            .iter()
            .copied()
            .filter(|(address, mac)| same(address, *mac).is_none_or(|known| known.next <= now))
            .collect();
        due.sort_by_key(|(address, mac)| (same(address, *mac).is_none(), Reverse(*address)));
        due
    }

    /// The ways whose secrets can be read now. They are read at each call, so that they can be changed without a reload.
    fn usable_ways(&self) -> Vec<Way> {
        let mut usable = Vec::new();
        for (number, way) in self.ways.iter().enumerate() {
            let timeouts = Timeouts {
                reply: way.timeout.min(REPLY),
                retries: RETRIES,
                session: SESSION,
            };
            match access(&way.credentials) {
                Ok(access) => usable.push(Way {
                    number,
                    access,
                    port: way.port,
                    timeouts,
                }),
                Err(problem) => tracing::warn!("devices are not asked with these SNMP credentials: {problem}"),
            }
        }
        usable
    }
}

/// Rule 1: asks one device, only in the way `first` if it is known.
async fn ask_one(address: IpAddr, ways: &[Way], first: Option<usize>, at: Timestamp) -> Option<(usize, SystemReading)> {
    let mut closed = Vec::new();
    for way in ways.iter().filter(|way| first.is_none_or(|first| first == way.number)) {
        if closed.contains(&way.port) {
            continue;
        }
        let peer = SocketAddr::new(address, way.port);
        let answer = async {
            let mut session = Session::open(peer, way.access.clone(), way.timeouts, None).await?;
            read_system(&mut session).await
        };
        match answer.await {
            Ok((facts, ticks)) => {
                let uptime = ticks.map(|ticks| Duration::from_millis(u64::from(ticks) * 10));
                return Some((way.number, SystemReading { facts, uptime, at }));
            }
            // No agent listens on this port, so other credentials would not help.
            Err(SnmpError::Unreachable(..) | SnmpError::Send(..)) => closed.push(way.port),
            Err(error) => tracing::trace!("{error}"),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_devices_are_asked_ever_more_rarely_and_others_always() {
        let now = monotonic();
        let mut known = None;
        for hours in [1, 2, 4, 8, 16, 24, 24] {
            let next = Known::after(known.as_ref(), None, None, now);
            assert_eq!(next.next - now, Duration::from_secs(hours * 3600));
            known = Some(next);
        }
        let mac = Some(Mac([0, 1, 2, 3, 4, 5]));
        let other = Known::after(known.as_ref(), mac, None, now);
        assert_eq!(other.next - now, PAUSE, "another device at its address");
        let answered = Known::after(known.as_ref(), None, Some(1), now);
        assert_eq!((answered.next, answered.silent), (now, 0));
        assert_eq!(Known::after(Some(&answered), None, None, now).next - now, PAUSE);
    }

    #[test]
    fn unknown_devices_come_first_and_silent_ones_are_left_out() {
        let now = monotonic();
        let [a, b, c]: [IpAddr; 3] = [[10, 0, 0, 1].into(), [10, 0, 0, 2].into(), [10, 0, 0, 3].into()];
        let mac = Some(Mac([0, 1, 2, 3, 4, 5]));
        let mut systems = Systems::default();
        systems.known.insert(a, Known::after(None, None, Some(0), now));
        systems.known.insert(b, Known::after(None, None, None, now));
        // The last is taken first.
        assert_eq!(
            systems.due(&[(a, None), (b, None), (c, None)], now),
            [(a, None), (c, None)]
        );
        assert_eq!(systems.due(&[(b, mac)], now), [(b, mac)], "another device");
        let later = now + PAUSE;
        assert_eq!(systems.due(&[(b, None)], later), [(b, None)]);
    }
}
