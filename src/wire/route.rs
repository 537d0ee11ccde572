//! The default routes of this host, as the kernel prints them (proc(5)).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `RTF_UP` of `<linux/route.h>`.
const UP: u32 = 0x1;
/// `RTF_UP` and `RTF_GATEWAY`.
const UP_WITH_GATEWAY: u32 = 0x3;

/// A default route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultRoute {
    /// The interface it leads out of.
    pub interface: String,
    /// The next hop; none on a point-to-point link.
    pub gateway: Option<IpAddr>,
    /// The kernel uses the route with the lowest metric.
    pub metric: u32,
}

/// The default routes in `/proc/net/route`. Its columns are interface, destination, gateway, flags, two counters, metric
/// and mask; addresses are integers in the byte order of the host.
pub fn read_v4(text: &str) -> Vec<DefaultRoute> {
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

/// The default routes in `/proc/net/ipv6_route`. Its columns are destination and its length, source and its length, next
/// hop, metric, two counters, flags and interface; numbers are hexadecimal.
pub fn read_v6(text: &str) -> Vec<DefaultRoute> {
    let route = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let hex = |at: usize| u32::from_str_radix(columns.get(at)?, 16).ok();
        let interface = (*columns.get(9)?).to_owned();
        if hex(1)? != 0 || hex(8)? & UP_WITH_GATEWAY != UP_WITH_GATEWAY || interface == "lo" {
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
        let found = read_v4(v4);
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
        let found = read_v6(v6);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].gateway, Some("fe80::1".parse().unwrap()));
    }
}
