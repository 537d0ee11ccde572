//! This host's way out: its interfaces and default routes, as the kernel has them (getifaddrs(3), proc(5)).
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `RTF_UP` and `RTF_GATEWAY` of `<linux/route.h>`.
const USABLE: u32 = 0x3;
const UP: u32 = 0x1;
/// `IFF_LOWER_UP` of `<linux/if.h>`: carrier. `IFF_RUNNING` says the same, but up to a second late.
const LOWER_UP: libc::c_int = 0x10000;

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Switched on, and with carrier.
    pub running: bool,
    /// This host itself.
    pub loopback: bool,
}

/// A default route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultRoute {
    /// The interface it leads out of.
    pub interface: String,
    /// The next hop; none on a point-to-point link.
    pub gateway: Option<IpAddr>,
    /// The least is used.
    pub metric: u32,
}

/// The interfaces of this host; empty where the system does not say.
pub fn interfaces() -> Vec<Interface> {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: a pointer to a live local; on success the list is ours until freeifaddrs below.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Vec::new();
    }
    let mut found: Vec<Interface> = Vec::new();
    let mut at = list;
    while !at.is_null() {
        // SAFETY: `at` is an element of the list, which lives until freeifaddrs; its name is NUL-terminated.
        let (name, flags, next) = unsafe { (CStr::from_ptr((*at).ifa_name), (*at).ifa_flags, (*at).ifa_next) };
        let name = name.to_string_lossy().into_owned();
        let has = |flag: libc::c_int| flags & flag.cast_unsigned() != 0;
        if !found.iter().any(|known| known.name == name) {
            found.push(Interface {
                name,
                running: has(libc::IFF_UP) && has(LOWER_UP),
                loopback: has(libc::IFF_LOOPBACK),
            });
        }
        at = next;
    }
    // SAFETY: what getifaddrs gave, freed once.
    unsafe { libc::freeifaddrs(list) };
    found
}

/// The default routes, IPv4 first, the one in use first.
pub fn default_routes() -> Vec<DefaultRoute> {
    let mut v4 = routes_v4(&fs::read_to_string("/proc/net/route").unwrap_or_default());
    let mut v6 = routes_v6(&fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default());
    v4.sort_by_key(|route| route.metric);
    v6.sort_by_key(|route| route.metric);
    v4.append(&mut v6);
    v4
}

/// `/proc/net/route`: interface, destination, gateway, flags, two counters, metric, mask; addresses as the host's
/// integers.
fn routes_v4(text: &str) -> Vec<DefaultRoute> {
    let route = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let hex = |at: usize| u32::from_str_radix(columns.get(at)?, 16).ok();
        let flags = hex(3)?;
        if hex(1)? != 0 || hex(7)? != 0 || flags & UP == 0 {
            return None;
        }
        let gateway = Ipv4Addr::from(hex(2)?.to_ne_bytes());
        Some(DefaultRoute {
            interface: (*columns.first()?).to_owned(),
            gateway: (!gateway.is_unspecified()).then_some(gateway.into()),
            metric: columns.get(6)?.parse().ok()?,
        })
    };
    text.lines().skip(1).filter_map(route).collect()
}

/// `/proc/net/ipv6_route`: destination and its length, source and its length, next hop, metric, two counters, flags,
/// interface; all in hexadecimal.
fn routes_v6(text: &str) -> Vec<DefaultRoute> {
    let route = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let hex = |at: usize| u32::from_str_radix(columns.get(at)?, 16).ok();
        let interface = (*columns.get(9)?).to_owned();
        if hex(1)? != 0 || hex(8)? & USABLE != USABLE || interface == "lo" {
            return None;
        }
        let gateway = u128::from_str_radix(columns.get(4)?, 16).ok()?;
        Some(DefaultRoute {
            interface,
            gateway: (gateway != 0).then_some(Ipv6Addr::from(gateway).into()),
            metric: hex(5)?,
        })
    };
    text.lines().filter_map(route).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_routes_are_found_among_the_others() {
        let v4 = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                  eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
                  eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n\
                  wg0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n\
                  junk\n";
        let found = routes_v4(v4);
        assert_eq!(found.len(), 2);
        if cfg!(target_endian = "little") {
            assert_eq!(found[0].gateway, Some([192, 168, 1, 1].into()));
        }
        assert_eq!((found[1].gateway, found[1].metric), (None, 50));
        let v6 = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                  fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n\
                  fe800000000000000000000000000000 40 00000000000000000000000000000000 00 \
                  00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n\
                  00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                  00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";
        let found = routes_v6(v6);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].gateway, Some("fe80::1".parse().unwrap()));
    }

    #[test]
    fn loopback_is_among_the_interfaces() {
        assert!(interfaces().iter().any(|interface| interface.loopback));
    }
}
