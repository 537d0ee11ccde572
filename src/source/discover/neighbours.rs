//! The kernel's neighbour cache: whom this host has talked to lately, and their hardware addresses.

use std::net::IpAddr;

use super::report::Report;
use super::source::{Context, Run, Source};
use crate::model::{MacKind, Method, Sighting};
use crate::net::{Neighbour, interfaces, monotonic, neighbours, wall_clock};

pub(super) const SOURCE: Source = Source {
    method: Method::Neighbours,
    run: Run::After(read),
};

/// Reads the entries about these interfaces.
fn read(context: &Context<'_>) -> Report {
    let mut report = Report::default();
    if context.interfaces.is_empty() {
        return report;
    }
    let start = monotonic();
    let (entries, error) = match neighbours() {
        Ok(entries) => (entries, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    if let Some(error) = &error {
        report
            .notes
            .push(format!("cannot read the kernel's neighbour cache: {error}"));
    }
    let at = wall_clock();
    let own = interfaces();
    let is_host = |entry: &Neighbour| {
        let here = context
            .interfaces
            .iter()
            .any(|interface| interface.index == entry.interface);
        let ours = own.iter().any(|interface| interface.owns(entry.address));
        here && !ours && entry.mac.kind() != MacKind::Nobody && !is_group(entry.address)
    };
    report.sightings = entries
        .into_iter()
        .filter(is_host)
        .map(|entry| Sighting {
            method: Method::Neighbours,
            address: entry.address,
            mac: Some(entry.mac),
            at,
            alive: entry.fresh,
        })
        .collect();
    let alive = report.sightings.iter().filter(|sighting| sighting.alive).count();
    report
        .sweeps
        .push(context.sweep(Method::Neighbours, alive, start.elapsed(), error));
    report
}

/// Whether this is an address of many hosts.
fn is_group(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_multicast(),
    }
}
