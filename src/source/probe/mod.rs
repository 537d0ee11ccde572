//! Reachability probes: one file a kind, each with its `Settings`, its `run` and its pure `judge`.
//!
//! Gets sockets from `net`; gives a `Reading`. When and how often is the scheduler's business.

mod aim;
pub mod dns;
pub mod http;
pub mod icmp;
mod pattern;
mod run;
pub mod snmp;
pub mod tcp;
pub mod tls;
mod url;

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Address, Failure, Kind, Reading};

pub use crate::model::SecretSource;
pub use crate::net::TlsSettings;
pub use crate::wire::dns::RecordType;
pub use aim::aim;
pub use pattern::Pattern;
pub use run::Names;
pub use url::{Url, UrlError};

/// A probe of a target: its name, unique within the target, and how to run it.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The `probe` label; the kind's name unless the user gives one.
    pub name: Arc<str>,
    /// How to run it.
    pub settings: Settings,
}

/// How to run a probe, by kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Settings {
    /// ICMP echo.
    Icmp(icmp::Settings),
    /// An SNMP walk.
    Snmp(snmp::Settings),
    /// A check of a service.
    Check(Arc<Check>),
}

/// A check of a service: everything but ICMP. These run on the other runtime, and give [`Reading::Check`].
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Time from one run to the next.
    pub interval: Duration,
    /// How long one run may take in all.
    pub timeout: Duration,
    /// Which IP version.
    pub family: crate::model::Family,
    /// What is checked.
    pub service: Service,
}

/// What is checked, by kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Service {
    /// A TCP connection, and what is said over it.
    Tcp(tcp::Settings),
    /// A TLS handshake.
    Tls(tls::Settings),
    /// An HTTP request.
    Http(Box<http::Settings>),
    /// A DNS query.
    Dns(dns::Settings),
}

impl Settings {
    /// The `kind` label.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Icmp(_) => Kind::Icmp,
            Self::Snmp(_) => Kind::Snmp,
            Self::Check(check) => check.service.kind(),
        }
    }

    /// Time from one run to the next.
    pub fn interval(&self) -> Duration {
        match self {
            Self::Icmp(settings) => settings.interval,
            Self::Snmp(settings) => settings.interval,
            Self::Check(check) => check.interval,
        }
    }

    /// How long one run may take.
    pub fn timeout(&self) -> Duration {
        match self {
            Self::Icmp(settings) => settings.timeout,
            Self::Snmp(settings) => settings.walk_timeout,
            Self::Check(check) => check.timeout,
        }
    }

    /// The host names that runs of this look up, beside the target's own.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Icmp(_) | Self::Snmp(_) => Vec::new(),
            Self::Check(check) => check.service.names(),
        }
    }
}

impl Service {
    /// The `kind` label.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Tcp(_) => Kind::Tcp,
            Self::Tls(_) => Kind::Tls,
            Self::Http(_) => Kind::Http,
            Self::Dns(_) => Kind::Dns,
        }
    }

    fn names(&self) -> Vec<&str> {
        let address = match self {
            Self::Tcp(_) | Self::Tls(_) => None,
            Self::Http(settings) => return settings.names(),
            Self::Dns(settings) => settings.server.as_ref(),
        };
        match address {
            Some(Address::Name(name)) => vec![name],
            _ => Vec::new(),
        }
    }
}

/// The reading of a run that did not get its turn in time.
pub fn crowded_out(check: &Check) -> Reading {
    Reading::Check(Box::new(crate::model::Check {
        outcome: Err(Failure::Send),
        detail: Some(format!("not run: more checks than can run at once for {:?}", check.timeout).into()),
        ..crate::model::Check::default()
    }))
}

/// Runs a check once, within its time-out. Everything that can go wrong is a reading.
pub async fn run(check: &Check, address: &Address, names: Names<'_>) -> Reading {
    let mut run = run::Run::new(check.family, check.timeout, names);
    let inside = async {
        match &check.service {
            Service::Tcp(settings) => tcp::run(settings, address, &mut run).await,
            Service::Tls(settings) => tls::run(settings, address, &mut run).await,
            Service::Http(settings) => http::run(settings, &mut run).await,
            Service::Dns(settings) => dns::run(settings, address, &mut run).await,
        }
    };
    let outcome = tokio::time::timeout(check.timeout, inside).await.ok();
    Reading::Check(Box::new(run.finish(outcome)))
}
