//! ICMPv6 echo to all nodes (RFC 4443, RFC 4291 section 2.7.1): an IPv6 network is too large to ask each address.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::networks::LocalInterface;
use super::report::Report;
use super::source::{Context, Run, Source};
use crate::model::{Method, Outcome, Sighting, Sweep};
use crate::net::{NodeSocket, monotonic, wall_clock};

pub(super) const SOURCE: Source = Source {
    method: Method::Ipv6,
    run: Run::After(ask_all),
};

/// How long replies are waited for. RFC 4861 lets hosts delay a reply to a multicast by half a second.
const WAIT: Duration = Duration::from_secs(1);
/// The most replies from one interface; more are a flood.
const MOST: usize = 65_536;

/// Asks the nodes of each interface once. Blocks for a second on each.
fn ask_all(context: &Context<'_>) -> Report {
    let mut report = Report::default();
    if context.progress.is_stopped() {
        return report;
    }
    for interface in context.interfaces {
        let start = monotonic();
        let (outcome, answered, why) = match ask(interface, &mut report.sightings) {
            Ok(answered) => (Outcome::Complete, answered, None),
            // The interface has no IPv6, so it has no nodes to ask.
            Err(error) if matches!(error.raw_os_error(), Some(code) if no_ipv6(code)) => continue,
            Err(error) => {
                let note = format!("cannot ask all IPv6 nodes on {}: {error}", interface.name);
                report.notes.push(note);
                (Outcome::Failed, 0, Some(error.to_string().into()))
            }
        };
        report.sweeps.push(Sweep {
            network: interface.name.as_str().into(),
            method: Method::Ipv6,
            outcome,
            asked: 1,
            answered,
            left: 0,
            took: start.elapsed(),
            why,
        });
    }
    report
}

fn no_ipv6(code: i32) -> bool {
    [libc::EADDRNOTAVAIL, libc::ENETUNREACH, libc::EAFNOSUPPORT].contains(&code)
}

/// Asks the nodes of one interface; returns how many replied.
fn ask(interface: &LocalInterface, sightings: &mut Vec<Sighting>) -> io::Result<u32> {
    let mut socket = NodeSocket::open(interface.index)?;
    socket.ask_all()?;
    let end = monotonic() + WAIT;
    let mut seen: HashSet<Ipv6Addr> = HashSet::new();
    while monotonic() < end && seen.len() < MOST {
        let Some(node) = socket.receive()? else { continue };
        if !node.is_multicast() && !node.is_unspecified() && seen.insert(node) {
            // We already have the reply. This second request puts the node into the kernel's neighbour cache, which tells
            // its hardware address: before the kernel sends to one node it must resolve its address.
            let _ = socket.ask(node);
            sightings.push(Sighting {
                method: Method::Ipv6,
                address: IpAddr::V6(node),
                mac: None,
                at: wall_clock(),
                alive: true,
            });
        }
    }
    Ok(seen.len() as u32)
}
