//! What a check of a service (TCP, TLS, HTTP, DNS) saw in one run.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Failure, Timestamp};

/// A part of a check: the `phase` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The name to an address.
    Resolve,
    /// The TCP connection, or the socket of a DNS query.
    Connect,
    /// The TLS handshake.
    Tls,
    /// From the request to the first byte of the answer.
    Processing,
    /// From the first byte to the last.
    Transfer,
    /// All of it.
    Total,
}

impl Phase {
    /// All of them, in the order they come.
    pub const ALL: [Self; 6] = [
        Self::Resolve,
        Self::Connect,
        Self::Tls,
        Self::Processing,
        Self::Transfer,
        Self::Total,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Processing => "processing",
            Self::Transfer => "transfer",
            Self::Total => "total",
        }
    }
}

/// How long each phase took; those a run did not come to are absent. Phases that happen again (redirects, a second
/// address) add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases([Option<Duration>; Phase::ALL.len()]);

impl Phases {
    /// Adds time to a phase.
    pub fn add(&mut self, phase: Phase, time: Duration) {
        *self.0[phase as usize].get_or_insert(Duration::ZERO) += time;
    }

    /// What a phase took.
    pub const fn get(&self, phase: Phase) -> Option<Duration> {
        self.0[phase as usize]
    }
}

/// One run of a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The address asked, once a name had resolved.
    pub address: Option<IpAddr>,
    /// Success, or why not.
    pub outcome: Result<(), Failure>,
    /// More about a failure, for people: never a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Arc<str>>,
    /// Where the time went.
    pub phases: Phases,
    /// What HTTP said, if it came to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpFacts>,
    /// What TLS said, if it came to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFacts>,
    /// What DNS said, if it came to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsFacts>,
}

impl Default for Check {
    fn default() -> Self {
        Self {
            address: None,
            outcome: Ok(()),
            detail: None,
            phases: Phases::default(),
            http: None,
            tls: None,
            dns: None,
        }
    }
}

/// The last answer of an HTTP check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HttpFacts {
    /// The status code.
    pub status: u16,
    /// 1.0 or 1.1.
    pub version: f64,
    /// Whether the last request went over TLS.
    pub tls: bool,
    /// Redirects followed.
    pub redirects: u32,
    /// `Content-Length`, if the server gave it.
    pub content_length: Option<u64>,
    /// Bytes of the body read.
    pub body_bytes: u64,
    /// `Last-Modified`, if the server gave it.
    pub last_modified: Option<Timestamp>,
}

/// What a TLS handshake showed, whether or not it was trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// The earliest `notAfter` (RFC 5280) of the certificates presented; absent where none could be read.
    pub earliest_expiry: Option<Timestamp>,
    /// The protocol, as in `TLS 1.3`; absent where the handshake did not end well.
    pub version: Option<Arc<str>>,
    /// The cipher suite, by its IANA name.
    pub cipher: Option<Arc<str>>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_add_up_and_keep_their_place() {
        let mut phases = Phases::default();
        phases.add(Phase::Connect, Duration::from_millis(2));
        phases.add(Phase::Connect, Duration::from_millis(3));
        assert_eq!(phases.get(Phase::Connect), Some(Duration::from_millis(5)));
        assert_eq!(phases.get(Phase::Tls), None);
        for (place, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!(phase as usize, place);
        }
    }
}
