//! From a `Config` to the jobs the scheduler runs, and from one set of jobs to the next.
//!
//! Pure. A reload is a difference of two job lists by `==`: what is the same goes on undisturbed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::config::{Config, Monitor, TargetConfig};
use crate::model::{Address, Approval, INTERNET, LabelValue, Record, Target};
use crate::source::probe::Settings;

/// One probe of one device, to be run again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The device.
    pub device: LabelValue,
    /// Where it is.
    pub address: Address,
    /// The probe's name.
    pub probe: Arc<str>,
    /// How to run it.
    pub settings: Settings,
}

/// What tells jobs apart.
pub type Key = (LabelValue, Arc<str>);

impl Job {
    /// Device and probe.
    pub fn key(&self) -> Key {
        (self.device.clone(), self.probe.clone())
    }

    /// The host names that its runs ask the resolver for. Internet checks ask for themselves.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let own = match (&self.address, &self.settings) {
            // The address of a target says nothing to a check that has a URL.
            (Address::Name(name), _) => Some(name.as_str()),
            _ => None,
        };
        let checked = matches!(self.settings, Settings::Check(_)) && self.device.as_str() == INTERNET;
        own.into_iter().chain(self.settings.names()).filter(move |_| !checked)
    }
}

/// What a reload changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// Jobs that are new or run differently now.
    pub start: Vec<Job>,
    /// Jobs that are gone or run differently now.
    pub stop: Vec<Key>,
    /// How many go on as they were.
    pub keep: usize,
}

/// The jobs of these targets, in their order, and of the configuration's internet checks.
pub fn jobs(config: &Config, targets: &[TargetConfig]) -> Vec<Job> {
    let of_target = |entry: &TargetConfig| -> Vec<Job> {
        let target = &entry.target;
        let job = |probe: &crate::source::probe::Probe| Job {
            device: target.name.clone(),
            address: target.address.clone(),
            probe: probe.name.clone(),
            settings: probe.settings.clone(),
        };
        entry.probes.iter().map(job).collect()
    };
    let of_internet = config.internet.iter().flat_map(|internet| {
        internet.checks.iter().map(|(probe, address)| Job {
            device: INTERNET.into(),
            address: address.clone(),
            probe: probe.name.clone(),
            settings: probe.settings.clone(),
        })
    });
    targets.iter().flat_map(of_target).chain(of_internet).collect()
}

/// What is watched: the configured targets in their order, then what discovery brought.
///
/// 1. A device that has a configured target's name is that target.
/// 2. Ignored devices are not watched, nor those without an address.
/// 3. A stranger is watched while it is there: its coming and going is inventory, not an outage.
/// 4. `discovery.monitor` says which of them get a ping; the others only show what is known of them.
pub fn all(config: &Config, records: &[Arc<Record>]) -> Vec<TargetConfig> {
    let mut all = config.targets.clone();
    let configured: HashSet<&LabelValue> = config.targets.iter().map(|entry| &entry.target.name).collect();
    for record in records.iter().filter(|record| !configured.contains(&record.name)) {
        let approved = record.approval == Approval::Approved;
        if record.approval == Approval::Ignored || !(approved || record.online) {
            continue;
        }
        let Some(address) = record.address() else { continue };
        let pinged = match config.discovery.monitor {
            Monitor::All => true,
            Monitor::Approved => approved,
            Monitor::None => false,
        };
        let plain = &config.default_target;
        let target = Target {
            name: record.name.clone(),
            address: Address::Ip(address),
            labels: record.labels.clone(),
            authorized: approved,
            probes: if pinged {
                plain.target.probes.clone()
            } else {
                Vec::new()
            },
            ..(*plain.target).clone()
        };
        all.push(TargetConfig {
            target: Arc::new(target),
            probes: if pinged { plain.probes.clone() } else { Vec::new() },
        });
    }
    all
}

/// Targets as the state needs them.
pub fn targets(targets: &[TargetConfig]) -> Vec<Arc<Target>> {
    targets.iter().map(|entry| entry.target.clone()).collect()
}

/// What must happen to get from one set of jobs to another.
pub fn diff(old: &[Job], new: &[Job]) -> Diff {
    let mut running: HashMap<Key, &Job> = old.iter().map(|job| (job.key(), job)).collect();
    let mut diff = Diff::default();
    for job in new {
        match running.remove(&job.key()) {
            Some(same) if same == job => diff.keep += 1,
            other => {
                diff.stop.extend(other.map(Job::key));
                diff.start.push(job.clone());
            }
        }
    }
    diff.stop.extend(running.into_keys());
    diff
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Family;
    use crate::source::probe::icmp;

    fn job(device: &str, address: &str, seconds: u64) -> Job {
        Job {
            device: device.into(),
            address: address.parse().unwrap(),
            probe: "icmp".into(),
            settings: Settings::Icmp(icmp::Settings {
                interval: Duration::from_secs(seconds),
                timeout: Duration::from_secs(2),
                family: Family::Any,
            }),
        }
    }

    #[test]
    fn only_what_changed_restarts() {
        let old = [
            job("a", "10.0.0.1", 5),
            job("b", "10.0.0.2", 5),
            job("c", "10.0.0.3", 5),
            job("d", "10.0.0.4", 5),
        ];
        let new = [
            job("d", "10.0.0.4", 5),
            job("a", "10.0.0.1", 5),
            job("b", "10.0.0.9", 5),
            job("e", "10.0.0.5", 5),
        ];
        let diff = diff(&old, &new);
        assert_eq!(diff.keep, 2, "the order does not matter");
        assert_eq!(diff.start, [job("b", "10.0.0.9", 5), job("e", "10.0.0.5", 5)]);
        assert_eq!(diff.stop, [old[1].key(), old[2].key()]);
    }

    #[test]
    fn another_interval_is_another_job() {
        let diff = diff(&[job("a", "10.0.0.1", 5)], &[job("a", "10.0.0.1", 6)]);
        assert_eq!((diff.start.len(), diff.stop.len(), diff.keep), (1, 1, 0));
    }
}
