//! One run of a module, as the families read it.

use std::time::Duration;

use crate::model::{DnsFacts, HttpFacts, Kind, Phase, Reading};

/// One run of a module.
pub struct ModuleRun<'a> {
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

impl ModuleRun<'_> {
    /// How long the name lookup took.
    pub fn lookup(&self) -> Duration {
        if self.kind.is_echo() {
            self.resolve
        } else {
            self.phase(Phase::Resolve)
        }
    }

    /// How long a phase took; zero where the run did not reach it.
    pub fn phase(&self, phase: Phase) -> Duration {
        self.reading.phases.get(phase).unwrap_or_default()
    }

    /// Whether it is a run of HTTP.
    pub const fn is_http(&self) -> bool {
        match self.kind {
            Kind::Http => true,
            Kind::Icmp | Kind::Tcp | Kind::Dns | Kind::Tls | Kind::Snmp => false,
        }
    }

    /// Whether it is a run over a plain connection, with TLS or without.
    pub const fn is_connection(&self) -> bool {
        match self.kind {
            Kind::Tcp | Kind::Tls => true,
            Kind::Icmp | Kind::Http | Kind::Dns | Kind::Snmp => false,
        }
    }

    /// What a run of HTTP found out, all zero where it got no answer. `None` for any other run.
    pub fn http(&self) -> Option<HttpFacts> {
        self.is_http().then(|| self.reading.http().copied().unwrap_or_default())
    }

    /// What a run of DNS found out, all zero where it got no answer. `None` for any other run.
    pub fn dns(&self) -> Option<DnsFacts> {
        self.kind
            .is_dns()
            .then(|| self.reading.dns().copied().unwrap_or_default())
    }

    /// The length of the body as the server declared it, in bytes: 0 without an answer, -1 where the answer does not
    /// declare it. `None` for a run that is not of HTTP.
    pub fn content_length(&self) -> Option<f64> {
        self.is_http().then(|| match self.reading.http() {
            None => 0.0,
            Some(facts) => facts.content_length.map_or(-1.0, |length| length as f64),
        })
    }
}
