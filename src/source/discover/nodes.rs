//! ICMPv6 echo to all nodes (RFC 4443, RFC 4291 section 2.7.1): IPv6 networks are too large to be swept.
//!
//! Who answers is asked alone once more, so that it gets into the kernel's neighbour cache, which tells its hardware address.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use super::{LocalInterface, Report};
use crate::model::{Method, Outcome, Sighting, Sweep};
use crate::net::{NodeSocket, wall_clock};

/// How long answers are waited for; RFC 4861 lets hosts take half a second over an answer to all.
const WAIT: Duration = Duration::from_secs(1);
/// More answers than this from one interface are no LAN but a flood.
const MOST: usize = 65_536;

/// Asks on each interface once. Blocks for a second.
pub fn ask_all(links: &[&LocalInterface]) -> Report {
    let mut report = Report::default();
    let mut seen = HashSet::new();
    for door in links.iter().filter(|door| seen.insert(door.index)) {
        let start = Instant::now();
        let outcome = ask(door, &mut report.sightings);
        let (outcome, answered, why) = match outcome {
            Ok(answered) => (Outcome::Complete, answered, None),
            // An interface without IPv6 has nobody to ask.
            Err(error) if matches!(error.raw_os_error(), Some(code) if no_ipv6(code)) => continue,
            Err(error) => {
                report
                    .notes
                    .push(format!("cannot ask all IPv6 nodes on {}: {error}", door.interface));
                (Outcome::Failed, 0, Some(error.to_string().into()))
            }
        };
        report.sweeps.push(Sweep {
            network: door.interface.as_str().into(),
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

fn ask(door: &LocalInterface, sightings: &mut Vec<Sighting>) -> std::io::Result<u32> {
    let mut socket = NodeSocket::open(door.index)?;
    socket.ask_all()?;
    let end = Instant::now() + WAIT;
    let mut heard: HashSet<Ipv6Addr> = HashSet::new();
    while Instant::now() < end && heard.len() < MOST {
        let Some(from) = socket.receive()? else { continue };
        if !from.is_multicast() && !from.is_unspecified() && heard.insert(from) {
            // Its answer is known already; the sake of it is the neighbour cache.
            let _ = socket.ask(from);
            sightings.push(Sighting {
                method: Method::Ipv6,
                address: IpAddr::V6(from),
                mac: None,
                at: wall_clock(),
                alive: true,
            });
        }
    }
    Ok(heard.len() as u32)
}
