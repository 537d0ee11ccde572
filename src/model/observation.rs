//! What a probe saw. The one thing that flows from the probes to the state, and later from a remote agent.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Check, Kind, LabelValue, Timestamp};

/// The `agent` label of the built-in prober.
pub const LOCAL_AGENT: &str = "local";

/// One run of one probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Who looked.
    pub agent: LabelValue,
    /// The device looked at.
    pub device: LabelValue,
    /// The probe's name.
    pub probe: Arc<str>,
    /// When it was sent.
    pub at: Timestamp,
    /// How much later than planned it was sent.
    pub lag: Duration,
    /// What came of it.
    pub reading: Reading,
}

/// What came of one run, by kind of probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// One ICMP echo.
    Icmp {
        /// The address asked, once a name had resolved.
        address: Option<IpAddr>,
        /// The round-trip time, or why there is none.
        outcome: Result<Duration, Failure>,
        /// More about a failure, for people: never a label.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<Arc<str>>,
    },
    /// One run of a check of a service.
    Check(Box<Check>),
}

/// Why a probe failed. A closed set, so that it is safe as a label value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// No answer in time.
    Timeout,
    /// A router, the target or this host's own neighbour discovery said that it cannot be reached.
    Unreachable,
    /// The name has no address.
    Unresolved,
    /// The host does not let us send: no privilege, or a local firewall rule.
    Denied,
    /// This host could not send: no route, link down, buffers full.
    Send,
    /// The target refused the connection.
    Refused,
    /// The TLS handshake failed for another reason than the certificate.
    Tls,
    /// The certificate has expired, or is not valid yet.
    CertificateExpired,
    /// The certificate is not one to trust: an unknown issuer, another name, a bad signature.
    CertificateUntrusted,
    /// An HTTP status that is not expected, or too many redirects.
    Status,
    /// The body or the answer is not as expected.
    Body,
    /// A DNS answer with another code than expected, or without a record.
    DnsRcode,
    /// The answer is larger than allowed.
    TooLarge,
    /// What came back does not follow the protocol.
    Protocol,
}

impl Failure {
    /// The reasons an ICMP probe can fail for, in the order they are exposed.
    pub const ICMP: [Self; 5] = [
        Self::Timeout,
        Self::Unreachable,
        Self::Unresolved,
        Self::Denied,
        Self::Send,
    ];

    /// All of them, in the order they are exposed.
    pub const ALL: [Self; 14] = [
        Self::Timeout,
        Self::Refused,
        Self::Unreachable,
        Self::Unresolved,
        Self::Tls,
        Self::CertificateExpired,
        Self::CertificateUntrusted,
        Self::Status,
        Self::Body,
        Self::DnsRcode,
        Self::TooLarge,
        Self::Protocol,
        Self::Denied,
        Self::Send,
    ];

    /// Those a kind of probe can fail for, in the order of [`Failure::ALL`].
    pub fn of(kind: Kind) -> impl Iterator<Item = Self> {
        let can = move |failure: &Self| match kind {
            Kind::Icmp => Self::ICMP.contains(failure),
            Kind::Http => *failure != Self::DnsRcode,
            Kind::Dns => !matches!(failure, Self::Status | Self::TooLarge),
            Kind::Tcp => !matches!(failure, Self::Status | Self::DnsRcode),
            Kind::Tls => !matches!(failure, Self::Status | Self::Body | Self::TooLarge | Self::DnsRcode),
        };
        Self::ALL.into_iter().filter(can)
    }

    /// The `reason` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Unresolved => "unresolved",
            Self::Denied => "denied",
            Self::Send => "send",
            Self::Refused => "refused",
            Self::Tls => "tls",
            Self::CertificateExpired => "certificate_expired",
            Self::CertificateUntrusted => "certificate_untrusted",
            Self::Status => "status",
            Self::Body => "body",
            Self::DnsRcode => "dns_rcode",
            Self::TooLarge => "too_large",
            Self::Protocol => "protocol",
        }
    }

    /// Whether the failure says something about the target. What went wrong on this host or with its name says
    /// nothing about whether the target is alive.
    pub const fn blames_target(self) -> bool {
        !matches!(self, Self::Unresolved | Self::Denied | Self::Send)
    }

    /// What a person reads.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Timeout => "no reply in time",
            Self::Unreachable => "reported unreachable",
            Self::Unresolved => "its name does not resolve",
            Self::Denied => "this host does not permit the probe",
            Self::Send => "this host could not send the probe",
            Self::Refused => "the connection is refused",
            Self::Tls => "the TLS handshake failed",
            Self::CertificateExpired => "the certificate is out of its time",
            Self::CertificateUntrusted => "the certificate is not trusted",
            Self::Status => "an unexpected HTTP status",
            Self::Body => "an unexpected answer",
            Self::DnsRcode => "an unexpected DNS answer",
            Self::TooLarge => "the answer is too large",
            Self::Protocol => "the answer does not follow the protocol",
        }
    }
}
