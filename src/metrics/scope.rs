//! What an exposition is made from: the snapshot, and its parts by the agent that watches them.

use crate::model::{INTERNET, Kind, LOCAL_AGENT, Timestamp};
use crate::state::{DeviceView, InternetView, ProbeView, Snapshot};

/// What the rows of the table read.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The state at one moment.
    pub snapshot: &'a Snapshot,
    /// How many series this exposition has; 0 while they are counted.
    pub series: usize,
}

/// What one agent watches.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The `agent` label.
    pub agent: &'a str,
    /// The devices that it probes.
    pub devices: &'a [DeviceView],
    /// The internet, if the agent checks it.
    pub internet: Option<&'a InternetView>,
}

/// When a probe last ran, whatever its kind.
#[derive(Clone, Copy, Debug)]
pub struct LastRun<'a> {
    /// The `device` label.
    pub device: &'a str,
    /// The `probe` label: its name.
    pub name: &'a str,
    /// The `kind` label.
    pub kind: Kind,
    /// The start of that run; absent before the first.
    pub at: Option<Timestamp>,
}

impl<'a> Scope<'a> {
    /// The sites, in the order of the exposition. The one place that knows which agent watches what.
    pub fn sites(&self) -> impl Iterator<Item = Site<'a>> + use<'a> {
        std::iter::once(Site {
            agent: LOCAL_AGENT,
            devices: &self.snapshot.devices,
            internet: self.snapshot.internet.as_ref(),
        })
    }
}

impl<'a> Site<'a> {
    /// Every check of a service, and its device: those of the devices first, then those of the internet. SNMP walks have
    /// families of their own and are left out.
    pub fn checks(self) -> impl Iterator<Item = (&'a str, &'a ProbeView)> {
        self.probes_but_pings().filter(|(_, check)| !check.kind.is_walk())
    }

    /// Every probe: those of the devices first, the ping of each before its checks and walks, then those of the internet.
    pub fn last_runs(self) -> impl Iterator<Item = LastRun<'a>> {
        let of_devices = self.devices.iter().flat_map(|view| {
            ping(view).into_iter().chain(
                view.checks
                    .iter()
                    .map(|check| last_run(view.target.name.as_str(), check)),
            )
        });
        let internet = self.internet.into_iter().flat_map(|view| &view.checks);
        of_devices.chain(internet.map(|check| last_run(INTERNET, check)))
    }

    /// Every probe that is not a ping of a device, and its device.
    fn probes_but_pings(self) -> impl Iterator<Item = (&'a str, &'a ProbeView)> {
        let of_devices = self
            .devices
            .iter()
            .flat_map(|view| view.checks.iter().map(|check| (view.target.name.as_str(), check)));
        let internet = self.internet.into_iter().flat_map(|view| &view.checks);
        of_devices.chain(internet.map(|check| (INTERNET, check)))
    }
}

fn last_run<'a>(device: &'a str, check: &'a ProbeView) -> LastRun<'a> {
    LastRun {
        device,
        name: &check.probe,
        kind: check.kind,
        at: check.last_run,
    }
}

/// The ping of a device, if it is pinged.
fn ping(view: &DeviceView) -> Option<LastRun<'_>> {
    let icmp = view.icmp.as_ref()?;
    Some(LastRun {
        device: view.target.name.as_str(),
        name: view.target.echo().map_or(Kind::Icmp.as_str(), |probe| &probe.name),
        kind: Kind::Icmp,
        at: icmp.last_run,
    })
}
