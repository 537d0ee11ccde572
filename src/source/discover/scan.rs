//! One scan: every method in use, over every network.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::Duration;

use super::networks::{LocalInterface, ScanNetwork};
use super::progress::Progress;
use super::registry::SOURCES;
use super::report::Report;
use super::settings::Settings;
use super::source::{Context, Remaining, Run};
use crate::model::Method;
use crate::net::{interfaces, monotonic};

/// Scans. Addresses in `known` are asked first and more often. Blocks until every method is done or the time is over.
pub fn scan(
    settings: &Settings,
    networks: &[ScanNetwork],
    known: &[IpAddr],
    timeout: Duration,
    progress: &Progress,
) -> Report {
    let own = own_interfaces(networks);
    let context = Context {
        settings,
        interfaces: &own,
        deadline: monotonic() + timeout,
        progress,
    };
    let known: HashSet<IpAddr> = known.iter().copied().collect();
    let mut report = scan_networks(&context, networks, &known);
    for run in runs(&context) {
        if let Run::After(run) = run {
            report.add(run(&context));
        }
    }
    // An announcement may name any address, and the neighbour cache has addresses of other networks.
    let ipv6 = context.uses(Method::Ipv6);
    report.sightings.retain(|sighting| match sighting.address {
        IpAddr::V4(address) => networks.iter().any(|scanned| scanned.network.contains(address)),
        IpAddr::V6(_) => ipv6,
    });
    report
}

/// The methods in use, in the order of the registry.
fn runs<'a>(context: &'a Context<'_>) -> impl Iterator<Item = &'static Run> + 'a {
    let in_use = SOURCES.iter().filter(|source| context.uses(source.method));
    in_use.map(|source| &source.run)
}

/// This host's interfaces in these networks, each once.
fn own_interfaces(networks: &[ScanNetwork]) -> Vec<&LocalInterface> {
    let mut seen = HashSet::new();
    let own = networks.iter().filter_map(|scanned| scanned.interface.as_ref());
    own.filter(|interface| seen.insert(interface.index)).collect()
}

/// Scans every network, and runs the methods that run meanwhile.
fn scan_networks(context: &Context<'_>, networks: &[ScanNetwork], known: &HashSet<IpAddr>) -> Report {
    let mut by_interface: BTreeMap<Option<u32>, Vec<&ScanNetwork>> = BTreeMap::new();
    for scanned in networks {
        context.progress.expect(scanned.network.hosts().count() as u32);
        let index = scanned.interface.as_ref().map(|interface| interface.index);
        by_interface.entry(index).or_default().push(scanned);
    }
    let in_turn = |networks: Vec<&ScanNetwork>| {
        let mut report = Report::default();
        for scanned in networks {
            report.add(scan_network(context, scanned, known));
        }
        report
    };
    let mut report = Report::default();
    thread::scope(|scope| {
        let meanwhile = runs(context).filter_map(|run| match run {
            Run::Meanwhile(run) => Some(scope.spawn(|| run(context))),
            Run::Network(_) | Run::After(_) => None,
        });
        let mut running: Vec<_> = meanwhile.collect();
        running.extend(
            by_interface
                .into_values()
                .map(|networks| scope.spawn(move || in_turn(networks))),
        );
        for thread in running {
            match thread.join() {
                Ok(part) => report.add(part),
                Err(_) => report.notes.push("a part of the scan broke off".to_owned()),
            }
        }
    });
    report
}

/// Scans one network by every method that asks addresses.
fn scan_network(context: &Context<'_>, network: &ScanNetwork, known: &HashSet<IpAddr>) -> Report {
    let own = interfaces();
    let (mut addresses, unknown): (Vec<Ipv4Addr>, Vec<Ipv4Addr>) = network
        .network
        .hosts()
        .filter(|address| !own.iter().any(|interface| interface.owns(IpAddr::V4(*address))))
        .partition(|address| known.contains(&IpAddr::V4(*address)));
    let known = addresses.len();
    addresses.extend(unknown);
    let mut remaining = Remaining {
        network,
        addresses,
        known,
        swept: false,
    };
    let mut report = Report::default();
    for run in runs(context) {
        if let Run::Network(run) = run {
            report.add(run(context, &mut remaining));
        }
    }
    report
}
