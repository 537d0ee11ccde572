//! The inventory: which sightings are the same device, who is there, and what people say of it.
//!
//! Owns identity (`identity`, `addresses`, `duplicate_names`), presence (`presence`) and people's changes (`person`). Gets what scans saw and found
//! out; gives `Record`s, `Event`s and the `Row`s to be stored. Pure: no clock, no I/O.

mod addresses;
mod duplicate_names;
mod identity;
mod person;
mod presence;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Approval, Class, Event, EventKind, Fact, InventoryChange, LabelValue, Mac, Method, Outcome, Record, Row, Scan,
    Sighting, Sweep, SystemFacts, SystemReading, Target, Timestamp,
};

pub use person::PatchError;

/// Devices in all. Past it new ones are not taken in: a flood of made-up hardware addresses must not eat the memory.
pub const MOST_DEVICES: usize = 200_000;

/// How presence is judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Complete scans that may miss a device before it is offline.
    pub offline_after: u32,
    /// The same, by class.
    pub offline_after_class: BTreeMap<Class, u32>,
    /// Devices nobody approved and nobody has seen for this long are forgotten.
    pub retention: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            offline_after: 3,
            offline_after_class: BTreeMap::from([(Class::Phone, 12)]),
            retention: Duration::from_secs(90 * 86_400),
        }
    }
}

/// What was found out about whoever has an address.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The address.
    pub address: IpAddr,
    /// The facts.
    pub facts: Vec<Fact>,
    /// What it says of itself by SNMP, where it was asked and answered.
    pub system: Option<Arc<SystemReading>>,
}

/// A scan that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The scan as it is stored.
    pub scan: Scan,
    /// Who was seen.
    pub sightings: Vec<Sighting>,
    /// What was found out.
    pub findings: Vec<Finding>,
}

/// What is known of one network by one method.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepView {
    /// The latest one that was not a failure.
    pub last: Option<Sweep>,
    /// When one was last complete.
    pub success_at: Option<Timestamp>,
    /// How many, in the order of [`Outcome::ALL`].
    pub counts: [u64; Outcome::ALL.len()],
}

/// The devices that were discovered.
#[derive(Default)]
pub struct Inventory {
    records: BTreeMap<u64, Arc<Record>>,
    by_mac: HashMap<Mac, u64>,
    by_address: HashMap<IpAddr, u64>,
    names: HashMap<LabelValue, u64>,
    /// Who has which lasting mark.
    by_mark: HashMap<LabelValue, BTreeSet<u64>>,
    next_id: u64,
    counts: [u64; EventKind::ALL.len()],
    dirty: BTreeSet<u64>,
    rows: Vec<Row>,
    events: Vec<(Timestamp, Event)>,
    sweeps: BTreeMap<(Arc<str>, Method), SweepView>,
    /// Configured targets by their address, and all their names.
    configured: HashMap<IpAddr, LabelValue>,
    reserved: HashSet<LabelValue>,
    /// The stored inventory could not be read: strangers may be old friends.
    blind: bool,
    rules: Rules,
}

/// The inventory at one moment.
#[derive(Clone, Debug, Default)]
pub struct InventoryView {
    /// The devices, without those merged into others.
    pub records: Vec<Arc<Record>>,
    /// How often what happened, in the order of [`EventKind::ALL`].
    pub events: [u64; EventKind::ALL.len()],
    /// Scans by network and method.
    pub sweeps: Vec<(Arc<str>, Method, SweepView)>,
}

impl Inventory {
    /// As it was stored; `None` where that could not be read. `seed` is a number past every earlier id then.
    pub fn restore(stored: Option<Vec<Record>>, seed: u64) -> Self {
        let mut inventory = Self {
            blind: stored.is_none(),
            next_id: if stored.is_none() { seed } else { 1 },
            ..Self::default()
        };
        for record in stored.into_iter().flatten() {
            inventory.next_id = inventory.next_id.max(record.id + 1);
            inventory.index(&record);
            inventory.records.insert(record.id, Arc::new(record));
        }
        inventory
    }

    /// Makes a record findable. Where two claim something, the one seen later has it.
    fn index(&mut self, record: &Record) {
        let id = record.merged.unwrap_or(record.id);
        self.index_marks(record);
        for mac in &record.macs {
            self.by_mac.insert(mac.value, id);
        }
        for address in record.addresses.iter().filter(|seen| seen.current) {
            let holder = self.by_address.get(&address.value).and_then(|id| self.records.get(id));
            let newer = holder.is_none_or(|other| other.last_seen <= record.last_seen);
            if newer {
                self.by_address.insert(address.value, id);
            }
        }
        if record.merged.is_none() {
            self.names.entry(record.name.clone()).or_insert(record.id);
        }
    }

    /// Other rules from now on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// The configured targets: a device with the address of one is that one, and gets its name.
    pub fn configure(&mut self, targets: &[Arc<Target>], now: Timestamp) {
        self.reserved = targets.iter().map(|target| target.name.clone()).collect();
        self.configured.clear();
        for target in targets {
            if let crate::model::Address::Ip(ip) = target.address {
                self.configured.entry(ip).or_insert_with(|| target.name.clone());
            }
        }
        let claims: Vec<(u64, LabelValue)> = self
            .configured
            .iter()
            .filter_map(|(ip, name)| Some((*self.by_address.get(ip)?, name.clone())))
            .collect();
        for (id, name) in claims {
            self.claim(id, &name, now);
        }
    }

    /// Gives a device the name of its configured target.
    fn claim(&mut self, id: u64, name: &LabelValue, now: Timestamp) {
        let Some(record) = self
            .records
            .get(&id)
            .filter(|record| record.name != *name || record.approval == Approval::New)
        else {
            return;
        };
        let old = record.name.clone();
        if self.names.get(&old) == Some(&id) {
            self.names.remove(&old);
        }
        self.names.insert(name.clone(), id);
        self.change(id, |record| {
            record.name = name.clone();
            if record.approval == Approval::New {
                record.approval = Approval::Approved;
            }
        });
        if old != *name {
            self.tell(EventKind::Renamed, id, now, &[("from", old.as_str())]);
        }
    }

    /// Whether there is nothing new in what a walk brought of a device's system group: it is known, or the device is
    /// not in the inventory.
    pub fn knows_system(&self, name: &LabelValue, facts: &SystemFacts) -> bool {
        self.named(name)
            .is_none_or(|record| record.system.as_ref().is_some_and(|known| known.facts == *facts))
    }

    /// What a walk of a configured target brought of its system group; `facts` says what that means. What is known
    /// already ([`Inventory::knows_system`]) need not come here: each call is written to disk.
    pub fn describe(&mut self, name: &LabelValue, reading: SystemReading, facts: &[Fact]) {
        let Some(record) = self.named(name) else { return };
        let id = record.id;
        self.note(id, facts);
        self.change(id, |record| record.system = Some(Arc::new(reading)));
    }

    /// Changes a record and notes that it must be stored.
    fn change(&mut self, id: u64, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.records.get_mut(&id) {
            change(Arc::make_mut(record));
            self.dirty.insert(id);
        }
    }

    /// Something happened to a device.
    fn tell(&mut self, kind: EventKind, id: u64, at: Timestamp, more: &[(&'static str, &str)]) {
        let Some(record) = self.records.get(&id) else { return };
        let change = InventoryChange {
            kind,
            id,
            device: record.name.clone(),
            approval: record.approval,
            address: record.address(),
            mac: record.mac(),
            more: more.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(),
        };
        if let Some(count) = EventKind::ALL.iter().position(|known| *known == kind) {
            self.counts[count] += 1;
        }
        self.events.push((at, Event::Inventory(change)));
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<(Timestamp, Event)> {
        std::mem::take(&mut self.events)
    }

    /// What must go to disk since the last call, in order.
    pub fn take_rows(&mut self) -> Vec<Row> {
        let records = std::mem::take(&mut self.dirty);
        let changed = records
            .into_iter()
            .filter_map(|id| self.records.get(&id).cloned())
            .map(Row::Record);
        let mut rows: Vec<Row> = changed.collect();
        rows.append(&mut self.rows);
        rows
    }

    /// A device by its id; one that was merged is itself still.
    pub fn get(&self, id: u64) -> Option<Arc<Record>> {
        self.records.get(&id).cloned()
    }

    /// The devices that are there or were lately, for their addresses to be asked first.
    pub fn known_addresses(&self) -> Vec<IpAddr> {
        let present = self
            .records
            .values()
            .filter(|record| record.online || record.missed > 0);
        present
            .flat_map(|record| {
                record
                    .addresses
                    .iter()
                    .filter(|seen| seen.current)
                    .map(|seen| seen.value)
            })
            .collect()
    }

    /// The device of this name.
    pub fn named(&self, name: &LabelValue) -> Option<&Arc<Record>> {
        self.records.get(self.names.get(name)?)
    }

    /// Whether a target of this name is configured.
    pub fn is_configured(&self, name: &LabelValue) -> bool {
        self.reserved.contains(name)
    }

    /// All devices but those merged into others.
    pub fn devices(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.values().filter(|record| record.merged.is_none())
    }

    /// A copy to be shown.
    pub fn view(&self) -> InventoryView {
        InventoryView {
            records: self.devices().cloned().collect(),
            events: self.counts,
            sweeps: self
                .sweeps
                .iter()
                .map(|((network, method), view)| (network.clone(), *method, view.clone()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
