//! One run of one probe: the shape in which every probe, here or at a remote agent, tells what it saw.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DnsFacts, Failure, HttpFacts, Kind, Phases, Subject, Timestamp, TlsFacts, Walk};

/// One run of one probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What the probe is about.
    pub subject: Subject,
    /// The probe's name, unique within the subject.
    pub probe: Arc<str>,
    /// The probe's kind.
    pub kind: Kind,
    /// The place of this run in the order in which its agent started runs. Rising; readings are judged in this order,
    /// whatever the clock says.
    pub sequence: u64,
    /// When it was sent.
    pub at: Timestamp,
    /// How much later than planned it was sent.
    pub lag: Duration,
    /// What it brought.
    pub reading: Reading,
}

/// What a run brought: one shape for all kinds of probes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// How long it took (for an echo, the round-trip time), or why it failed.
    pub outcome: Result<Duration, Failure>,
    /// The address asked, once a name had resolved.
    pub address: Option<IpAddr>,
    /// More about a failure, for people: never a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Arc<str>>,
    /// Where the time went.
    pub phases: Phases,
    /// What the answer said, where there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Box<Facts>>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            outcome: Ok(Duration::ZERO),
            address: None,
            detail: None,
            phases: Phases::default(),
            facts: None,
        }
    }
}

impl Reading {
    /// A success that took so long.
    pub fn success(address: Option<IpAddr>, took: Duration) -> Self {
        Self {
            outcome: Ok(took),
            address,
            phases: Phases::total(took),
            ..Self::default()
        }
    }

    /// A failure, and more about it for people.
    pub fn failure(address: Option<IpAddr>, failure: Failure, detail: impl Into<Arc<str>>) -> Self {
        Self {
            outcome: Err(failure),
            address,
            detail: Some(detail.into()),
            ..Self::default()
        }
    }

    /// Whether it shows that the target is alive: a success, or a walk that broke off after the agent had answered.
    pub fn shows_life(&self) -> Result<(), Failure> {
        match self.walk() {
            Some(walk) if walk.has_answer() => Ok(()),
            _ => self.outcome.map(|_| ()),
        }
    }

    /// The facts, to be added to.
    pub fn facts_mut(&mut self) -> &mut Facts {
        self.facts.get_or_insert_default()
    }

    /// What HTTP said.
    pub fn http(&self) -> Option<&HttpFacts> {
        self.facts.as_ref()?.http.as_ref()
    }

    /// What TLS said.
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.facts.as_ref()?.tls.as_ref()
    }

    /// What DNS said.
    pub fn dns(&self) -> Option<&DnsFacts> {
        self.facts.as_ref()?.dns.as_ref()
    }

    /// What an SNMP walk read.
    pub fn walk(&self) -> Option<&Walk> {
        self.facts.as_ref()?.walk.as_ref()
    }
}

/// What the answer said, by protocol: a run over several layers has facts of each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The last HTTP answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpFacts>,
    /// The TLS handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFacts>,
    /// The DNS answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsFacts>,
    /// The SNMP walk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub walk: Option<Walk>,
}
