//! Which addresses count as one client.

use std::net::{IpAddr, Ipv6Addr};

/// The network of a client: an IPv4 address, or the /64 that one IPv6 client can use at will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientNetwork(IpAddr);

impl ClientNetwork {
    /// Stands for all networks that there is no more room for.
    pub const OTHERS: Self = Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED));

    /// The network of an address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(ip) if !ip.is_loopback() => {
                let bits = ip.to_bits() & !u128::from(u64::MAX);
                Ipv6Addr::from_bits(bits).into()
            }
            ip => ip,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_client_has_a_whole_network() {
        let network = |text: &str| ClientNetwork::of(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_ne!(network("::1"), ClientNetwork::OTHERS);
    }
}
