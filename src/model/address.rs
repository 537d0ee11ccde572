//! Where a target is: an IP address, a link-local address with its interface, or a name to resolve.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which IP version a probe uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Family {
    /// IPv4 or IPv6, in the order the resolver gives; the other is tried where one refuses.
    #[default]
    Any,
    /// IPv4 only.
    Ip4,
    /// IPv6 only.
    Ip6,
}

impl Family {
    /// Whether an address is of this family.
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Ip4 => address.is_ipv4(),
            Self::Ip6 => address.is_ipv6(),
        }
    }

    /// The IP version, for people; `None` where both are allowed.
    pub const fn version(self) -> Option<&'static str> {
        match self {
            Self::Any => None,
            Self::Ip4 => Some("IPv4"),
            Self::Ip6 => Some("IPv6"),
        }
    }

    /// The word the configuration uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Ip4 => "ip4",
            Self::Ip6 => "ip6",
        }
    }
}

/// A target's address as configured.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// A literal address.
    Ip(IpAddr),
    /// A link-local address and the interface it is on: `fe80::1%eth0` (RFC 4007).
    Scoped(Ipv6Addr, String),
    /// A host name, resolved while the daemon runs.
    Name(String),
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing there.
    #[error("the address is empty: write an IP address or a host name")]
    Empty,
    /// A character or form no host name has (RFC 1123), or an address with a port, prefix or scheme.
    #[error("\"{0}\" is neither an IP address nor a host name{1}")]
    Malformed(String, &'static str),
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(ip));
        }
        if let Some((address, scope)) = text.split_once('%')
            && let Ok(ip) = address.parse::<Ipv6Addr>()
            && !scope.is_empty()
            && scope.len() < 16
            && !scope.contains(|c: char| c.is_whitespace() || c == '/')
        {
            return Ok(Self::Scoped(ip, scope.to_owned()));
        }
        let malformed = |hint| Err(AddressError::Malformed(text.chars().take(80).collect(), hint));
        if text.contains("://") {
            return malformed(": leave out the scheme, or use an http probe");
        }
        if text.contains('/') {
            return malformed(": one target is one host, so leave out the prefix length");
        }
        if text.contains(':') {
            return malformed(": leave out the port");
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let label_ok = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if name.len() > 253 || !name.split('.').all(label_ok) {
            return malformed("");
        }
        // 10.0.0.256 and 1.2.3 are slips of the pen, not names: no top-level domain is a number (RFC 3696).
        if name
            .rsplit('.')
            .next()
            .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
        {
            return malformed(": each of the four numbers of an IPv4 address is 0 to 255");
        }
        Ok(Self::Name(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Scoped(ip, scope) => write!(f, "{ip}%{scope}"),
            Self::Name(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_names() {
        assert_eq!("10.0.0.1".parse(), Ok(Address::Ip("10.0.0.1".parse().unwrap())));
        assert_eq!("::1".parse(), Ok(Address::Ip("::1".parse().unwrap())));
        assert_eq!(
            "fe80::1%eth0".parse(),
            Ok(Address::Scoped("fe80::1".parse().unwrap(), "eth0".into()))
        );
        for name in ["nas", "nas.lan", "NAS-2.home.arpa.", "my_printer", "bücher.example"] {
            assert_eq!(name.parse(), Ok(Address::Name(name.into())), "{name}");
        }
    }

    #[test]
    fn refuses_what_is_neither() {
        for (text, part) in [
            ("", "empty"),
            ("10.0.0.256", "0 to 255"),
            ("10.0.0", "0 to 255"),
            ("10.0.0.0/24", "prefix length"),
            ("nas:80", "port"),
            ("http://nas/", "scheme"),
            ("a b", "neither"),
            ("-nas", "neither"),
            ("nas..lan", "neither"),
            ("fe80::1%", "port"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
