//! The internet as lanpulse sees it: whose fault an outage is, and what is kept of each.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{LabelValue, Network, Timestamp};

/// The `device` label of the internet checks; no target may have this name.
pub const INTERNET: &str = "internet";

/// Whose fault it is that the internet, or a part of it, does not work: exactly one at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nobody's: it works.
    #[default]
    None,
    /// This host's own link or route.
    Link,
    /// The gateway does not answer.
    Gateway,
    /// Addresses answer, names do not resolve.
    Dns,
    /// The gateway answers, nothing behind it does.
    Provider,
}

impl Fault {
    /// All of them, in the order they are exposed.
    pub const ALL: [Self; 5] = [Self::None, Self::Link, Self::Gateway, Self::Dns, Self::Provider];

    /// The `fault` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Link => "link",
            Self::Gateway => "gateway",
            Self::Dns => "dns",
            Self::Provider => "provider",
        }
    }

    /// The fault with this label.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.as_str() == text)
    }
}

/// This host's way out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Whether an interface that leads out is up and has carrier; unknown where there is none but loopback.
    pub up: Option<bool>,
    /// The gateway of the default route, if there is one.
    pub gateway: Option<IpAddr>,
    /// The network of this host's that the gateway is in, where that is IPv4.
    pub network: Option<Network>,
}

/// One time without internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The agent whose site had no internet.
    pub agent: LabelValue,
    /// When the first of the failed checks failed: unique within the agent.
    pub start: Timestamp,
    /// When enough of them succeeded again; absent while it lasts.
    pub end: Option<Timestamp>,
    /// Whose fault, as far as could be told.
    pub fault: Fault,
    /// The names of the checks that failed at any time in it.
    pub failed_checks: Vec<Arc<str>>,
    /// Whether the gateway answered; absent where there is none, or it never has.
    pub gateway_reachable: Option<bool>,
}
