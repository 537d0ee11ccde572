//! What discovery saw: an address that somebody answers on, and how good that evidence is.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Mac, Timestamp};

/// A way to discover, and the `method` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// ARP requests (RFC 826).
    Arp,
    /// ICMP echo to each address (RFC 792).
    Icmp,
    /// Multicast DNS service discovery (RFC 6762, RFC 6763).
    Mdns,
    /// The kernel's neighbour cache.
    Neighbours,
    /// ICMPv6 echo to all nodes (RFC 4443).
    Ipv6,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Arp, Self::Icmp, Self::Mdns, Self::Neighbours, Self::Ipv6];

    /// The label value, and the word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Arp => "arp",
            Self::Icmp => "icmp",
            Self::Mdns => "mdns",
            Self::Neighbours => "neighbours",
            Self::Ipv6 => "ipv6",
        }
    }

    /// Whether the method sends requests. Reading the neighbour cache does not.
    pub const fn sends(self) -> bool {
        match self {
            Self::Arp | Self::Icmp | Self::Mdns | Self::Ipv6 => true,
            Self::Neighbours => false,
        }
    }

    /// The method of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

/// Somebody has an address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// How it was found.
    pub method: Method,
    /// The address.
    pub address: IpAddr,
    /// Whose hardware address answered, where that is known.
    pub mac: Option<Mac>,
    /// When.
    pub at: Timestamp,
    /// Whether it answered just now. A stale cache entry only says who had the address a while ago.
    pub alive: bool,
}

/// What came of asking one network by one method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everybody was asked and had time to answer: only then is silence evidence.
    Complete,
    /// Cut short: what was found is true, what was not found means nothing.
    Partial,
    /// Nothing could be asked.
    Failed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Complete, Self::Partial, Self::Failed];

    /// The `result` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// One network asked by one method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// The network in prefix notation, or the interface where a method has no network.
    pub network: Arc<str>,
    /// How it was asked.
    pub method: Method,
    /// How that went.
    pub outcome: Outcome,
    /// How many addresses there were to ask.
    pub asked: u32,
    /// How many of them answered.
    pub answered: u32,
    /// How many were not asked any more.
    pub left: u32,
    /// How long it took.
    pub took: Duration,
    /// Why it is not complete.
    pub why: Option<Arc<str>>,
}

/// A service that somebody announces by multicast DNS (RFC 6763). All of it comes from the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Where it says it is.
    pub address: IpAddr,
    /// The host name, as in `printer.local.`.
    pub host: String,
    /// The type, as in `_ipp._tcp`.
    pub service: String,
    /// What the instance calls itself.
    pub instance: String,
    /// The TXT record's keys and values.
    pub texts: Vec<(String, String)>,
}
