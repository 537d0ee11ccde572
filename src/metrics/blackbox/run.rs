//! One run of a module, as the families read it.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{Check, Kind, Phase, Reading};

/// One run of a module.
pub struct Run<'a> {
    /// The kind of the module.
    pub kind: Kind,
    /// What the run found out.
    pub reading: &'a Reading,
    /// How long the name lookup took, where the run did not include it.
    pub resolve: Duration,
    /// How long all of it took.
    pub took: Duration,
    /// How long it could have taken.
    pub timeout: Duration,
}

impl Run<'_> {
    /// Whether the run succeeded.
    pub fn succeeded(&self) -> bool {
        match self.reading {
            Reading::Icmp { outcome, .. } => outcome.is_ok(),
            Reading::Check(check) => check.outcome.is_ok(),
            Reading::Snmp(walk) => walk.outcome.is_ok(),
        }
    }

    /// The address that was probed, if its name resolved.
    pub fn address(&self) -> Option<IpAddr> {
        match self.reading {
            Reading::Icmp { address, .. } => *address,
            Reading::Check(check) => check.address,
            Reading::Snmp(walk) => walk.address,
        }
    }

    /// How long the name lookup took.
    pub fn lookup(&self) -> Duration {
        match self.reading {
            Reading::Icmp { .. } => self.resolve,
            Reading::Check(check) => time(check, Phase::Resolve),
            // No module walks.
            Reading::Snmp(_) => Duration::ZERO,
        }
    }

    /// What the run found out, where it is a check of a service.
    pub fn check(&self) -> Option<&Check> {
        match self.reading {
            Reading::Check(check) => Some(check),
            Reading::Icmp { .. } | Reading::Snmp(_) => None,
        }
    }

    /// The same for HTTP only.
    pub fn http(&self) -> Option<&Check> {
        match self.kind {
            Kind::Http => self.check(),
            Kind::Icmp | Kind::Tcp | Kind::Dns | Kind::Tls | Kind::Snmp => None,
        }
    }

    /// The same for DNS only.
    pub fn dns(&self) -> Option<&Check> {
        match self.kind {
            Kind::Dns => self.check(),
            Kind::Icmp | Kind::Tcp | Kind::Http | Kind::Tls | Kind::Snmp => None,
        }
    }

    /// The same for a plain connection only, with TLS or without.
    pub fn connection(&self) -> Option<&Check> {
        match self.kind {
            Kind::Tcp | Kind::Tls => self.check(),
            Kind::Icmp | Kind::Http | Kind::Dns | Kind::Snmp => None,
        }
    }
}

/// How long a phase took; zero where the run did not reach it.
pub fn time(check: &Check, phase: Phase) -> Duration {
    check.phases.get(phase).unwrap_or_default()
}

/// Bytes. Without an answer it is 0, and -1 where the answer does not tell its length.
pub fn content_length(check: &Check) -> f64 {
    match check.http.map(|facts| facts.content_length) {
        None => 0.0,
        Some(None) => -1.0,
        Some(Some(length)) => length as f64,
    }
}
