//! Multicast DNS service discovery (RFC 6762, RFC 6763): who announces what, on the chosen interfaces only.
//!
//! mdns-sd joins every interface unless told otherwise, and names and texts are whatever somebody on the network
//! says: all of it is bounded here. What mdns-sd leaves unresolved `resolve` asks for.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mdns_sd::{IfKind, Receiver, ResolvedService, ServiceDaemon, ServiceEvent};

use super::progress::Progress;
use super::resolve::{Resolved, Resolver, instance_of};
use super::{LocalInterface, Report, interfaces};
use crate::model::{Announcement, Method, Outcome, Sighting, Sweep};
use crate::net::{Interface, MdnsSocket, interfaces as local_interfaces, wall_clock};

/// All types of services (RFC 6763 section 9).
const TYPES: &str = "_services._dns-sd._udp.local.";
/// How long is listened: a query is repeated after a second and after two more.
const WINDOW: Duration = Duration::from_secs(4);
/// So often what came is looked at.
const TURN: Duration = Duration::from_millis(20);
/// Types that are followed; more are made up.
const MOST_TYPES: usize = 64;
/// Announcements that are kept.
const MOST: usize = 4096;
/// Bytes of a name or text that are kept, and texts of one service.
const LONGEST: usize = 256;
const MOST_TEXTS: usize = 32;

/// Asks for all services and listens for four seconds. Blocks.
pub fn listen(links: &[&LocalInterface], progress: &Progress) -> Report {
    let mut report = Report::default();
    if links.is_empty() {
        return report;
    }
    let start = Instant::now();
    let outcome = browse(links, progress, &mut report);
    let (outcome, why) = match outcome {
        Ok(()) => (Outcome::Complete, None),
        Err(error) => {
            report.notes.push(format!("cannot listen for multicast DNS: {error}"));
            (Outcome::Failed, Some(error.to_string().into()))
        }
    };
    report.sweeps.push(Sweep {
        network: interfaces(links).into(),
        method: Method::Mdns,
        outcome,
        asked: 1,
        answered: report.sightings.len() as u32,
        left: 0,
        took: start.elapsed(),
        why,
    });
    report
}

fn browse(links: &[&LocalInterface], progress: &Progress, report: &mut Report) -> Result<(), mdns_sd::Error> {
    let daemon = ServiceDaemon::new()?;
    // It leaves out what does not run yet, and the kernel may take a second over that after a cable is in.
    daemon.set_ip_check_interval(1)?;
    daemon.disable_interface(IfKind::All)?;
    daemon.enable_interface(
        links
            .iter()
            .map(|door| IfKind::Name(door.interface.clone()))
            .collect::<Vec<_>>(),
    )?;
    let types = daemon.browse(TYPES)?;
    let mut followed: HashMap<String, Receiver<ServiceEvent>> = HashMap::new();
    let mut resolver = resolver(links, report);
    let end = Instant::now() + WINDOW;
    while Instant::now() < end && !progress.is_stopped() {
        while let Ok(event) = types.try_recv() {
            if let ServiceEvent::ServiceFound(_, kind) = event
                && followed.len() < MOST_TYPES
                && kind.len() < LONGEST
                && !followed.contains_key(&kind)
                && let Ok(receiver) = daemon.browse(&kind)
            {
                followed.insert(kind, receiver);
            }
        }
        for (kind, receiver) in &followed {
            while let Ok(event) = receiver.try_recv() {
                match event {
                    ServiceEvent::ServiceFound(_, name) => resolver.found(kind, &name, Instant::now()),
                    ServiceEvent::ServiceResolved(service) => {
                        resolver.resolved(&service.fullname);
                        take(kind, *service, report);
                    }
                    _ => {}
                }
            }
        }
        resolver.turn(Instant::now());
        std::thread::sleep(TURN);
    }
    let _ = daemon.shutdown();
    for resolved in resolver.finish() {
        announce(resolved, report);
    }
    Ok(())
}

/// Who asks for what mdns-sd leaves unresolved, with sockets on the same interfaces.
fn resolver(links: &[&LocalInterface], report: &mut Report) -> Resolver {
    let chosen = |interface: &&Interface| links.iter().any(|door| door.index == interface.index);
    let mut sockets = Vec::new();
    for interface in local_interfaces().iter().filter(chosen) {
        match MdnsSocket::open(interface) {
            Ok(opened) => sockets.extend(opened),
            Err(error) => {
                let note = format!(
                    "cannot ask for what is announced by multicast DNS on {}: {error}",
                    interface.name
                );
                report.notes.push(note);
            }
        }
    }
    Resolver::new(sockets, wall_clock().micros() as u16)
}

fn take(kind: &str, service: ResolvedService, report: &mut Report) {
    let texts = service.txt_properties.iter();
    let resolved = Resolved {
        kind: kind.to_owned(),
        instance: instance_of(kind, &service.fullname).unwrap_or_default().to_owned(),
        texts: texts
            .map(|property| (property.key().to_owned(), property.val_str().to_owned()))
            .collect(),
        addresses: service.addresses.iter().map(mdns_sd::ScopedIp::to_ip_addr).collect(),
        host: service.host,
    };
    announce(resolved, report);
}

fn announce(service: Resolved, report: &mut Report) {
    let at = wall_clock();
    let texts = service.texts.iter().take(MOST_TEXTS);
    let texts: Vec<(String, String)> = texts.map(|(key, value)| (cut(key), cut(value))).collect();
    for address in service.addresses {
        let usable = !address.is_loopback() && !address.is_multicast() && !address.is_unspecified();
        if !usable || report.announcements.len() >= MOST {
            continue;
        }
        report.announcements.push(Announcement {
            address,
            host: cut(&service.host),
            service: service.kind.trim_end_matches(".local.").to_owned(),
            instance: cut(&service.instance),
            texts: texts.clone(),
        });
        if !report.sightings.iter().any(|sighting| sighting.address == address) {
            report.sightings.push(Sighting {
                method: Method::Mdns,
                address,
                mac: None,
                at,
                alive: true,
            });
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}
