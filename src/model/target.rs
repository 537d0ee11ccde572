//! A target: a device that is watched, because the user configured it or because discovery found it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Address, Calendar, Job, LabelValue, Probe, Subject};

/// One watched device: its names, its limits, and which probes report on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The `device` label: unique, never changed by what is found on the network.
    pub name: LabelValue,
    /// Where it is.
    pub address: Address,
    /// `role`, `site` and `parent` of `lanpulse_device_info`.
    pub role: Option<LabelValue>,
    /// The site all targets of this daemon belong to.
    pub site: Option<LabelValue>,
    /// The device this one is reached through.
    pub parent: Option<LabelValue>,
    /// The user's own labels, on `lanpulse_device_info`.
    pub labels: BTreeMap<String, LabelValue>,
    /// Above these the device is degraded.
    pub limits: Limits,
    /// Inside any of these the status is `maintenance`.
    pub maintenance: Vec<Arc<Calendar>>,
    /// How many probes in a row it takes to change between up and down.
    pub hysteresis: Hysteresis,
    /// How far back the sliding window reaches.
    pub window: Duration,
    /// Approved by a person: configured targets always are.
    pub authorized: bool,
    /// The probes that run against it.
    pub probes: Vec<Arc<Probe>>,
}

impl Target {
    /// What the scheduler runs for it.
    pub fn jobs(&self) -> impl Iterator<Item = Job> {
        self.probes.iter().map(|probe| Job {
            subject: Subject::Device(self.name.clone()),
            address: self.address.clone(),
            probe: probe.clone(),
        })
    }

    /// The probe of this name.
    pub fn probe(&self, name: &str) -> Option<&Arc<Probe>> {
        self.probes.iter().find(|probe| &*probe.name == name)
    }

    /// Its ping, if it has one: the first probe that sends echo requests.
    pub fn echo(&self) -> Option<&Arc<Probe>> {
        self.probes.iter().find(|probe| probe.kind().is_echo())
    }
}

#[cfg(test)]
impl Target {
    /// A device at 10.0.0.1 that is pinged every 5 s, judged as by default.
    pub fn pinged(name: &str) -> Self {
        Self {
            name: name.into(),
            address: Address::Ip([10, 0, 0, 1].into()),
            role: None,
            site: None,
            parent: None,
            labels: BTreeMap::new(),
            limits: Limits {
                latency: Duration::from_millis(100),
                loss: 0.05,
            },
            maintenance: vec![],
            hysteresis: Hysteresis {
                up_after: 1,
                down_after: 3,
            },
            window: Duration::from_secs(60),
            authorized: true,
            probes: vec![Probe::echo("icmp", Duration::from_secs(5), Duration::from_secs(2)).into()],
        }
    }
}

/// Limits above which a device counts as degraded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Mean round-trip time over the window.
    pub latency: Duration,
    /// Loss over the window, 0 to 1.
    pub loss: f64,
}

/// Probes in a row before a device changes state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hysteresis {
    /// Successes until up.
    pub up_after: u32,
    /// Failures until down.
    pub down_after: u32,
}
