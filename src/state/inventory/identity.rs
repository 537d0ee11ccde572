//! Which sightings are the same device.
//!
//! 1. The hardware address decides: the same one on a new address is the same device, another one on an old address
//!    is another device, and several addresses on one are one device. Whose an address is, `addresses` tells.
//! 2. Virtual router addresses and nobody's never identify anybody: what answers with one is known by its address.
//! 3. A sighting without a hardware address is evidence of whoever has the address now; a stranger's makes a device
//!    that is known by its address, until a hardware address turns up there: then it is that one's.
//! 4. A stale cache entry adds an address to a known device. It makes no device and is no presence; so do a
//!    fresh one and an announcement where ARP has asked and was not answered.
//! 5. A device has its name from its first scan on: see [`name`].
//! 6. Another hardware address with the same stable identity is proposed as the same device, never merged in silence:
//!    see `duplicate_names`.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::addresses::Claims;
use super::{Evidence, Finding, Inventory, MOST_DEVICES};
use crate::model::{
    Approval, EventKind, Fact, LOCAL_AGENT, LabelValue, Mac, Network, Record, Seen, Sighting, Timestamp, Topic,
};

/// Hardware addresses one device is remembered with.
const MOST_MACS: usize = 64;
/// Facts of one device.
const MOST_FACTS: usize = 32;

impl Inventory {
    /// Takes in a finished scan: who was seen, what was found out, who was missed. `probed` tells when a watched
    /// device last answered its probes.
    pub fn learn(&mut self, evidence: &Evidence, probed: impl Fn(&LabelValue) -> Option<Timestamp>, now: Timestamp) {
        // A hardware address that one source saw is good for the other sources' sightings of the same address.
        let mut macs: HashMap<IpAddr, Mac> = HashMap::new();
        for sighting in &evidence.sightings {
            if let Some(mac) = sighting.mac.filter(Mac::identifies) {
                macs.entry(sighting.address).or_insert(mac);
            }
        }
        let findings: HashMap<IpAddr, &Finding> = evidence
            .findings
            .iter()
            .map(|finding| (finding.address, finding))
            .collect();
        let mut born = HashSet::new();
        // 4. The cache believes for half a minute what ARP has just asked about, and an announcement names any address.
        let asked: Vec<Network> = evidence
            .scan
            .sweeps
            .iter()
            .filter(|sweep| sweep.method.is_conclusive() && sweep.outcome.is_complete())
            .filter_map(|sweep| sweep.network.parse().ok())
            .collect();
        let doubtful = |sighting: &Sighting| match sighting.address {
            IpAddr::V4(ip) => sighting.method.is_hearsay() && asked.iter().any(|network| network.contains(ip)),
            IpAddr::V6(_) => false,
        };
        let all: Vec<Sighting> = evidence
            .sightings
            .iter()
            .map(|sighting| Sighting {
                alive: sighting.alive && !doubtful(sighting),
                ..sighting.clone()
            })
            .collect();
        let claims = Claims::of(&all);
        // Answers first, then what the cache remembers; hardware addresses before addresses alone; of one address what
        // was answered before hearsay, which is not how it was found.
        let mac_of = |sighting: &Sighting| {
            sighting
                .mac
                .filter(Mac::identifies)
                .or_else(|| macs.get(&sighting.address).copied())
        };
        let mut sightings: Vec<&Sighting> = all.iter().collect();
        sightings.sort_by_key(|sighting| {
            let (alive, known) = (sighting.alive, mac_of(sighting).is_some());
            (!alive, !known, sighting.address, sighting.method.is_hearsay())
        });
        for sighting in sightings {
            self.see(sighting, mac_of(sighting), &claims, &mut born);
        }
        for (address, finding) in &findings {
            if let Some(id) = self.by_address.get(address).copied() {
                self.note(id, &finding.facts);
                if let Some(system) = &finding.system {
                    self.change(id, |record| record.system = Some(system.clone()));
                }
            }
        }
        for id in born {
            self.christen(id, now);
        }
        self.judge_presence(evidence, probed, now);
        self.forget_old(now);
    }

    fn see(&mut self, sighting: &Sighting, mac: Option<Mac>, claims: &Claims, born: &mut HashSet<u64>) {
        let holder = self.by_address.get(&sighting.address).copied();
        let known = match mac {
            Some(mac) => self.by_mac.get(&mac).copied(),
            None => holder,
        };
        let id = match known {
            Some(id) => id,
            None if !sighting.alive => return, // 4.
            None => {
                // 3.
                let nameless = |id: &u64| mac.is_some() && self.records.get(id).is_some_and(|r| r.macs.is_empty());
                let v6_alone = mac.is_none() && sighting.address.is_ipv6();
                match holder.filter(nameless) {
                    Some(id) => id,
                    None if v6_alone || self.records.len() >= MOST_DEVICES => return,
                    None => {
                        let id = self.create(sighting.at);
                        born.insert(id);
                        id
                    }
                }
            }
        };
        if let Some(mac) = mac {
            self.bind_mac(id, mac, sighting);
        }
        self.bind_address(id, holder, sighting, claims, born.contains(&id));
        if sighting.alive {
            self.change(id, |record| record.last_seen = record.last_seen.max(sighting.at));
        }
    }

    fn create(&mut self, at: Timestamp) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let record = Record {
            id,
            agent: LOCAL_AGENT.into(),
            name: LabelValue::new(""),
            approval: Approval::New,
            online: true,
            missed: 0,
            first_seen: at,
            last_seen: at,
            macs: Vec::new(),
            addresses: Vec::new(),
            facts: Vec::new(),
            system: None,
            class: None,
            labels: std::collections::BTreeMap::default(),
            notes: String::new(),
            proposed: Vec::new(),
            merged: None,
        };
        self.records.insert(id, Arc::new(record));
        self.dirty.insert(id);
        id
    }

    fn bind_mac(&mut self, id: u64, mac: Mac, sighting: &Sighting) {
        self.by_mac.insert(mac, id);
        let (at, source, alive) = (sighting.at, sighting.method, sighting.alive);
        self.change(id, |record| {
            if let Some(seen) = record.macs.iter_mut().find(|seen| seen.value == mac) {
                seen.last = if alive { seen.last.max(at) } else { seen.last };
                seen.current = true;
            } else if record.macs.len() < MOST_MACS {
                record.macs.push(Seen {
                    value: mac,
                    source,
                    first: at,
                    last: at,
                    current: true,
                });
            }
        });
    }

    /// Takes in facts: the latest of each origin about each topic stays. Rule 6.
    pub(super) fn note(&mut self, id: u64, facts: &[Fact]) {
        let (identities, facts): (Vec<&Fact>, Vec<&Fact>) =
            facts.iter().partition(|fact| fact.topic == Topic::Identity);
        self.change(id, |record| {
            for fact in facts {
                let same = |known: &Fact| known.topic == fact.topic && known.origin == fact.origin;
                match record.facts.iter().position(same) {
                    Some(known) => record.facts[known] = fact.clone(),
                    None if record.facts.len() < MOST_FACTS => record.facts.push(fact.clone()),
                    None => {}
                }
            }
        });
        self.note_identities(id, &identities);
    }

    /// 5. Names a new device, and tells of it.
    fn christen(&mut self, id: u64, now: Timestamp) {
        let Some(record) = self.records.get(&id) else { return };
        let claimed = record
            .addresses
            .iter()
            .find_map(|seen| self.configured.get(&seen.value))
            .cloned();
        let name = match &claimed {
            Some(name) => name.clone(),
            None => self.name(record),
        };
        self.names.insert(name.clone(), id);
        self.change(id, |record| {
            record.name = name;
            if claimed.is_some() {
                record.approval = Approval::Approved;
            }
        });
        // Strangers to a daemon that could not read its inventory are probably none.
        if !self.blind {
            self.tell(EventKind::New, id, now, &[]);
        }
    }

    /// The short host name in lower case if there is one and it is free, else vendor or class with the end of the
    /// hardware address, else the address with dashes.
    fn name(&self, record: &Record) -> LabelValue {
        let text = |topic| record.fact(topic).map(|fact| fact.value.as_str());
        let host = text(Topic::Hostname).and_then(|name| slug(name.split('.').next().unwrap_or_default()));
        let maker = text(Topic::Vendor).and_then(|name| slug(name.split([' ', ',', '.']).next().unwrap_or_default()));
        let kind = Some(record.class().as_str())
            .filter(|class| *class != "unknown")
            .map(str::to_owned);
        let by_mac = record.mac().map(|mac| {
            format!(
                "{}-{}",
                maker.or(kind).unwrap_or_else(|| "device".to_owned()),
                mac.tail()
            )
        });
        let by_address = record
            .address()
            .map(|address| address.to_string().replace([':', '.'], "-"));
        let free = |name: &LabelValue| !self.names.contains_key(name) && !self.reserved.contains(name);
        let candidates = [host, by_mac, by_address];
        let found = candidates.iter().flatten().map(|name| LabelValue::new(name)).find(free);
        found.unwrap_or_else(|| LabelValue::new(&format!("device-{}", record.id)))
    }
}

/// A name in lower case with nothing in it that a URL, a shell or a query would stumble over; at most 63 characters.
fn slug(text: &str) -> Option<String> {
    let mut out = String::new();
    for c in text.chars().take(63) {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' => out.push(c),
            _ if out.ends_with('-') || out.is_empty() => {}
            _ => out.push('-'),
        }
    }
    let out = out.trim_end_matches('-');
    (!out.is_empty()).then(|| out.to_owned())
}
