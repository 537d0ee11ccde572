//! Who is there: one file a source, and the scan that uses them together.
//!
//! Owns how a network is asked. Gets what to scan and how fast; gives `Sighting`s and, for each network and method, a
//! `Sweep` that says whether silence means anything. Decides neither who is a device nor what is watched.
//! Everything here blocks: it runs on threads of its own.

mod arp;
mod icmp;
mod mdns;
mod networks;
mod nodes;
mod progress;
mod resolve;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use crate::model::{Announcement, Mac, MacKind, Method, Network, Outcome, Sighting, Sweep};
use crate::net::{Interface, LinkError, PacketLink, interfaces as local_interfaces, neighbours, wall_clock};

pub use networks::{EXCLUDED, LARGEST, LocalInterface, ScanNetwork, area, matches, own, usable};
pub use progress::Progress;

/// Who says of which address that it has it, if a frame says so to the host it is read for: for the fuzzer, which has no
/// network.
#[doc(hidden)]
pub fn read_arp(frame: &[u8], mac: Mac, address: Ipv4Addr) -> Option<(Ipv4Addr, Mac)> {
    let question = arp::Question {
        interface: String::new(),
        mac,
        address,
        known: 0,
        addresses: Vec::new(),
        rate: 0,
    };
    arp::reply(frame, &question)
}

/// How to discover: the `discovery` section.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Time from one scan to the next.
    pub interval: Duration,
    /// The sources in use.
    pub methods: Vec<Method>,
    /// Which networks; `None` is the host's own.
    pub networks: Option<Vec<Network>>,
    /// Interfaces that are left alone.
    pub exclude: Vec<String>,
    /// ARP requests a second and interface.
    pub arp_rate: u32,
    /// Echo requests a second.
    pub icmp_rate: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(600),
            methods: Method::ALL.to_vec(),
            networks: None,
            exclude: EXCLUDED.map(str::to_owned).to_vec(),
            arp_rate: 1000,
            icmp_rate: 1000,
        }
    }
}

impl Settings {
    /// Whether there is nothing to do at all.
    pub fn is_off(&self) -> bool {
        self.methods.is_empty() || self.networks.as_ref().is_some_and(Vec::is_empty)
    }

    /// What is to be scanned now, and what is not and why.
    pub fn areas(&self) -> (Vec<ScanNetwork>, Vec<String>) {
        let all = local_interfaces();
        let usable = usable(&all, &self.exclude);
        match &self.networks {
            None => own(&usable),
            Some(networks) => (
                networks.iter().flat_map(|network| area(*network, &usable)).collect(),
                Vec::new(),
            ),
        }
    }
}

/// What came of a scan.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Who was seen.
    pub sightings: Vec<Sighting>,
    /// What was announced.
    pub announcements: Vec<Announcement>,
    /// Each network by each method.
    pub sweeps: Vec<Sweep>,
    /// What could not be done, and what was done instead.
    pub notes: Vec<String>,
}

/// Scans. Known addresses are asked first and more often. Blocks until every network is done or the deadline comes.
pub fn scan(
    settings: &Settings,
    areas: &[ScanNetwork],
    known: &[IpAddr],
    timeout: Duration,
    progress: &Progress,
) -> Report {
    let deadline = Instant::now() + timeout;
    // Interfaces side by side, the networks of one interface in turn: the rate is the interface's.
    let mut lanes: HashMap<Option<&str>, Vec<&ScanNetwork>> = HashMap::new();
    for area in areas {
        progress.expect(area.network.hosts().count() as u32);
        lanes
            .entry(area.link.as_ref().map(|door| door.interface.as_str()))
            .or_default()
            .push(area);
    }
    let known: HashSet<IpAddr> = known.iter().copied().collect();
    let links: Vec<&LocalInterface> = areas.iter().filter_map(|area| area.link.as_ref()).collect();
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let known = &known;
        let lane = |areas: Vec<&ScanNetwork>| {
            let mut part = Report::default();
            for area in areas {
                part.add(scan_area(settings, area, known, deadline, progress));
            }
            part
        };
        let listening = settings
            .methods
            .contains(&Method::Mdns)
            .then(|| scope.spawn(|| mdns::listen(&links, progress)));
        let running: Vec<_> = lanes
            .into_values()
            .map(|areas| scope.spawn(move || lane(areas)))
            .collect();
        for thread in running.into_iter().chain(listening) {
            match thread.join() {
                Ok(part) => report.add(part),
                Err(_) => report.notes.push("a part of the scan broke off".to_owned()),
            }
        }
    });
    let ipv6 = settings.methods.contains(&Method::Ipv6);
    if ipv6 && !progress.is_stopped() {
        report.add(nodes::ask_all(&links));
    }
    // Also what was only pinged has its hardware address there.
    if settings.methods.contains(&Method::Neighbours) {
        report.add(cache(&links));
    }
    // Announcements may name any address, and the cache knows others too.
    report.sightings.retain(|sighting| match sighting.address {
        IpAddr::V4(address) => areas.iter().any(|area| area.network.contains(address)),
        IpAddr::V6(_) => ipv6,
    });
    report
}

impl Report {
    fn add(&mut self, other: Self) {
        self.sightings.extend(other.sightings);
        self.announcements.extend(other.announcements);
        self.sweeps.extend(other.sweeps);
        for note in other.notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }
}

/// One network: by ARP where that works, by ICMP where not.
fn scan_area(
    settings: &Settings,
    area: &ScanNetwork,
    known: &HashSet<IpAddr>,
    deadline: Instant,
    progress: &Progress,
) -> Report {
    let mut report = Report::default();
    let own = local_interfaces();
    let (mut first, rest): (Vec<Ipv4Addr>, Vec<Ipv4Addr>) = area
        .network
        .hosts()
        .filter(|address| !own.iter().any(|interface| interface.owns(IpAddr::V4(*address))))
        .partition(|address| known.contains(&IpAddr::V4(*address)));
    let known = first.len();
    first.extend(rest);
    let mut silent = first;
    let [arp, icmp] = [Method::Arp, Method::Icmp].map(|method| settings.methods.contains(&method));
    let mut asked_by_arp = false;
    if let Some((door, mac)) = area
        .link
        .as_ref()
        .and_then(|door| Some((door, door.mac?)))
        .filter(|_| arp)
    {
        let start = Instant::now();
        match PacketLink::open(&door.interface) {
            Ok(mut link) => {
                asked_by_arp = true;
                let question = question(settings, door, mac, known, silent.clone());
                let answer = arp::scan(&mut link, &question, deadline, progress);
                let heard: HashSet<IpAddr> = answer.sightings.iter().map(|sighting| sighting.address).collect();
                let asked = silent.len() as u32;
                report.sweeps.push(Sweep {
                    network: area.network.to_string().into(),
                    method: Method::Arp,
                    outcome: answer.outcome,
                    asked,
                    answered: answer.answered,
                    left: answer.left,
                    took: start.elapsed(),
                    why: answer.why.map(Into::into),
                });
                report.sightings.extend(answer.sightings);
                // Who does not answer ARP cannot answer ICMP either, but a known device is worth another try.
                silent.truncate(known);
                silent.retain(|address| !heard.contains(&IpAddr::V4(*address)));
            }
            Err(error) => {
                let instead = if icmp { "ICMP and " } else { "" };
                report
                    .notes
                    .push(format!("{error}: {instead}the neighbour cache are used instead"));
                if !matches!(error, LinkError::Denied(..)) {
                    report
                        .sweeps
                        .push(failed(area, Method::Arp, silent.len(), &error.to_string()));
                }
            }
        }
    }
    if arp && !icmp && area.link.as_ref().is_none_or(|door| door.mac.is_none()) {
        let why = "there is no ARP on the way to it, only icmp gets there";
        report.sweeps.push(failed(area, Method::Arp, silent.len(), why));
    }
    if icmp && !silent.is_empty() {
        let addresses: Vec<IpAddr> = silent.into_iter().map(IpAddr::V4).collect();
        let start = Instant::now();
        let unseen = Progress::default();
        let answer = icmp::sweep(
            &addresses,
            settings.icmp_rate,
            deadline,
            if asked_by_arp { &unseen } else { progress },
        );
        if answer.outcome == Outcome::Failed {
            report.notes.extend(answer.why.clone());
        }
        // After a complete ARP scan this is a second look, not a pass of its own.
        if !asked_by_arp {
            report.sweeps.push(Sweep {
                network: area.network.to_string().into(),
                method: Method::Icmp,
                outcome: answer.outcome,
                asked: addresses.len() as u32,
                answered: answer.sightings.len() as u32,
                left: answer.left,
                took: start.elapsed(),
                why: answer.why.map(Into::into),
            });
        }
        report.sightings.extend(answer.sightings);
    }
    report
}

fn question(
    settings: &Settings,
    door: &LocalInterface,
    mac: Mac,
    known: usize,
    addresses: Vec<Ipv4Addr>,
) -> arp::Question {
    arp::Question {
        interface: door.interface.clone(),
        mac,
        address: door.address,
        known,
        addresses,
        rate: settings.arp_rate,
    }
}

fn failed(area: &ScanNetwork, method: Method, asked: usize, why: &str) -> Sweep {
    Sweep {
        network: area.network.to_string().into(),
        method,
        outcome: Outcome::Failed,
        asked: asked as u32,
        answered: 0,
        left: asked as u32,
        took: Duration::ZERO,
        why: Some(why.into()),
    }
}

/// What the kernel's neighbour cache says about these interfaces, and the hardware addresses for what was only pinged.
fn cache(links: &[&LocalInterface]) -> Report {
    let mut report = Report::default();
    if links.is_empty() {
        return report;
    }
    let start = Instant::now();
    let (entries, why) = match neighbours() {
        Ok(entries) => (entries, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    if let Some(why) = &why {
        report
            .notes
            .push(format!("cannot read the kernel's neighbour cache: {why}"));
    }
    let at = wall_clock();
    let own: Vec<Interface> = local_interfaces();
    for entry in entries {
        let here = links.iter().any(|door| door.index == entry.interface);
        let nobody = entry.mac.kind() == MacKind::Nobody || own.iter().any(|interface| interface.owns(entry.address));
        if here && !nobody && !is_multicast(entry.address) {
            report.sightings.push(Sighting {
                method: Method::Neighbours,
                address: entry.address,
                mac: Some(entry.mac),
                at,
                alive: entry.fresh,
            });
        }
    }
    report.sweeps.push(Sweep {
        network: interfaces(links).into(),
        method: Method::Neighbours,
        outcome: if why.is_none() {
            Outcome::Complete
        } else {
            Outcome::Failed
        },
        asked: 1,
        answered: report.sightings.iter().filter(|sighting| sighting.alive).count() as u32,
        left: 0,
        took: start.elapsed(),
        why: why.map(Into::into),
    });
    report
}

/// Their names, each once: what a pass is about that is not about a network.
fn interfaces(links: &[&LocalInterface]) -> String {
    let mut names: Vec<&str> = links.iter().map(|door| door.interface.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(",")
}

fn is_multicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_multicast(),
    }
}
