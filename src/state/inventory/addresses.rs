//! Whose an address is.
//!
//! 1. Who answers on an address has it; whoever had it before has it no longer, and that is told.
//! 2. Where several hardware addresses answer for one address in one scan (a duplicate, or a router that answers for
//!    all: proxy ARP, RFC 1027), all of them have it, and whoever had it first stays its holder: else it would change hands
//!    at every scan.
//! 3. An address that a complete scan did not see, while it saw the device on another one, is no longer the device's.
//! 4. A device is remembered with so many addresses. Past that those it has no longer make room, and its oldest IPv6
//!    addresses, which many change daily; a host that claims more claims everything.

use std::collections::HashMap;
use std::net::IpAddr;

use super::Inventory;
use super::presence::Silence;
use crate::model::{EventKind, Mac, Record, Seen, Sighting, Timestamp};

/// Rule 4.
const MOST_ADDRESSES: usize = 64;

/// Rule 2: which hardware addresses answered for one address, where those are several.
pub(super) struct Claims(HashMap<IpAddr, Vec<Mac>>);

impl Claims {
    pub(super) fn of(sightings: &[Sighting]) -> Self {
        let mut claims: HashMap<IpAddr, Vec<Mac>> = HashMap::new();
        for sighting in sightings.iter().filter(|sighting| sighting.alive) {
            if let Some(mac) = sighting.mac.filter(Mac::identifies) {
                let all = claims.entry(sighting.address).or_default();
                if !all.contains(&mac) {
                    all.push(mac);
                }
            }
        }
        claims.retain(|_, macs| macs.len() > 1);
        Self(claims)
    }

    fn is_of(&self, address: IpAddr, record: &Record) -> bool {
        let claimed = self.0.get(&address);
        claimed.is_some_and(|macs| record.macs.iter().any(|seen| macs.contains(&seen.value)))
    }
}

impl Inventory {
    /// The address is this device's now. Rules 1, 2 and 4.
    pub(super) fn bind_address(
        &mut self,
        id: u64,
        holder: Option<u64>,
        sighting: &Sighting,
        claims: &Claims,
        born: bool,
    ) {
        let (address, at, alive) = (sighting.address, sighting.at, sighting.alive);
        let other = holder.filter(|holder| *holder != id);
        if !alive && other.is_some() {
            return; // somebody else answered on it
        }
        let Some(record) = self.records.get(&id) else { return };
        let binding = record.addresses.iter().find(|seen| seen.value == address);
        let (had, known) = (binding.is_some(), binding.is_some_and(|seen| seen.current));
        if !had && !self.make_room(id, at) {
            return;
        }
        let shared = other
            .and_then(|other| self.records.get(&other))
            .is_some_and(|other| claims.is_of(address, other));
        if !shared {
            if let Some(other) = other {
                self.take_away(other, address);
                self.tell(
                    EventKind::MacChanged,
                    id,
                    at,
                    &[("taken_address", &address.to_string())],
                );
            }
            self.by_address.insert(address, id);
        }
        self.change(id, |record| {
            match record.addresses.iter_mut().find(|seen| seen.value == address) {
                Some(seen) if alive => (seen.last, seen.current) = (seen.last.max(at), true),
                Some(_) => {}
                None => record.addresses.push(Seen {
                    value: address,
                    source: sighting.method,
                    first: at,
                    last: at,
                    current: true,
                }),
            }
        });
        if !known && !born && alive && address.is_ipv4() {
            self.tell(EventKind::AddressChanged, id, at, &[("to", &address.to_string())]);
        }
    }

    /// The address is no longer this device's.
    fn take_away(&mut self, id: u64, address: IpAddr) {
        self.change(id, |record| {
            for seen in record.addresses.iter_mut().filter(|seen| seen.value == address) {
                seen.current = false;
            }
        });
        if self.by_address.get(&address) == Some(&id) {
            self.by_address.remove(&address);
        }
    }

    /// Rule 4: whether the device may have another address.
    fn make_room(&mut self, id: u64, now: Timestamp) -> bool {
        let Some(record) = self.records.get(&id) else {
            return false;
        };
        if record.addresses.len() < MOST_ADDRESSES {
            return true;
        }
        let day = std::time::Duration::from_secs(86_400);
        let may_go = |seen: &&Seen<IpAddr>| !seen.current || (seen.value.is_ipv6() && now.since(seen.last) > day);
        let oldest = record.addresses.iter().filter(may_go).min_by_key(|seen| seen.last);
        let Some(oldest) = oldest.map(|seen| seen.value) else {
            return false;
        };
        self.take_away(id, oldest);
        self.change(id, |record| record.addresses.retain(|seen| seen.value != oldest));
        true
    }

    /// Rule 3.
    pub(super) fn retire_addresses(&mut self, id: u64, silence: &Silence, started: Timestamp) {
        let Some(record) = self.records.get(&id) else { return };
        let current = |seen: &&Seen<IpAddr>| seen.current && seen.value.is_ipv4();
        let seen_now = record.addresses.iter().filter(current).any(|seen| seen.last >= started);
        let missed = |seen: &&Seen<IpAddr>| seen_now && seen.last < started && silence.covers(seen);
        let gone: Vec<IpAddr> = record
            .addresses
            .iter()
            .filter(current)
            .filter(missed)
            .map(|seen| seen.value)
            .collect();
        for address in gone {
            self.take_away(id, address);
        }
    }
}
