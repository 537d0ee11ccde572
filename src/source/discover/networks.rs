//! Which networks to scan, on which interface, as whom.
//!
//! Owns the choice: the host's own IPv4 networks up to /16, without loopback and what matches the excludes; or those
//! the user lists. Gets the interfaces; gives `ScanNetwork`s, and says what was left out and why.

use std::net::Ipv4Addr;

use crate::model::{Mac, Network};
use crate::net::Interface;

/// The largest network that is scanned: 65,534 addresses.
pub const LARGEST: u8 = 16;

/// What is left out unless the user says otherwise: networks of containers and virtual machines on this host.
pub const EXCLUDED: [&str; 4] = ["docker*", "br-*", "veth*", "virbr*"];

/// A network to scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanNetwork {
    /// The network.
    pub network: Network,
    /// The interface it is on; none for one that is reached through a router.
    pub link: Option<LocalInterface>,
}

/// This host's place in a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalInterface {
    /// The interface's name.
    pub interface: String,
    /// The interface's index.
    pub index: u32,
    /// This host's address there.
    pub address: Ipv4Addr,
    /// Its hardware address, where ARP works.
    pub mac: Option<Mac>,
}

/// Whether a name matches a pattern in which `*` stands for any text.
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name
            .strip_prefix(head)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches(tail, &rest[at..]))),
    }
}

/// The interfaces that discovery may use.
pub fn usable<'a>(all: &'a [Interface], exclude: &[String]) -> Vec<&'a Interface> {
    let excluded = |interface: &Interface| exclude.iter().any(|pattern| matches(pattern, &interface.name));
    all.iter()
        .filter(|interface| interface.running && !interface.loopback && !excluded(interface))
        .collect()
}

/// The host's own networks, and what of them is too large to be scanned.
pub fn own(interfaces: &[&Interface]) -> (Vec<ScanNetwork>, Vec<String>) {
    let mut areas: Vec<ScanNetwork> = Vec::new();
    let mut left_out = Vec::new();
    for interface in interfaces {
        for (address, network) in &interface.v4 {
            if network.length() == 32 || address.is_link_local() {
                continue; // nobody else is there; in a /31 there is one (RFC 3021)
            }
            if network.length() < LARGEST {
                left_out.push(format!(
                    "{network} on {} is larger than /{LARGEST}: list the parts of it to scan in discovery.networks",
                    interface.name
                ));
                continue;
            }
            areas.push(ScanNetwork {
                network: *network,
                link: Some(door(interface, *address)),
            });
        }
    }
    (apart(areas), left_out)
}

/// Without those that are a part of another on the same interface: nobody is asked twice. Of equal ones the first stays,
/// for a host with a cable and Wi-Fi is in one network twice; a part on another interface is another wire.
fn apart(mut areas: Vec<ScanNetwork>) -> Vec<ScanNetwork> {
    let interface = |area: &ScanNetwork| area.link.as_ref().map(|door| door.index);
    areas.sort_by_key(|area| area.network.length());
    let mut all: Vec<ScanNetwork> = Vec::new();
    for area in areas {
        let same = |other: &ScanNetwork| {
            other.network == area.network
                || (interface(other) == interface(&area) && other.network.covers(area.network))
        };
        if !all.iter().any(same) {
            all.push(area);
        }
    }
    all.sort_by_key(|area| area.network);
    all
}

/// A network that the user asks for, split where only a part of it is on an interface.
pub fn area(network: Network, interfaces: &[&Interface]) -> Vec<ScanNetwork> {
    for interface in interfaces {
        for (address, on_link) in &interface.v4 {
            if on_link.covers(network) {
                return vec![ScanNetwork {
                    network,
                    link: Some(door(interface, *address)),
                }];
            }
        }
    }
    let within = |interface: &&&Interface| interface.v4.iter().any(|(_, on_link)| network.covers(*on_link));
    if network.length() < 32 && interfaces.iter().any(|interface| within(&interface)) {
        let half = network.length() + 1;
        return [network.first(), network.last()]
            .into_iter()
            .flat_map(|address| area(Network::of(address, half), interfaces))
            .collect();
    }
    vec![ScanNetwork { network, link: None }]
}

fn door(interface: &Interface, address: Ipv4Addr) -> LocalInterface {
    LocalInterface {
        interface: interface.name.clone(),
        index: interface.index,
        address,
        mac: interface.mac.filter(|_| interface.broadcast),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, networks: &[&str]) -> Interface {
        let v4 = networks.iter().map(|text| {
            let (address, length) = text.split_once('/').unwrap();
            let address = address.parse().unwrap();
            (address, Network::of(address, length.parse().unwrap()))
        });
        Interface {
            name: name.into(),
            v4: v4.collect(),
            mac: Some(Mac([2, 0, 0, 0, 0, 1])),
            running: true,
            broadcast: true,
            loopback: name == "lo",
            ..Interface::default()
        }
    }

    #[test]
    fn the_hosts_own_networks() {
        let all = [
            interface("lo", &["127.0.0.1/8"]),
            interface("eth0", &["192.168.1.7/24", "192.168.1.8/24", "169.254.3.4/16"]),
            interface("eth1", &["10.0.0.1/8"]),
            interface("docker0", &["172.17.0.1/16"]),
            interface("wg0", &["10.9.0.2/32"]),
            interface(
                "eth2",
                &["192.168.1.9/24", "10.8.0.0/31", "172.20.4.1/22", "172.20.5.1/24"],
            ),
            Interface {
                index: 3,
                ..interface("eth3", &["172.20.6.1/24"])
            },
        ];
        let exclude = EXCLUDED.map(str::to_owned);
        let (areas, left_out) = own(&usable(&all, &exclude));
        let networks: Vec<String> = areas.iter().map(|area| area.network.to_string()).collect();
        assert_eq!(
            networks,
            ["10.8.0.0/31", "172.20.4.0/22", "172.20.6.0/24", "192.168.1.0/24"]
        );
        assert_eq!(areas[3].link.as_ref().map(|door| door.interface.as_str()), Some("eth0"));
        assert!(
            left_out.len() == 1 && left_out[0].contains("10.0.0.0/8 on eth1"),
            "{left_out:?}"
        );
    }

    #[test]
    fn a_listed_network_is_on_an_interface_behind_a_router_or_both() {
        let all = [interface("eth0", &["10.77.4.1/22"])];
        let all: Vec<&Interface> = all.iter().collect();
        let areas = |text: &str| -> Vec<(String, bool)> {
            area(text.parse().unwrap(), &all)
                .into_iter()
                .map(|area| (area.network.to_string(), area.link.is_some()))
                .collect()
        };
        assert_eq!(areas("10.77.5.0/24"), [("10.77.5.0/24".into(), true)]);
        assert_eq!(areas("10.78.0.0/24"), [("10.78.0.0/24".into(), false)]);
        assert_eq!(
            areas("10.77.0.0/21"),
            [("10.77.0.0/22".into(), false), ("10.77.4.0/22".into(), true)]
        );
    }

    #[test]
    fn patterns() {
        for (pattern, name, yes) in [
            ("docker*", "docker0", true),
            ("docker*", "mydocker0", false),
            ("*", "x", true),
            ("e*0", "eth0", true),
            ("e*0", "eth1", false),
            ("eth0", "eth0", true),
            ("eth0", "eth01", false),
        ] {
            assert_eq!(matches(pattern, name), yes, "{pattern} {name}");
        }
    }
}
