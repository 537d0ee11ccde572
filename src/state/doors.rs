//! The state as a whole, and its five doors: `take` what was seen, `command` what is wanted, `tick` the time, `drain`
//! what happened and must be stored, `snapshot` what is true now.
//!
//! One writer, the daemon's recorder, and no lock.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::carriers::{Answer, Command, Input, Output};
use super::device::DeviceState;
use super::heartbeats::Heartbeats;
use super::histogram::{Histogram, LAG_BOUNDS};
use super::internet::{self, Internet, InternetSettings};
use super::inventory::{Evidence, Inventory, PatchError};
use super::snapshot::{DeviceView, Health, Snapshot};
use crate::model::{
    CheckChange, Device, Event, EventRecord, LOCAL_AGENT, LabelValue, Link, Network, Outage, PersistedWalk, Record,
    Row, Run, StatusChange, Subject, Target, Timestamp,
};

/// A stored `last_seen` is at most this old while the daemon runs.
const PERSIST_EVERY: Duration = Duration::from_secs(60);
/// Events kept in memory for clients that come back and ask what they missed.
const RECENT: usize = 1000;

/// The state of all devices.
#[derive(Default)]
pub struct State {
    /// In the order of the targets.
    devices: Vec<DeviceState>,
    index: HashMap<LabelValue, usize>,
    /// What the store knows of devices that are not targets now: should they come back, they are no strangers.
    remembered: HashMap<LabelValue, Device>,
    /// And of their walks.
    walks: HashMap<LabelValue, PersistedWalk>,
    /// What must still go to disk of walks of devices that are no targets any more.
    left: Vec<PersistedWalk>,
    /// How late probes are sent.
    lag: Histogram,
    /// The devices that were discovered.
    inventory: Inventory,
    internet: Option<Internet>,
    /// The outages so far, newest first.
    outages: Vec<Outage>,
    link: Link,
    /// The last gateway and its network: they stay while there is none, so that no label comes and goes.
    gateway: Option<(Ipv4Addr, Network)>,
    /// What happened since the last drain, and when.
    events: Vec<(Timestamp, Event)>,
    /// The latest of the events that clients are told of.
    recent: VecDeque<EventRecord>,
    next_event: u64,
    /// What must be stored since the last drain.
    rows: Vec<Row>,
    /// The heartbeats.
    pub heartbeats: Heartbeats,
}

impl State {
    /// The state as of the last run of the daemon, of which nothing is known yet.
    pub fn restore(devices: Vec<Device>) -> Self {
        let remembered = devices
            .into_iter()
            .map(|device| (device.name.clone(), device))
            .collect();
        Self {
            remembered,
            lag: Histogram::new(&LAG_BOUNDS),
            next_event: 1,
            ..Self::default()
        }
    }

    /// The inventory and the latest events as they were stored; `None` where that could not be read. `seed` is a number
    /// past every earlier id then.
    pub fn restore_inventory(&mut self, stored: Option<(Vec<Record>, Vec<EventRecord>)>, seed: u64) {
        self.next_event = if stored.is_none() { seed } else { 1 };
        let (records, events) = stored.map_or((None, Vec::new()), |(records, events)| (Some(records), events));
        self.inventory = Inventory::restore(records, seed);
        for event in events {
            self.next_event = self.next_event.max(event.id + 1);
            self.recent.push_back(event);
        }
    }

    /// Takes in what was seen.
    pub fn take(&mut self, input: &Input, now: Timestamp) {
        match input {
            Input::Ran(run) => self.ran(run),
            Input::Scanned(evidence) => self.learn(evidence, now),
            Input::Link(link) => self.link(link, now),
            Input::Described { device, reading, facts } => {
                self.inventory.describe(device, reading.clone(), facts);
            }
        }
    }

    /// Does what is wanted.
    pub fn command(&mut self, command: Command, now: Timestamp) -> Answer {
        match command {
            Command::Configure(targets, rules) => {
                self.inventory.set_rules(rules);
                self.inventory.configure(&targets, now);
                Answer::Records(self.records())
            }
            Command::Watch(targets, internet) => {
                self.adopt(&targets, now);
                self.adopt_internet(internet, now);
                Answer::Done
            }
            Command::Patch(id, patch, by) => {
                let outcome = self.inventory.patch(id, &patch, &by, now);
                let device = outcome.and_then(|()| self.inventory.get(id).ok_or(PatchError::Unknown(id)));
                Answer::Patched(device)
            }
        }
    }

    /// Does what only time does: maintenance opens and closes, silence of the prober makes a device unknown, and what
    /// changed becomes due to be stored.
    pub fn tick(&mut self, now: Timestamp) {
        for device in &mut self.devices {
            self.events
                .extend(device.sweep(now).map(|change| (change.at, Event::Status(change))));
        }
        self.collect(now, false);
    }

    /// Everything that changed must be stored: the daemon ends.
    pub fn finish(&mut self, now: Timestamp) {
        self.collect(now, true);
    }

    /// An event from outside the state proper.
    pub fn tell(&mut self, event: Event, now: Timestamp) {
        self.events.push((now, event));
    }

    /// What happened and what must be stored since the last call.
    pub fn drain(&mut self) -> Output {
        let mut output = Output::default();
        output.rows.extend(self.inventory.take_rows());
        output.rows.append(&mut self.rows);
        let mut events = std::mem::take(&mut self.events);
        events.extend(self.inventory.take_events());
        for (at, event) in events {
            if let Some(kind) = event.kind() {
                let record = EventRecord {
                    id: self.next_event,
                    agent: LOCAL_AGENT.into(),
                    at,
                    kind: kind.into(),
                    detail: event.json().to_string().into(),
                };
                self.next_event += 1;
                self.recent.push_back(record.clone());
                if self.recent.len() > RECENT {
                    self.recent.pop_front();
                }
                output.rows.push(Row::Event(record.clone()));
                output.published.push(record);
            }
            output.events.push(event);
        }
        output
    }

    /// Rows that changed and are due, or all of them.
    fn collect(&mut self, now: Timestamp, all: bool) {
        let devices = self.devices.iter_mut();
        let due = devices.filter_map(|device| device.take_dirty(now, PERSIST_EVERY, all));
        self.rows.extend(due.map(Row::Device));
        let walks = self.dirty_walks(now, all);
        self.rows.extend(walks.into_iter().map(Row::Walk));
        let outages = self.dirty_outages();
        self.rows.extend(outages.into_iter().map(Row::Outage));
    }

    /// The inventory's devices.
    pub fn records(&self) -> Vec<Arc<Record>> {
        self.inventory.devices().cloned().collect()
    }

    /// The addresses of devices that are there or were lately, to be asked first by a scan.
    pub fn known_addresses(&self) -> Vec<IpAddr> {
        self.inventory.known_addresses()
    }

    /// Whether the inventory already has this of a device's system group.
    pub fn knows_system(&self, device: &LabelValue, facts: &crate::model::SystemFacts) -> bool {
        self.inventory.knows_system(device, facts)
    }

    fn told(&mut self, change: Option<StatusChange>) {
        self.events
            .extend(change.map(|change| (change.at, Event::Status(change))));
    }

    fn checked(&mut self, run: &Run) {
        let change = CheckChange {
            subject: run.subject.clone(),
            probe: run.probe.clone(),
            outcome: run.reading.outcome.map(|_| ()),
            detail: run.reading.detail.clone(),
        };
        self.events.push((run.at, Event::Check(change)));
    }

    /// Makes these the targets. Those that stay keep everything they had, in whatever order they now are; of those
    /// that go only what the store keeps is remembered.
    fn adopt(&mut self, targets: &[Arc<Target>], now: Timestamp) {
        let mut old: HashMap<LabelValue, DeviceState> = self
            .devices
            .drain(..)
            .map(|device| (device.name().clone(), device))
            .collect();
        self.index.clear();
        for target in targets {
            let mut device = match old.remove(&target.name) {
                Some(device) => device,
                None => DeviceState::new(target.clone(), self.remembered.remove(&target.name).as_ref(), now),
            };
            device.adopt(target.clone());
            if let Some(kept) = self.walks.remove(&target.name) {
                device.recall(&kept);
            }
            let _ = device.link(self.link.up == Some(false), now);
            let change = device.sweep(now);
            self.told(change);
            self.index.insert(target.name.clone(), self.devices.len());
            self.devices.push(device);
        }
        for (name, mut device) in old {
            self.left.extend(device.dirty_walk(now, PERSIST_EVERY, true));
            self.walks.extend(device.kept_walk().map(|kept| (name.clone(), kept)));
            self.remembered.insert(name, device.record());
        }
    }

    /// Takes in a run. Runs of devices that are no longer targets are dropped in silence: they were under way when the
    /// target went.
    fn ran(&mut self, run: &Run) {
        let (changed, status, change) = match &run.subject {
            Subject::Gateway => match &mut self.internet {
                Some(internet) => (false, None, internet.gateway(run)),
                None => return,
            },
            Subject::Internet => match &mut self.internet {
                Some(internet) => {
                    let (changed, change) = internet.check(run);
                    (changed, None, change)
                }
                None => return,
            },
            Subject::Device(name) => match self.index.get(name).and_then(|index| self.devices.get_mut(*index)) {
                Some(device) => {
                    let (changed, status) = device.run(run);
                    (changed, status, None)
                }
                None => return,
            },
        };
        self.lag.observe(run.lag);
        self.told(status);
        if changed {
            self.checked(run);
        }
        self.events
            .extend(change.map(|change| (run.at, Event::Internet(change))));
    }

    /// Asks about the internet from now on, or no longer. Checks that stay keep what they had.
    fn adopt_internet(&mut self, settings: Option<Arc<InternetSettings>>, now: Timestamp) {
        match (settings, &mut self.internet) {
            (Some(settings), Some(internet)) => internet.adopt(settings),
            (Some(settings), None) => {
                let open = self.outages.first().filter(|outage| outage.end.is_none()).cloned();
                let mut internet = Internet::new(settings, open, now);
                let _ = internet.link(self.link.clone(), now);
                self.internet = Some(internet);
            }
            (None, _) => {
                if let Some(outage) = self.internet.take().and_then(|internet| internet.close(now)) {
                    internet::keep(&mut self.outages, outage);
                }
            }
        }
    }

    /// What earlier runs kept of walks.
    pub fn restore_walks(&mut self, walks: Vec<PersistedWalk>) {
        self.walks = walks.into_iter().map(|kept| (kept.device.clone(), kept)).collect();
    }

    /// What of walks must go to disk since the last call; whatever changed where `all`.
    fn dirty_walks(&mut self, now: Timestamp, all: bool) -> Vec<PersistedWalk> {
        let mut dirty = std::mem::take(&mut self.left);
        let devices = self.devices.iter_mut();
        dirty.extend(devices.filter_map(|device| device.dirty_walk(now, PERSIST_EVERY, all)));
        dirty
    }

    /// The outages of earlier runs, newest first.
    pub fn restore_outages(&mut self, outages: Vec<Outage>) {
        self.outages = outages;
    }

    /// Takes in what has become of this host's way out.
    fn link(&mut self, link: &Link, now: Timestamp) {
        let down = link.up == Some(false);
        if down != (self.link.up == Some(false)) {
            self.events.push((now, Event::Link { up: !down }));
        }
        self.link = link.clone();
        if let (Some(IpAddr::V4(gateway)), Some(network)) = (link.gateway, link.network) {
            self.gateway = Some((gateway, network));
        }
        if let Some(internet) = &mut self.internet {
            let change = internet.link(link.clone(), now);
            self.events.extend(change.map(|change| (now, Event::Internet(change))));
        }
        for device in &mut self.devices {
            let change = device.link(down, now);
            self.events.extend(change.map(|change| (now, Event::Status(change))));
        }
    }

    /// The outages that must go to disk.
    fn dirty_outages(&mut self) -> Vec<Outage> {
        let dirty = self.internet.as_mut().map(Internet::take_dirty).unwrap_or_default();
        for outage in &dirty {
            internet::keep(&mut self.outages, outage.clone());
        }
        dirty
    }

    fn all_outages(&self) -> Vec<Outage> {
        let mut all = self.outages.clone();
        for outage in self.internet.iter().flat_map(Internet::unsaved) {
            internet::keep(&mut all, outage.clone());
        }
        all
    }

    /// Takes in a finished scan. A device that answered its probes meanwhile is there too.
    fn learn(&mut self, evidence: &Evidence, now: Timestamp) {
        let answered = |name: &LabelValue| self.devices.get(*self.index.get(name)?)?.record().last_seen;
        self.inventory.learn(evidence, answered, now);
    }

    /// A device with what discovery knows of it.
    fn view(&self, device: &DeviceState, now: Timestamp) -> DeviceView {
        let mut view = device.view(now);
        if let Some(record) = self.inventory.named(&view.target.name) {
            view.first_seen = view
                .first_seen
                .map_or(record.first_seen, |seen| seen.min(record.first_seen))
                .into();
            view.last_seen = view.last_seen.max(Some(record.last_seen));
            view.record = Some(record.clone());
        }
        if let (Some((gateway, network)), Some(IpAddr::V4(own))) = (self.gateway, view.address) {
            let has = |record: &Arc<Record>| {
                let mut addresses = record.addresses.iter();
                addresses.any(|seen| seen.current && seen.value == gateway)
            };
            if own == gateway || view.record.as_ref().is_some_and(has) {
                if view.target.role.is_none() {
                    Arc::make_mut(&mut view.target).role = Some("gateway".into());
                }
            } else if network.contains(own) {
                view.gateway = Some(gateway);
            }
        }
        view.discovered = view.record.is_some() && !self.inventory.is_configured(&view.target.name);
        view
    }

    /// What is true now, to be rendered elsewhere.
    pub fn snapshot(&self, now: Timestamp, health: Health) -> Snapshot {
        Snapshot {
            at: now,
            devices: self.devices.iter().map(|device| self.view(device, now)).collect(),
            inventory: Arc::new(self.inventory.view()),
            events: self.recent.iter().cloned().collect(),
            internet: self.internet.as_ref().map(Internet::view),
            outages: self.all_outages().into(),
            lag: self.lag.buckets(),
            heartbeats: self.heartbeats.views(now),
            clock_steps: self.heartbeats.clock_steps(),
            health,
        }
    }
}
