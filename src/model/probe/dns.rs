//! What a DNS probe asks, and what an answer tells.

use serde::{Deserialize, Serialize};

use super::TlsSettings;
use crate::model::{Address, Pattern};

/// A record type that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordType(pub u16);

const TYPES: [(&str, u16); 14] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("DS", 43),
    ("DNSKEY", 48),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("CAA", 257),
];

impl RecordType {
    /// By its name, as in `AAAA`.
    pub fn parse(text: &str) -> Option<Self> {
        let known = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        known.map(|(_, number)| Self(*number))
    }

    /// The names that [`RecordType::parse`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TYPES.iter().map(|(name, _)| *name)
    }
}

/// A DNS query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DnsProbe {
    /// The server; the target itself where absent.
    pub server: Option<Address>,
    /// The port.
    pub port: u16,
    /// How to ask.
    pub transport: DnsTransport,
    /// The name to ask for.
    pub query: String,
    /// The type to ask for.
    pub record_type: RecordType,
    /// Whether the server shall ask others.
    pub recursion: bool,
    /// What counts as success.
    pub expect: DnsExpect,
}

/// How to ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DnsTransport {
    /// UDP, and TCP where the answer does not fit.
    Udp,
    /// TCP.
    Tcp,
    /// TLS.
    Tls(TlsSettings),
}

/// What counts as success.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DnsExpect {
    /// Response codes; none means NOERROR.
    pub rcodes: Vec<u16>,
    /// Each of these must match a record of the answer, in the form `dig +short` has.
    pub answers: Vec<Pattern>,
}

/// What a DNS server answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsFacts {
    /// The response code (RFC 1035, RFC 6895).
    pub rcode: u16,
    /// Records in the answer section.
    pub answers: u32,
    /// Records in the authority section.
    pub authority: u32,
    /// Records in the additional section.
    pub additional: u32,
    /// The serial of a SOA record in the answer.
    pub serial: Option<u32>,
}
