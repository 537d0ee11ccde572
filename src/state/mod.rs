//! What is known of every device: the one place where observations become status, counters and statistics.
//!
//! Owns: up and down with hysteresis, the sliding window, RTT buckets, counters, since when.
//! Gets `Observation`s and the time from the daemon; gives `Transition`s, rows to store and a `Snapshot` to render.
//! Pure: no clock, no I/O.

mod device;
mod histogram;
mod interface;
mod snapshot;
mod snmp;
mod window;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Device, LabelValue, Observation, Reading, Target, Timestamp, Transition};

pub use histogram::{Buckets, Histogram, LAG_BOUNDS, RTT_BOUNDS};
pub use interface::InterfaceView;
pub use snapshot::{DeviceView, Health, IcmpView, Process, ReloadState, Snapshot, StoreHealth};
pub use snmp::SnmpView;
pub use window::WindowStats;

use device::DeviceState;

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
    /// How late probes are sent.
    lag: Histogram,
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
            transitions.extend(device.sweep(now));
            self.index.insert(target.name.clone(), self.devices.len());
            self.devices.push(device);
        }
        for (name, device) in old {
            self.remembered.insert(name, device.record());
        }
        transitions
    }

    /// Takes in what a probe saw. Readings of devices that are no longer targets are dropped in silence: they were
    /// under way when the target went.
    pub fn apply(&mut self, observation: &Observation) -> Option<Transition> {
        let device = self.devices.get_mut(*self.index.get(&observation.device)?)?;
        self.lag.observe(observation.lag);
        match &observation.reading {
            Reading::Icmp {
                address,
                outcome,
                detail,
            } => device.icmp(observation, *address, *outcome, detail.as_ref()),
            Reading::Snmp(walk) => device.snmp(observation, walk),
        }
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

    /// What is true now, to be rendered elsewhere.
    pub fn snapshot(&self, now: Timestamp, health: Health) -> Snapshot {
        Snapshot {
            at: now,
            devices: self.devices.iter().map(|device| device.view(now)).collect(),
            lag: self.lag.buckets(),
            health,
        }
    }
}

#[cfg(test)]
mod tests;
