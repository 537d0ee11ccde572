//! What an exposition is made from: the snapshot, and its parts by the agent that watches them.

use crate::model::{INTERNET, Kind, LOCAL_AGENT, Timestamp};
use crate::state::{CheckView, DeviceView, InternetView, Snapshot};

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

/// A probe of a device, whatever its kind.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// The `device` label.
    pub device: &'a str,
    /// The `probe` label: its name.
    pub name: &'a str,
    /// The `kind` label.
    pub kind: Kind,
    /// When it last ran.
    pub last_run: Option<Timestamp>,
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
    pub fn checks(self) -> impl Iterator<Item = (&'a str, &'a CheckView)> {
        self.checks_and_walks().filter(|(_, check)| !walks(check.kind))
    }

    /// Every probe: those of the devices first, the ping of each before its checks and walks, then those of the internet.
    pub fn probes(self) -> impl Iterator<Item = Probe<'a>> {
        let of_devices = self.devices.iter().flat_map(|view| {
            ping(view)
                .into_iter()
                .chain(view.checks.iter().map(|check| probe(view.target.name.as_str(), check)))
        });
        let internet = self.internet.into_iter().flat_map(|view| &view.checks);
        of_devices.chain(internet.map(|check| probe(INTERNET, check)))
    }

    fn checks_and_walks(self) -> impl Iterator<Item = (&'a str, &'a CheckView)> {
        let of_devices = self
            .devices
            .iter()
            .flat_map(|view| view.checks.iter().map(|check| (view.target.name.as_str(), check)));
        let internet = self.internet.into_iter().flat_map(|view| &view.checks);
        of_devices.chain(internet.map(|check| (INTERNET, check)))
    }
}

fn probe<'a>(device: &'a str, check: &'a CheckView) -> Probe<'a> {
    Probe {
        device,
        name: &check.probe,
        kind: check.kind,
        last_run: check.last_run,
    }
}

/// The ping of a device, if it is pinged.
fn ping(view: &DeviceView) -> Option<Probe<'_>> {
    let icmp = view.icmp.as_ref()?;
    let expected = view.target.probes.iter().find(|probe| pings(probe.kind));
    Some(Probe {
        device: view.target.name.as_str(),
        name: expected.map_or(Kind::Icmp.as_str(), |probe| &probe.probe),
        kind: Kind::Icmp,
        last_run: icmp.last_run,
    })
}

/// Whether the probes of this kind on a device are kept as its pings.
const fn pings(kind: Kind) -> bool {
    match kind {
        Kind::Icmp => true,
        Kind::Tcp | Kind::Http | Kind::Dns | Kind::Tls | Kind::Snmp => false,
    }
}

/// Whether the probes of this kind are walks and not checks of a service.
const fn walks(kind: Kind) -> bool {
    match kind {
        Kind::Snmp => true,
        Kind::Icmp | Kind::Tcp | Kind::Http | Kind::Dns | Kind::Tls => false,
    }
}
