//! What is known of every device: the one place where observations become status, counters and statistics.
//!
//! Owns: up and down with hysteresis, the sliding window, RTT buckets, counters, since when.
//! Gets `Observation`s and the time from the daemon; gives `Transition`s, rows to store and a `Snapshot` to render.
//! Pure: no clock, no I/O.

mod device;
mod heartbeat;
mod heartbeats;
mod histogram;
mod hysteresis;
mod icmp;
mod interface;
mod internet;
mod inventory;
mod probe;
mod schedule;
mod snapshot;
mod snmp;
mod window;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Device, Failure, LabelValue, Link, Network, Outage, Outcome, PersistedWalk, Record, Run, Subject, Sweep, Target,
    Timestamp, Transition,
};

pub use heartbeat::{Due, HeartbeatChange, HeartbeatView};
pub use heartbeats::Heartbeats;
pub use histogram::{Buckets, Histogram, LAG_BOUNDS, RTT_BOUNDS};
pub use interface::InterfaceView;
pub use internet::{InternetChange, InternetSettings, InternetView};
pub use inventory::{Evidence, Finding, Inventory, InventoryView, MOST_DEVICES, PatchError, Rules, SweepView};
pub use probe::ProbeView;
pub use schedule::upcoming;
pub use snapshot::{DeviceView, Health, IcmpView, Process, ReloadState, Snapshot, StoreHealth};
pub use snmp::SnmpView;
pub use window::WindowStats;

use device::DeviceState;
use internet::Internet;

/// A stored `last_seen` is at most this old while the daemon runs.
const PERSIST_EVERY: Duration = Duration::from_secs(60);

/// The state of all devices. One writer: the daemon's recorder.
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
    pub inventory: Inventory,
    internet: Option<Internet>,
    /// The outages so far, newest first.
    outages: Vec<Outage>,
    link: Link,
    /// The last gateway and its network: they stay while there is none, so that no label comes and goes.
    gateway: Option<(Ipv4Addr, Network)>,
    /// What to tell once.
    news: Vec<News>,
    /// Those who must report.
    pub heartbeats: Heartbeats,
}

/// Something worth a line in the log, once.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A check came to another end than the time before.
    Check {
        /// What was checked.
        subject: Subject,
        /// The check.
        probe: Arc<str>,
        /// What it came to.
        outcome: Result<(), Failure>,
        /// More about a failure.
        detail: Option<Arc<str>>,
    },
    /// The internet went down or came back.
    Internet(InternetChange),
    /// This host's own link went down or came back.
    Link(bool),
}

impl News {
    fn of(run: &Run) -> Self {
        Self::Check {
            subject: run.subject.clone(),
            probe: run.probe.clone(),
            outcome: run.reading.outcome.map(|_| ()),
            detail: run.reading.detail.clone(),
        }
    }
}

impl State {
    /// The state as of the last run of the daemon.
    pub fn restore(devices: Vec<Device>) -> Self {
        let remembered = devices
            .into_iter()
            .map(|device| (device.name.clone(), device))
            .collect();
        Self {
            remembered,
            lag: Histogram::new(&LAG_BOUNDS),
            ..Self::default()
        }
    }

    /// Makes these the targets. Those that stay keep everything they had, in whatever order they now are; of those
    /// that go only what the store keeps is remembered.
    pub fn adopt(&mut self, targets: &[Arc<Target>], now: Timestamp) -> Vec<Transition> {
        let mut old: HashMap<LabelValue, DeviceState> = self
            .devices
            .drain(..)
            .map(|device| (device.name().clone(), device))
            .collect();
        self.index.clear();
        let mut transitions = Vec::new();
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
            transitions.extend(device.sweep(now));
            self.index.insert(target.name.clone(), self.devices.len());
            self.devices.push(device);
        }
        for (name, mut device) in old {
            self.left.extend(device.dirty_walk(now, PERSIST_EVERY, true));
            self.walks.extend(device.kept_walk().map(|kept| (name.clone(), kept)));
            self.remembered.insert(name, device.record());
        }
        transitions
    }

    /// Takes in a run. Runs of devices that are no longer targets are dropped in silence: they were under way when the
    /// target went.
    pub fn apply(&mut self, run: &Run) -> Option<Transition> {
        match &run.subject {
            Subject::Gateway => {
                let change = self.internet.as_mut()?.gateway(run);
                self.lag.observe(run.lag);
                self.news.extend(change.map(News::Internet));
                None
            }
            Subject::Internet => {
                let (changed, change) = self.internet.as_mut()?.check(run);
                self.lag.observe(run.lag);
                if changed {
                    self.news.push(News::of(run));
                }
                self.news.extend(change.map(News::Internet));
                None
            }
            Subject::Device(name) => {
                let device = self.devices.get_mut(*self.index.get(name)?)?;
                self.lag.observe(run.lag);
                let (changed, transition) = device.run(run);
                if changed {
                    self.news.push(News::of(run));
                }
                transition
            }
        }
    }

    /// Asks about the internet from now on, or no longer. Checks that stay keep what they had.
    pub fn adopt_internet(&mut self, settings: Option<Arc<InternetSettings>>, now: Timestamp) {
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
    pub fn dirty_walks(&mut self, now: Timestamp, all: bool) -> Vec<PersistedWalk> {
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
    pub fn link(&mut self, link: &Link, now: Timestamp) -> Vec<Transition> {
        let down = link.up == Some(false);
        if down != (self.link.up == Some(false)) {
            self.news.push(News::Link(!down));
        }
        self.link = link.clone();
        if let (Some(IpAddr::V4(gateway)), Some(network)) = (link.gateway, link.network) {
            self.gateway = Some((gateway, network));
        }
        if let Some(internet) = &mut self.internet {
            let change = internet.link(link.clone(), now);
            self.news.extend(change.map(News::Internet));
        }
        self.devices
            .iter_mut()
            .filter_map(|device| device.link(down, now))
            .collect()
    }

    /// The outages that must go to disk.
    pub fn dirty_outages(&mut self) -> Vec<Outage> {
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

    /// What there is to tell since the last call.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Does what only time does: maintenance opens and closes, and silence of the prober makes a device unknown.
    pub fn sweep(&mut self, now: Timestamp) -> Vec<Transition> {
        self.devices.iter_mut().filter_map(|device| device.sweep(now)).collect()
    }

    /// The rows that changed since the last call and must go to disk; all of them where `all`.
    pub fn dirty(&mut self, now: Timestamp, all: bool) -> Vec<Device> {
        self.devices
            .iter_mut()
            .filter_map(|device| device.take_dirty(now, PERSIST_EVERY, all))
            .collect()
    }

    /// Takes in a finished scan. A device that answered its probes meanwhile is there too.
    pub fn learn(&mut self, evidence: &Evidence, now: Timestamp) {
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
            internet: self.internet.as_ref().map(Internet::view),
            outages: self.all_outages().into(),
            lag: self.lag.buckets(),
            heartbeats: self.heartbeats.views(now),
            clock_steps: self.heartbeats.clock_steps(),
            health,
        }
    }
}

/// What a scan came to as a whole.
pub fn scan_state(sweeps: &[Sweep]) -> &'static str {
    let has = |outcome| sweeps.iter().any(|sweep| sweep.outcome == outcome);
    match (has(Outcome::Partial), has(Outcome::Complete), has(Outcome::Failed)) {
        (false, true, false) => "complete",
        (false, false, _) => "failed",
        _ => "partial",
    }
}

#[cfg(test)]
mod tests;
