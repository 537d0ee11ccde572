//! The interfaces of this host and the networks they are in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pnet::datalink;
use pnet::ipnetwork::IpNetwork;

use crate::model::{Mac, Network};

/// A network interface of this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// Its hardware address, where it has one.
    pub mac: Option<Mac>,
    /// Its IPv4 addresses and their networks.
    pub v4: Vec<(Ipv4Addr, Network)>,
    /// Its IPv6 addresses.
    pub v6: Vec<Ipv6Addr>,
    /// Switched on, and with carrier. Carrier is `IFF_LOWER_UP`; `IFF_RUNNING` means the same but comes up to a second late.
    pub running: bool,
    /// Leads to this host only.
    pub loopback: bool,
    /// Broadcasts reach every host on it, so ARP works.
    pub broadcast: bool,
}

/// All interfaces of this host, by index; empty where the system does not tell.
pub fn interfaces() -> Vec<Interface> {
    let mut all: Vec<Interface> = datalink::interfaces().into_iter().map(Interface::from).collect();
    all.sort_by_key(|interface| interface.index);
    all
}

impl From<datalink::NetworkInterface> for Interface {
    fn from(from: datalink::NetworkInterface) -> Self {
        let has = |flag: libc::c_int| from.flags & flag.cast_unsigned() != 0;
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for ip in &from.ips {
            match ip {
                // pnet gives prefix 0 where the system gives no mask.
                IpNetwork::V4(ip) => v4.push((
                    ip.ip(),
                    Network::of(ip.ip(), if ip.prefix() == 0 { 32 } else { ip.prefix() }),
                )),
                IpNetwork::V6(ip) => v6.push(ip.ip()),
            }
        }
        let mac = from.mac.map(|mac| Mac(mac.octets())).filter(|mac| mac.0 != [0; 6]);
        Self {
            running: has(libc::IFF_UP) && has(libc::IFF_LOWER_UP),
            loopback: has(libc::IFF_LOOPBACK),
            broadcast: has(libc::IFF_BROADCAST) && !has(libc::IFF_NOARP) && mac.is_some(),
            name: from.name,
            index: from.index,
            mac,
            v4,
            v6,
        }
    }
}

/// Whether the interface of this name is switched on and has carrier.
pub fn is_running(name: &str) -> bool {
    let running = |interface: &datalink::NetworkInterface| {
        let both = (libc::IFF_UP | libc::IFF_LOWER_UP).cast_unsigned();
        interface.name == name && interface.flags & both == both
    };
    datalink::interfaces().iter().any(running)
}

impl Interface {
    /// Whether this is one of the interface's own addresses.
    pub fn owns(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.iter().any(|(own, _)| *own == address),
            IpAddr::V6(address) => self.v6.contains(&address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_among_the_interfaces() {
        assert!(interfaces().iter().any(|interface| interface.loopback));
    }
}
