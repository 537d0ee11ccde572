//! From a `Config` to the jobs the scheduler runs, and from one set of jobs to the next.
//!
//! Pure. A reload is a difference of two job lists by `==`: what is the same goes on undisturbed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::config::{Config, Monitor};
use crate::model::{Address, Job, JobKey, LabelValue, Record, Target};

/// What a reload changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// Jobs that are new or run differently now.
    pub start: Vec<Job>,
    /// Jobs that are gone or run differently now.
    pub stop: Vec<JobKey>,
    /// How many go on as they were.
    pub keep: usize,
}

/// The jobs of these targets, in their order, and of the configuration's internet checks.
pub fn jobs(config: &Config, targets: &[Arc<Target>]) -> Vec<Job> {
    let of_internet = config
        .internet
        .iter()
        .flat_map(|internet| internet.checks.iter().cloned());
    targets
        .iter()
        .flat_map(|target| target.jobs())
        .chain(of_internet)
        .collect()
}

/// What is watched: the configured targets in their order, then what discovery brought.
///
/// 1. A device that has a configured target's name is that target.
/// 2. Ignored devices are not watched, nor those without an address.
/// 3. A device that nobody approved is watched while it is there: its coming and going is inventory, not an outage.
/// 4. `discovery.monitor` says which of them get a ping; the others only show what is known of them.
pub fn all(config: &Config, records: &[Arc<Record>]) -> Vec<Arc<Target>> {
    let mut all = config.targets.clone();
    let configured: HashSet<&LabelValue> = config.targets.iter().map(|target| &target.name).collect();
    for record in records.iter().filter(|record| !configured.contains(&record.name)) {
        let approved = record.approval.is_approved();
        if record.approval.is_ignored() || !(approved || record.online) {
            continue;
        }
        let Some(address) = record.address() else { continue };
        let pinged = match config.discovery.monitor {
            Monitor::All => true,
            Monitor::Approved => approved,
            Monitor::None => false,
        };
        let template = &config.default_target;
        all.push(Arc::new(Target {
            name: record.name.clone(),
            address: Address::Ip(address),
            labels: record.labels.clone(),
            authorized: approved,
            probes: if pinged { template.probes.clone() } else { Vec::new() },
            ..(**template).clone()
        }));
    }
    all
}

/// What must happen to get from one set of jobs to another.
pub fn diff(old: &[Job], new: &[Job]) -> Diff {
    let mut running: HashMap<JobKey, &Job> = old.iter().map(|job| (job.key(), job)).collect();
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
    use crate::model::{Probe, Subject};

    fn job(device: &str, address: &str, seconds: u64) -> Job {
        let probe = Probe::echo("icmp", Duration::from_secs(seconds), Duration::from_secs(2));
        Job {
            subject: Subject::Device(device.into()),
            address: address.parse().unwrap(),
            probe: probe.into(),
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
