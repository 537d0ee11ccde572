//! Watches this host's own link and its gateway, so that its own trouble is not taken for everybody else's.
//!
//! 1. What leads out are the interfaces of the default routes; while there are none, those of the last ones (a network
//!    manager takes the routes away with the carrier); where there never were any, all but loopback.
//! 2. The link is down when none of these runs. Where there is none, nothing can be said.
//! 3. The gateway is pinged as long as the internet is watched.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::ask::{Ask, input};
use crate::model::{Address, Job, Link, Network, Probe, Subject};
use crate::net::{Interface, default_routes, interfaces};
use crate::state::Input;
use crate::targets::Diff;
use crate::wire::route::DefaultRoute;

/// Between two looks: a device takes three failures to be down, which is longer.
const LOOK: Duration = Duration::from_secs(1);
/// The gateway is pinged at least this often.
const GATEWAY_EVERY: Duration = Duration::from_secs(5);

/// How to ping the gateway: interval and time-out; none while the internet is not watched.
pub type Pace = Option<(Duration, Duration)>;

/// Runs until nobody listens.
pub async fn run(asks: mpsc::Sender<Ask>, changes: mpsc::Sender<Diff>, pace: watch::Receiver<Pace>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = BTreeSet::new();
    let mut last: Option<Link> = None;
    let mut running: Option<Job> = None;
    loop {
        ticks.tick().await;
        let (interfaces, routes) = (interfaces(), default_routes());
        let mut link = judge(&interfaces, &routes, &mut known);
        link.network = match (&last, link.gateway) {
            (Some(last), gateway) if last.gateway == gateway && last.network.is_some() => last.network,
            (_, Some(IpAddr::V4(gateway))) => network(gateway),
            _ => None,
        };
        let wanted = pace.borrow().and_then(|pace| job(&routes, pace));
        if wanted != running {
            let diff = Diff {
                stop: running.iter().map(Job::key).collect(),
                start: wanted.iter().cloned().collect(),
                keep: 0,
            };
            if changes.send(diff).await.is_err() {
                return;
            }
            running = wanted;
        }
        if last.as_ref() != Some(&link) {
            if !input(&asks, Input::Link(link.clone())).await {
                return;
            }
            last = Some(link);
        }
    }
}

/// The smallest of this host's networks that has the gateway.
fn network(gateway: Ipv4Addr) -> Option<Network> {
    let networks = interfaces()
        .into_iter()
        .flat_map(|interface| interface.v4)
        .map(|(_, network)| network);
    networks
        .filter(|network| network.contains(gateway))
        .max_by_key(|network| network.length())
}

/// Rules 1 and 2.
fn judge(interfaces: &[Interface], routes: &[DefaultRoute], known: &mut BTreeSet<String>) -> Link {
    if !routes.is_empty() {
        *known = routes.iter().map(|route| route.interface.clone()).collect();
    }
    let leads_out =
        |interface: &&Interface| !interface.loopback && (known.is_empty() || known.contains(&interface.name));
    let outward: Vec<_> = interfaces.iter().filter(leads_out).collect();
    let up = outward.iter().any(|interface| interface.running);
    // The interface of the last route may be gone altogether: an unplugged adapter.
    let judged = !outward.is_empty() || !known.is_empty();
    Link {
        up: judged.then_some(up),
        gateway: routes.iter().find_map(|route| route.gateway),
        network: None,
    }
}

/// Rule 3.
fn job(routes: &[DefaultRoute], (interval, timeout): (Duration, Duration)) -> Option<Job> {
    let (gateway, interface) = routes
        .iter()
        .find_map(|route| Some((route.gateway?, &route.interface)))?;
    let address = match gateway {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Address::Scoped(ip, interface.clone()),
        ip => Address::Ip(ip),
    };
    Some(Job {
        subject: Subject::Gateway,
        address,
        probe: Probe::echo("gateway", interval.min(GATEWAY_EVERY), timeout).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, running: bool) -> Interface {
        Interface {
            name: name.into(),
            running,
            loopback: name == "lo",
            ..Interface::default()
        }
    }

    fn route(name: &str) -> DefaultRoute {
        DefaultRoute {
            interface: name.into(),
            gateway: Some([10, 0, 0, 1].into()),
            metric: 100,
        }
    }

    #[test]
    fn the_link_is_that_of_the_way_out() {
        let up = |interfaces: &[Interface], routes: &[DefaultRoute], known: &mut BTreeSet<String>| {
            judge(interfaces, routes, known).up
        };
        let (lo, docker) = (interface("lo", true), interface("docker0", true));
        let mut known = BTreeSet::new();
        assert_eq!(up(std::slice::from_ref(&lo), &[], &mut known), None, "nothing to judge");
        let lan = [lo.clone(), interface("eth0", true)];
        assert_eq!(up(&lan, &[], &mut known), Some(true), "no route, yet a LAN");
        let all = [lo.clone(), interface("eth0", true), docker.clone()];
        assert_eq!(up(&all, &[route("eth0")], &mut known), Some(true));
        let dead = [lo.clone(), interface("eth0", false), docker.clone()];
        assert_eq!(up(&dead, &[route("eth0")], &mut known), Some(false), "no carrier");
        assert_eq!(up(&dead, &[], &mut known), Some(false), "the route went with it");
        assert_eq!(up(&[lo, docker], &[], &mut known), Some(false), "so did the interface");
        assert_eq!(up(&all, &[route("eth0")], &mut known), Some(true), "it is back");
    }

    #[test]
    fn a_gateway_on_the_link_has_its_interface() {
        let mut route = route("eth0");
        let pace = (Duration::from_secs(15), Duration::from_secs(2));
        assert_eq!(
            job(std::slice::from_ref(&route), pace).unwrap().address,
            Address::Ip([10, 0, 0, 1].into())
        );
        route.gateway = Some("fe80::1".parse().unwrap());
        let job = job(&[route], pace).unwrap();
        assert_eq!(job.address.to_string(), "fe80::1%eth0");
        assert_eq!(job.probe.interval, GATEWAY_EVERY);
    }
}
