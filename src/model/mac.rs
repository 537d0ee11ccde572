//! A hardware address (EUI-48), and what its bits say about whether it identifies anybody.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Six bytes, as on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac(pub [u8; 6]);

/// How far a hardware address can be trusted to stand for one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacKind {
    /// Given by the maker: stands for a device.
    Universal,
    /// Made up locally (the second bit of the first byte): phones that rotate theirs, virtual machines, containers.
    Local,
    /// Shared by several routers in turn (VRRP, CARP, HSRP, GLBP): stands for a service, never for a device.
    Virtual,
    /// Nobody's: zero, broadcast or multicast.
    Nobody,
}

/// The prefixes of addresses that move from router to router. Source: RFC 9568 section 7.3 (VRRP, used by CARP too),
/// and the ranges that Cisco documents for HSRP 1, HSRP 2, HSRP for IPv6 and GLBP.
const VIRTUAL: [&[u8]; 6] = [
    &[0x00, 0x00, 0x5e, 0x00, 0x01],
    &[0x00, 0x00, 0x5e, 0x00, 0x02],
    &[0x00, 0x00, 0x0c, 0x07, 0xac],
    &[0x00, 0x00, 0x0c, 0x9f],
    &[0x00, 0x05, 0x73, 0xa0],
    &[0x00, 0x07, 0xb4],
];

impl Mac {
    /// What it is good for.
    pub fn kind(self) -> MacKind {
        if self.0 == [0; 6] || self.0[0] & 1 == 1 {
            MacKind::Nobody
        } else if VIRTUAL.iter().any(|prefix| self.0.starts_with(prefix)) {
            MacKind::Virtual
        } else if self.0[0] & 2 == 2 {
            MacKind::Local
        } else {
            MacKind::Universal
        }
    }

    /// Whether it is one device's own: universal or local, neither of a group nor shared between routers.
    pub fn identifies(&self) -> bool {
        matches!(self.kind(), MacKind::Universal | MacKind::Local)
    }

    /// The last three bytes without colons, as in the names lanpulse gives: `3f2a1c`.
    pub fn tail(self) -> String {
        let [.., a, b, c] = self.0;
        format!("{a:02x}{b:02x}{c:02x}")
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02x}")?;
        rest.iter().try_for_each(|byte| write!(f, ":{byte:02x}"))
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Mac {
    type Err = String;

    /// Reads `aa:bb:cc:dd:ee:ff`, with colons or dashes, in either case.
    fn from_str(text: &str) -> Result<Self, String> {
        let bytes: Option<Vec<u8>> = text.split([':', '-']).map(byte).collect();
        bytes
            .and_then(|bytes| <[u8; 6]>::try_from(bytes).ok())
            .map(Self)
            .ok_or_else(|| "not a hardware address: write it as aa:bb:cc:dd:ee:ff".to_owned())
    }
}

/// Two hexadecimal digits, and no sign before them.
fn byte(part: &str) -> Option<u8> {
    let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    digits.then(|| u8::from_str_radix(part, 16).ok()).flatten()
}

impl TryFrom<String> for Mac {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (text, kind) in [
            ("00:11:22:33:44:55", MacKind::Universal),
            ("02:11:22:33:44:55", MacKind::Local),
            ("DA-A1-19-00-00-01", MacKind::Local),
            ("00:00:5e:00:01:0a", MacKind::Virtual),
            ("00:00:5e:00:02:0a", MacKind::Virtual),
            ("00:00:0c:07:ac:01", MacKind::Virtual),
            ("00:00:0c:9f:f0:01", MacKind::Virtual),
            ("00:07:b4:00:01:01", MacKind::Virtual),
            ("ff:ff:ff:ff:ff:ff", MacKind::Nobody),
            ("00:00:00:00:00:00", MacKind::Nobody),
            ("01:00:5e:00:00:01", MacKind::Nobody),
        ] {
            assert_eq!(text.parse::<Mac>().unwrap().kind(), kind, "{text}");
        }
    }

    #[test]
    fn reads_and_prints() {
        let mac: Mac = "AA-bb-0c-3F-2a-1c".parse().unwrap();
        assert_eq!(
            (mac.to_string().as_str(), mac.tail().as_str()),
            ("aa:bb:0c:3f:2a:1c", "3f2a1c")
        );
        for text in [
            "",
            "aa:bb",
            "aa:bb:cc:dd:ee:ff:00",
            "aa:bb:cc:dd:ee:fg",
            "aabbccddeeff",
            "+a:bb:cc:dd:ee:ff",
        ] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
    }
}
