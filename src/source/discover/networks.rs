//! Which networks to scan, and from which interface: the host's own IPv4 networks up to /16, or those the user lists.

use std::net::Ipv4Addr;

use crate::model::{Mac, Network};
use crate::net::Interface;

/// The prefix length of the largest network that is scanned, with 65,534 addresses.
pub const LARGEST: u8 = 16;

/// The interfaces that are left alone unless the user says otherwise: those of containers and virtual machines.
pub const EXCLUDED: [&str; 4] = ["docker*", "br-*", "veth*", "virbr*"];

/// A network to scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanNetwork {
    /// The network.
    pub network: Network,
    /// This host's interface in the network; none where the network is behind a router.
    pub interface: Option<LocalInterface>,
}

/// An interface of this host in a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalInterface {
    /// Its name.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// This host's address in the network.
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

/// The interfaces that discovery uses: those that run, without loopback and those that match a pattern.
pub fn interfaces_in_use<'a>(all: &'a [Interface], exclude: &[String]) -> Vec<&'a Interface> {
    let excluded = |interface: &Interface| exclude.iter().any(|pattern| matches(pattern, &interface.name));
    all.iter()
        .filter(|interface| interface.running && !interface.loopback && !excluded(interface))
        .collect()
}

/// The networks of these interfaces, and a line for each network that is too large to be scanned.
pub fn own_networks(interfaces: &[&Interface]) -> (Vec<ScanNetwork>, Vec<String>) {
    let mut networks: Vec<ScanNetwork> = Vec::new();
    let mut left_out = Vec::new();
    for interface in interfaces {
        for (address, network) in &interface.v4 {
            if network.length() == 32 || address.is_link_local() {
                continue; // A /32 has no other host; a /31 has one (RFC 3021).
            }
            if network.length() < LARGEST {
                left_out.push(format!(
                    "{network} on {} is larger than /{LARGEST}: list the parts of it to scan in discovery.networks",
                    interface.name
                ));
                continue;
            }
            networks.push(ScanNetwork {
                network: *network,
                interface: Some(local_interface(interface, *address)),
            });
        }
    }
    (without_overlaps(networks), left_out)
}

/// Leaves out networks within another one on the same interface, so that no address is asked twice. Of equal networks the
/// first stays: a host with cable and Wi-Fi is in one network twice. A part of a network on another interface is another
/// link, and stays.
fn without_overlaps(mut networks: Vec<ScanNetwork>) -> Vec<ScanNetwork> {
    let index = |scanned: &ScanNetwork| scanned.interface.as_ref().map(|interface| interface.index);
    networks.sort_by_key(|scanned| scanned.network.length());
    let mut kept: Vec<ScanNetwork> = Vec::new();
    for scanned in networks {
        let covers = |other: &ScanNetwork| {
            other.network == scanned.network
                || (index(other) == index(&scanned) && other.network.covers(scanned.network))
        };
        if !kept.iter().any(covers) {
            kept.push(scanned);
        }
    }
    kept.sort_by_key(|scanned| scanned.network);
    kept
}

/// A network that the user lists. It is split where only a part of it is on an interface of this host.
pub fn scan_networks(network: Network, interfaces: &[&Interface]) -> Vec<ScanNetwork> {
    for interface in interfaces {
        for (address, on_link) in &interface.v4 {
            if on_link.covers(network) {
                return vec![ScanNetwork {
                    network,
                    interface: Some(local_interface(interface, *address)),
                }];
            }
        }
    }
    let within = |interface: &&Interface| interface.v4.iter().any(|(_, on_link)| network.covers(*on_link));
    if network.length() < 32 && interfaces.iter().any(within) {
        let half = network.length() + 1;
        return [network.first(), network.last()]
            .into_iter()
            .flat_map(|address| scan_networks(Network::of(address, half), interfaces))
            .collect();
    }
    vec![ScanNetwork {
        network,
        interface: None,
    }]
}

fn local_interface(interface: &Interface, address: Ipv4Addr) -> LocalInterface {
    LocalInterface {
        name: interface.name.clone(),
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
        let (networks, left_out) = own_networks(&interfaces_in_use(&all, &exclude));
        let texts: Vec<String> = networks.iter().map(|scanned| scanned.network.to_string()).collect();
        assert_eq!(
            texts,
            ["10.8.0.0/31", "172.20.4.0/22", "172.20.6.0/24", "192.168.1.0/24"]
        );
        let last = networks[3].interface.as_ref();
        assert_eq!(last.map(|interface| interface.name.as_str()), Some("eth0"));
        assert!(
            left_out.len() == 1 && left_out[0].contains("10.0.0.0/8 on eth1"),
            "{left_out:?}"
        );
    }

    #[test]
    fn a_listed_network_is_on_an_interface_behind_a_router_or_both() {
        let all = [interface("eth0", &["10.77.4.1/22"])];
        let all: Vec<&Interface> = all.iter().collect();
        let parts = |text: &str| -> Vec<(String, bool)> {
            scan_networks(text.parse().unwrap(), &all)
                .into_iter()
                .map(|part| (part.network.to_string(), part.interface.is_some()))
                .collect()
        };
        assert_eq!(parts("10.77.5.0/24"), [("10.77.5.0/24".into(), true)]);
        assert_eq!(parts("10.78.0.0/24"), [("10.78.0.0/24".into(), false)]);
        assert_eq!(
            parts("10.77.0.0/21"),
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
