//! Multicast DNS service discovery (RFC 6762, RFC 6763): who announces what, on the chosen interfaces only.
//!
//! mdns-sd joins every interface unless told otherwise, and names and texts are whatever somebody on the network
//! says: all of it is bounded here.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use mdns_sd::{IfKind, Receiver, ResolvedService, ServiceDaemon, ServiceEvent};

use super::progress::Progress;
use super::{Door, Report};
use crate::model::{Announcement, Method, Outcome, Pass, Sighting};
use crate::net::wall_clock;

/// All types of services (RFC 6763 section 9).
const TYPES: &str = "_services._dns-sd._udp.local.";
/// How long is listened: a query is repeated after a second and after two more.
const WINDOW: Duration = Duration::from_secs(4);
/// Types that are followed; more are made up.
const MOST_TYPES: usize = 64;
/// Announcements that are kept.
const MOST: usize = 4096;
/// Bytes of a name or text that are kept, and texts of one service.
const LONGEST: usize = 256;
const MOST_TEXTS: usize = 32;

/// Asks for all services and listens for four seconds. Blocks.
pub fn listen(links: &[&Door], progress: &Progress) -> Report {
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
    let mut names: Vec<&str> = links.iter().map(|door| door.interface.as_str()).collect();
    names.dedup();
    report.passes.push(Pass {
        network: names.join(",").into(),
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

fn browse(links: &[&Door], progress: &Progress, report: &mut Report) -> Result<(), mdns_sd::Error> {
    let daemon = ServiceDaemon::new()?;
    daemon.disable_interface(IfKind::All)?;
    daemon.enable_interface(
        links
            .iter()
            .map(|door| IfKind::Name(door.interface.clone()))
            .collect::<Vec<_>>(),
    )?;
    let types = daemon.browse(TYPES)?;
    let mut followed: HashMap<String, Receiver<ServiceEvent>> = HashMap::new();
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
                if let ServiceEvent::ServiceResolved(service) = event {
                    take(kind, &service, report);
                }
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = daemon.shutdown();
    Ok(())
}

fn take(kind: &str, service: &ResolvedService, report: &mut Report) {
    let at = wall_clock();
    let texts: Vec<(String, String)> = service
        .txt_properties
        .iter()
        .take(MOST_TEXTS)
        .map(|property| (cut(property.key()), cut(property.val_str())))
        .collect();
    for address in &service.addresses {
        let address: IpAddr = address.to_ip_addr();
        let usable = !address.is_loopback() && !address.is_multicast() && !address.is_unspecified();
        if !usable || report.announcements.len() >= MOST {
            continue;
        }
        report.announcements.push(Announcement {
            address,
            host: cut(&service.host),
            service: kind.trim_end_matches(".local.").to_owned(),
            instance: cut(service.fullname.split("._").next().unwrap_or_default()),
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
