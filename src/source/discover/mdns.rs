//! Multicast DNS service discovery (RFC 6762, RFC 6763), on the interfaces of the scan only.
//!
//! mdns-sd joins every interface unless told otherwise. Names and texts are whatever a host announces, so all of them are
//! bounded here. `resolve` asks for services that mdns-sd leaves unresolved.

use std::collections::HashMap;
use std::time::Duration;

use mdns_sd::{IfKind, Receiver, ResolvedService, ServiceDaemon, ServiceEvent};

use super::report::Report;
use super::resolve::{Resolved, Resolver, instance_of};
use super::source::{Context, Run, Source};
use crate::model::{Announcement, Method, Sighting};
use crate::net::{MdnsSocket, interfaces, monotonic, wall_clock};

pub(super) const SOURCE: Source = Source {
    method: Method::Mdns,
    run: Run::Meanwhile(listen),
};

/// The question for all types of services (RFC 6763 section 9).
const TYPES: &str = "_services._dns-sd._udp.local.";
/// How long to listen: queries are repeated after one second and after two more.
const WINDOW: Duration = Duration::from_secs(4);
/// How often what has arrived is read.
const TURN: Duration = Duration::from_millis(20);
/// How many types are followed; no honest network has more.
const MOST_TYPES: usize = 64;
/// How many announcements are kept.
const MOST: usize = 4096;
/// The characters of a name or text that are kept, and the texts of one service.
const LONGEST: usize = 256;
const MOST_TEXTS: usize = 32;

/// Asks for all services and listens for four seconds. Blocks.
fn listen(context: &Context<'_>) -> Report {
    let mut report = Report::default();
    if context.interfaces.is_empty() {
        return report;
    }
    let start = monotonic();
    let error = browse(context, &mut report).err().map(|error| error.to_string());
    if let Some(error) = &error {
        report.notes.push(format!("cannot listen for multicast DNS: {error}"));
    }
    let sweep = context.sweep(Method::Mdns, report.sightings.len(), start.elapsed(), error);
    report.sweeps.push(sweep);
    report
}

fn browse(context: &Context<'_>, report: &mut Report) -> Result<(), mdns_sd::Error> {
    let daemon = ServiceDaemon::new()?;
    // mdns-sd leaves out interfaces that do not run yet, and after a cable is plugged in the kernel may take a second.
    daemon.set_ip_check_interval(1)?;
    daemon.disable_interface(IfKind::All)?;
    let names = context.interfaces.iter().map(|at| IfKind::Name(at.name.clone()));
    daemon.enable_interface(names.collect::<Vec<_>>())?;
    let types = daemon.browse(TYPES)?;
    let mut followed: HashMap<String, Receiver<ServiceEvent>> = HashMap::new();
    let mut resolver = resolver(context, report);
    let end = monotonic() + WINDOW;
    while monotonic() < end && !context.progress.is_stopped() {
        follow_new_types(&daemon, &types, &mut followed);
        for (kind, events) in &followed {
            while let Ok(event) = events.try_recv() {
                match event {
                    ServiceEvent::ServiceFound(_, name) => resolver.found(kind, &name, monotonic()),
                    ServiceEvent::ServiceResolved(service) => {
                        resolver.resolved(&service.fullname);
                        announce(resolved(kind, *service), report);
                    }
                    _ => {}
                }
            }
        }
        resolver.turn(monotonic());
        std::thread::sleep(TURN);
    }
    let _ = daemon.shutdown();
    for service in resolver.finish() {
        announce(service, report);
    }
    Ok(())
}

fn follow_new_types(
    daemon: &ServiceDaemon,
    types: &Receiver<ServiceEvent>,
    followed: &mut HashMap<String, Receiver<ServiceEvent>>,
) {
    while let Ok(event) = types.try_recv() {
        if let ServiceEvent::ServiceFound(_, kind) = event
            && followed.len() < MOST_TYPES
            && kind.len() < LONGEST
            && !followed.contains_key(&kind)
            && let Ok(events) = daemon.browse(&kind)
        {
            followed.insert(kind, events);
        }
    }
}

/// Asks for what mdns-sd leaves unresolved, with sockets on the same interfaces.
fn resolver(context: &Context<'_>, report: &mut Report) -> Resolver {
    let mut sockets = Vec::new();
    for interface in interfaces() {
        if !context.interfaces.iter().any(|chosen| chosen.index == interface.index) {
            continue;
        }
        match MdnsSocket::open(&interface) {
            Ok(opened) => sockets.extend(opened),
            Err(error) => report.notes.push(format!(
                "cannot ask for what is announced by multicast DNS on {}: {error}",
                interface.name
            )),
        }
    }
    Resolver::new(sockets, wall_clock().micros() as u16)
}

/// A service as mdns-sd has resolved it.
fn resolved(kind: &str, service: ResolvedService) -> Resolved {
    let texts = service.txt_properties.iter();
    Resolved {
        kind: kind.to_owned(),
        instance: instance_of(kind, &service.fullname).unwrap_or_default().to_owned(),
        texts: texts
            .map(|property| (property.key().to_owned(), property.val_str().to_owned()))
            .collect(),
        addresses: service.addresses.iter().map(mdns_sd::ScopedIp::to_ip_addr).collect(),
        host: service.host,
    }
}

/// Adds a service to the report: an announcement for each of its addresses.
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
