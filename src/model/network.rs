//! An IPv4 network in prefix notation (RFC 4632).

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A prefix: the address has no bits beyond its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    base: u32,
    length: u8,
}

impl Network {
    /// The network of this length that holds an address; lengths past 32 count as 32.
    pub fn of(address: Ipv4Addr, length: u8) -> Self {
        let length = length.min(32);
        let base = u32::from(address) & Self::mask(length);
        Self { base, length }
    }

    fn mask(length: u8) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
    }

    /// How many leading bits are fixed.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// The lowest address: no host has it, but in networks of one or two addresses (RFC 3021).
    pub fn first(self) -> Ipv4Addr {
        self.base.into()
    }

    /// The highest: the broadcast address.
    pub fn last(self) -> Ipv4Addr {
        (self.base | !Self::mask(self.length)).into()
    }

    /// Whether an address is in it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & Self::mask(self.length) == self.base
    }

    /// Whether all of another network is in it.
    pub fn covers(self, other: Self) -> bool {
        self.length <= other.length && self.contains(other.first())
    }

    /// The addresses a host can have: neither the network's own nor broadcast.
    pub fn hosts(self) -> impl Iterator<Item = Ipv4Addr> {
        let edge = u32::from(self.length < 31);
        (self.base + edge..=u32::from(self.last()) - edge).map(Ipv4Addr::from)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first(), self.length)
    }
}

impl FromStr for Network {
    type Err = String;

    /// Reads `192.168.1.0/24`, or one address.
    fn from_str(text: &str) -> Result<Self, String> {
        const HINT: &str = "write it as in 192.168.1.0/24";
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, length.parse::<u8>().ok().filter(|length| *length <= 32)),
            None => (text, Some(32)),
        };
        let address: Ipv4Addr = address.parse().map_err(|_| format!("not an IPv4 network: {HINT}"))?;
        let length = length.ok_or_else(|| "the prefix length is a number from 0 to 32".to_owned())?;
        let network = Self::of(address, length);
        if network.first() == address {
            Ok(network)
        } else {
            Err(format!(
                "the address has bits beyond its prefix: did you mean {network}?"
            ))
        }
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_neither_network_nor_broadcast() {
        for (text, count, first) in [
            ("10.0.0.0/24", 254, "10.0.0.1"),
            ("10.0.0.0/30", 2, "10.0.0.1"),
            ("10.0.0.0/31", 2, "10.0.0.0"),
            ("10.0.0.7", 1, "10.0.0.7"),
            ("10.77.48.0/20", 4094, "10.77.48.1"),
            ("255.255.255.254/31", 2, "255.255.255.254"),
        ] {
            let network: Network = text.parse().unwrap();
            assert_eq!(network.hosts().count(), count, "{text}");
            assert_eq!(network.hosts().next(), Some(first.parse().unwrap()), "{text}");
        }
        assert_eq!("0.0.0.0/0".parse::<Network>().unwrap().last(), Ipv4Addr::BROADCAST);
    }

    #[test]
    fn refuses_with_the_reason() {
        for (text, part) in [
            ("10.0.0.1/24", "did you mean 10.0.0.0/24"),
            ("10.0.0.0/33", "0 to 32"),
            ("eth0", "not an IPv4 network"),
            ("fd00::/64", "not an IPv4 network"),
        ] {
            let error = text.parse::<Network>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn covering() {
        let network = |text: &str| text.parse::<Network>().unwrap();
        assert!(network("10.77.0.0/16").covers(network("10.77.48.0/20")));
        assert!(!network("10.77.48.0/20").covers(network("10.77.0.0/16")));
        assert!(!network("10.78.0.0/16").covers(network("10.77.48.0/20")));
    }
}
