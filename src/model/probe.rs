//! The probes: for each kind what it asks, what it can fail for and what its answers tell. All of it is data.
//!
//! A `Job` is everything needed to run a probe, here or at a remote agent. Running it is up to `source/probe`.

mod dns;
mod http;
mod snmp;
mod tcp;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::closed::closed_set;
use super::{Address, Failure, Family, Subject};

pub use dns::{DnsExpect, DnsFacts, DnsProbe, DnsTransport, RecordType};
pub use http::{HttpAuth, HttpExpect, HttpFacts, HttpProbe};
pub use snmp::{AuthProtocol, Credentials, InterfaceFilter, PrivacyProtocol, SNMP_PASSWORD_MIN_BYTES, SnmpProbe};
pub use tcp::TcpProbe;
pub use tls::{TlsFacts, TlsProbe, TlsSettings};

closed_set! {
    /// What kind of probe: the `kind` label.
    pub enum Kind {
        /// ICMP echo (RFC 792, RFC 4443).
        Icmp = "icmp",
        /// A TCP connection (RFC 9293).
        Tcp = "tcp",
        /// An HTTP request (RFC 9112).
        Http = "http",
        /// A DNS query (RFC 1035).
        Dns = "dns",
        /// A TLS handshake (RFC 8446).
        Tls = "tls",
        /// SNMP (RFC 3416): interface counters.
        Snmp = "snmp",
    }
}

impl Kind {
    /// Whether its runs are single echo requests: these have a window, a histogram and a scheduler's thread of their own.
    pub const fn is_echo(self) -> bool {
        matches!(self, Self::Icmp)
    }

    /// Whether its runs are walks, which have metrics of their own (`lanpulse_snmp_*`) in place of a check's.
    pub const fn is_walk(self) -> bool {
        matches!(self, Self::Snmp)
    }

    /// Whether its runs ask a DNS server.
    pub const fn is_dns(self) -> bool {
        matches!(self, Self::Dns)
    }

    /// The reasons this kind of probe can fail for, in the order they are exposed.
    pub const fn failures(self) -> &'static [Failure] {
        use Failure::{
            Authentication, Body, CertificateExpired, CertificateUntrusted, Deadline, Denied, DnsRcode, Error, Loop,
            Malformed, Protocol, Refused, Send, Status, Timeout, Tls, TooLarge, Unreachable, Unresolved,
        };
        match self {
            Self::Icmp => &[Timeout, Unreachable, Unresolved, Denied, Send],
            Self::Tcp => &[
                Timeout,
                Refused,
                Unreachable,
                Unresolved,
                Tls,
                CertificateExpired,
                CertificateUntrusted,
                Body,
                TooLarge,
                Protocol,
                Denied,
                Send,
            ],
            Self::Tls => &[
                Timeout,
                Refused,
                Unreachable,
                Unresolved,
                Tls,
                CertificateExpired,
                CertificateUntrusted,
                Protocol,
                Denied,
                Send,
            ],
            Self::Http => &[
                Timeout,
                Refused,
                Unreachable,
                Unresolved,
                Tls,
                CertificateExpired,
                CertificateUntrusted,
                Status,
                Body,
                TooLarge,
                Protocol,
                Denied,
                Send,
            ],
            Self::Dns => &[
                Timeout,
                Refused,
                Unreachable,
                Unresolved,
                Tls,
                CertificateExpired,
                CertificateUntrusted,
                Body,
                DnsRcode,
                Protocol,
                Denied,
                Send,
            ],
            Self::Snmp => &[
                Timeout,
                Unreachable,
                Unresolved,
                Authentication,
                Malformed,
                Loop,
                Error,
                Deadline,
                Send,
            ],
        }
    }
}

/// A probe of a target or of the internet: its name, how often it runs, and what it asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// The `probe` label, unique within its subject; the kind's name unless the user gives one.
    pub name: Arc<str>,
    /// Time from one run to the next.
    pub interval: Duration,
    /// How long one run may take in all.
    pub timeout: Duration,
    /// Which IP version.
    pub family: Family,
    /// What it asks.
    pub service: Service,
}

/// What a probe asks, by kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// ICMP echo.
    Icmp,
    /// A TCP connection, and what is said over it.
    Tcp(TcpProbe),
    /// A TLS handshake.
    Tls(TlsProbe),
    /// An HTTP request.
    Http(Box<HttpProbe>),
    /// A DNS query.
    Dns(DnsProbe),
    /// An SNMP walk over the interfaces.
    Snmp(SnmpProbe),
}

impl Service {
    /// The `kind` label.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Icmp => Kind::Icmp,
            Self::Tcp(_) => Kind::Tcp,
            Self::Tls(_) => Kind::Tls,
            Self::Http(_) => Kind::Http,
            Self::Dns(_) => Kind::Dns,
            Self::Snmp(_) => Kind::Snmp,
        }
    }

    /// Whether its runs go to the target's own address; an HTTP or DNS probe names its server itself.
    pub const fn asks_the_target(&self) -> bool {
        !matches!(self, Self::Http(_) | Self::Dns(_))
    }
}

impl Probe {
    /// A ping over any family.
    pub fn echo(name: &str, interval: Duration, timeout: Duration) -> Self {
        Self {
            name: name.into(),
            interval,
            timeout,
            family: Family::Any,
            service: Service::Icmp,
        }
    }

    /// The `kind` label.
    pub const fn kind(&self) -> Kind {
        self.service.kind()
    }

    /// The host name that a run looks up beside the target's own, if there is one.
    pub fn host_name(&self) -> Option<&str> {
        let address = match &self.service {
            Service::Http(http) => Some(&http.first_hop().address),
            Service::Dns(dns) => dns.server.as_ref(),
            Service::Icmp | Service::Tcp(_) | Service::Tls(_) | Service::Snmp(_) => None,
        };
        match address {
            Some(Address::Name(name)) => Some(name),
            _ => None,
        }
    }
}

/// Something to run at its interval: what the scheduler starts and what a remote agent is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// What it is about.
    pub subject: Subject,
    /// Where the subject is.
    pub address: Address,
    /// What is asked, and how often.
    pub probe: Arc<Probe>,
}

impl Job {
    /// What identifies it: two jobs of the same key are the same job, perhaps with other settings.
    pub fn key(&self) -> JobKey {
        (self.subject.clone(), self.probe.name.clone())
    }

    /// The host names that must be kept resolved for it. Checks that look names up themselves need none.
    pub fn host_names(&self) -> impl Iterator<Item = &str> {
        let fresh = self.subject.needs_fresh_names() && !self.probe.kind().is_echo();
        let own = match &self.address {
            Address::Name(name) => Some(name.as_str()),
            _ => None,
        };
        own.into_iter().chain(self.probe.host_name()).filter(move |_| !fresh)
    }
}

/// What identifies a job: its subject and the name of its probe.
pub type JobKey = (Subject, Arc<str>);
