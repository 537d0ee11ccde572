//! What discovery saw: an address in use, and how good the evidence is.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::closed::closed_set;
use super::{Mac, Timestamp};

closed_set! {
    /// A discovery method, and the `method` label.
    pub enum Method {
        /// ARP requests (RFC 826).
        Arp = "arp",
        /// ICMP echo to each address (RFC 792).
        Icmp = "icmp",
        /// Multicast DNS service discovery (RFC 6762, RFC 6763).
        Mdns = "mdns",
        /// The kernel's neighbour cache.
        Neighbours = "neighbours",
        /// ICMPv6 echo to all nodes (RFC 4443).
        Ipv6 = "ipv6",
    }
}

impl Method {
    /// Whether it asks addresses by ping, which many hosts do not answer.
    pub const fn is_ping(self) -> bool {
        matches!(self, Self::Icmp)
    }

    /// Whether it asks all IPv6 nodes of a link at once.
    pub const fn asks_all_nodes(self) -> bool {
        matches!(self, Self::Ipv6)
    }

    /// Whether a sighting repeats what was announced or remembered, and is not a reply to a request of this scan. Where ARP
    /// has asked an address and got no reply, hearsay about it does not count.
    pub const fn is_hearsay(self) -> bool {
        match self {
            Self::Arp | Self::Icmp | Self::Ipv6 => false,
            Self::Mdns | Self::Neighbours => true,
        }
    }

    /// Whether a fresh sighting proves that a host on the network has the address: only such a host is sent SNMP
    /// credentials. A multicast DNS announcement may name any address.
    pub const fn proves_address(self) -> bool {
        match self {
            Self::Arp | Self::Icmp | Self::Ipv6 | Self::Neighbours => true,
            Self::Mdns => false,
        }
    }

    /// Whether every host on the link must reply, so that a complete sweep without a reply means that the address is not
    /// in use.
    pub const fn is_conclusive(self) -> bool {
        match self {
            Self::Arp => true,
            Self::Icmp | Self::Mdns | Self::Neighbours | Self::Ipv6 => false,
        }
    }

    /// Whether it sends nothing to the network.
    pub const fn is_passive(self) -> bool {
        match self {
            Self::Arp | Self::Icmp | Self::Mdns | Self::Ipv6 => false,
            Self::Neighbours => true,
        }
    }
}

/// An address in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// How it was found.
    pub method: Method,
    /// The address.
    pub address: IpAddr,
    /// The hardware address, where it is known.
    pub mac: Option<Mac>,
    /// When.
    pub at: Timestamp,
    /// Whether the address was in use just now. A stale cache entry only says which host had it a while ago.
    pub alive: bool,
}

closed_set! {
    /// How complete a sweep is, and the `result` label.
    pub enum Outcome {
        /// Every address was asked and had time to reply: only then is silence evidence.
        Complete = "complete",
        /// Cut short: what was found counts, silence means nothing.
        Partial = "partial",
        /// No address could be asked.
        Failed = "failed",
    }
}

impl Outcome {
    /// Whether silence is evidence.
    pub const fn is_complete(self) -> bool {
        match self {
            Self::Complete => true,
            Self::Partial | Self::Failed => false,
        }
    }

    /// Whether it was cut short.
    pub const fn is_partial(self) -> bool {
        match self {
            Self::Partial => true,
            Self::Complete | Self::Failed => false,
        }
    }

    /// Whether what was found is evidence.
    pub const fn is_usable(self) -> bool {
        match self {
            Self::Complete | Self::Partial => true,
            Self::Failed => false,
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

/// A service announced by multicast DNS (RFC 6763). All of it comes from the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The address of the host, as announced.
    pub address: IpAddr,
    /// The host name, as in `printer.local.`.
    pub host: String,
    /// The type, as in `_ipp._tcp`.
    pub service: String,
    /// The name of the instance.
    pub instance: String,
    /// The TXT record's keys and values.
    pub texts: Vec<(String, String)>,
}
