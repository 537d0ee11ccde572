//! The host's interfaces and the networks they are in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pnet::datalink;
use pnet::ipnetwork::IpNetwork;

use crate::model::{Mac, Network};

/// One interface as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nic {
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
    /// Up, with a cable or its like. By `IFF_LOWER_UP`: the kernel may take a second over `IFF_RUNNING`.
    pub running: bool,
    /// Only this host is on it.
    pub loopback: bool,
    /// Everybody on it hears a broadcast, so that ARP works.
    pub broadcast: bool,
}

/// All interfaces, in the order of their indices.
pub fn nics() -> Vec<Nic> {
    let mut all: Vec<Nic> = datalink::interfaces().into_iter().map(interface).collect();
    all.sort_by_key(|interface| interface.index);
    all
}

fn interface(from: datalink::NetworkInterface) -> Nic {
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
    Nic {
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

/// Whether an interface is up and has its carrier.
pub fn is_running(name: &str) -> bool {
    let running = |interface: &datalink::NetworkInterface| {
        let both = (libc::IFF_UP | libc::IFF_LOWER_UP).cast_unsigned();
        interface.name == name && interface.flags & both == both
    };
    datalink::interfaces().iter().any(running)
}

impl Nic {
    /// Whether an address is this host's own.
    pub fn owns(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.iter().any(|(own, _)| *own == address),
            IpAddr::V6(address) => self.v6.contains(&address),
        }
    }
}
