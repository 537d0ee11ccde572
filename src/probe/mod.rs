//! Reachability probes: one file a kind, each with its `Settings`, its `run` and its pure `judge`.
//!
//! Gets sockets from `net`; gives a `Reading`. When and how often is the scheduler's business.

pub mod icmp;
pub mod snmp;

use std::sync::Arc;
use std::time::Duration;

use crate::model::Kind;

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
    /// SNMP.
    Snmp(snmp::Settings),
}

impl Settings {
    /// The `kind` label.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Icmp(_) => Kind::Icmp,
            Self::Snmp(_) => Kind::Snmp,
        }
    }

    /// Time from one run to the next.
    pub const fn interval(&self) -> Duration {
        match self {
            Self::Icmp(settings) => settings.interval,
            Self::Snmp(settings) => settings.interval,
        }
    }

    /// How long one run may take.
    pub const fn timeout(&self) -> Duration {
        match self {
            Self::Icmp(settings) => settings.timeout,
            Self::Snmp(settings) => settings.walk_timeout,
        }
    }
}
