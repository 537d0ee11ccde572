//! A device of the inventory: who it is, what it was seen with, what was found out, and what a person says of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{LabelValue, Mac, Method, Sweep, SystemReading, Timestamp};

/// What a person thinks of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// Found, and nobody has said anything.
    #[default]
    New,
    /// It belongs here.
    Approved,
    /// Seen, but of no interest: neither watched nor told of.
    Ignored,
    /// It must not be here.
    Blocked,
}

impl Approval {
    /// Whether a person said that it belongs here.
    pub const fn is_approved(self) -> bool {
        matches!(self, Self::Approved)
    }

    /// Whether a person said that it is not to be watched.
    pub const fn is_ignored(self) -> bool {
        matches!(self, Self::Ignored)
    }

    /// All of them.
    pub const ALL: [Self; 4] = [Self::New, Self::Approved, Self::Ignored, Self::Blocked];

    /// The `status` label and the word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Approved => "approved",
            Self::Ignored => "ignored",
            Self::Blocked => "blocked",
        }
    }

    /// The approval with this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|approval| approval.as_str() == text)
    }

    /// Whether no person has decided yet.
    pub const fn is_new(self) -> bool {
        matches!(self, Self::New)
    }
}

/// What kind of thing a device is: a small closed set, fit for a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Class {
    Router,
    Switch,
    Ap,
    Firewall,
    Server,
    Nas,
    Computer,
    Phone,
    Tablet,
    Tv,
    Speaker,
    Printer,
    Camera,
    Console,
    Iot,
    Vm,
    Ups,
    #[default]
    Unknown,
}

impl Class {
    /// All of them, and their words.
    pub const ALL: [(Self, &'static str); 18] = [
        (Self::Router, "router"),
        (Self::Switch, "switch"),
        (Self::Ap, "ap"),
        (Self::Firewall, "firewall"),
        (Self::Server, "server"),
        (Self::Nas, "nas"),
        (Self::Computer, "computer"),
        (Self::Phone, "phone"),
        (Self::Tablet, "tablet"),
        (Self::Tv, "tv"),
        (Self::Speaker, "speaker"),
        (Self::Printer, "printer"),
        (Self::Camera, "camera"),
        (Self::Console, "console"),
        (Self::Iot, "iot"),
        (Self::Vm, "vm"),
        (Self::Ups, "ups"),
        (Self::Unknown, "unknown"),
    ];

    /// The `class` label.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(class, _)| *class == self)
            .map_or("unknown", |(_, word)| word)
    }

    /// The class with this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, word)| *word == text)
            .map(|(class, _)| *class)
    }
}

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// Who made it.
    Vendor,
    /// What it calls itself or is called in the DNS.
    Hostname,
    /// What it is, as its maker calls it.
    Model,
    /// One of [`Class`].
    Class,
    /// Something that stays the same when its hardware address does not.
    Identity,
}

impl Topic {
    /// Whether the value identifies a device when its hardware address has changed.
    pub const fn is_identity(self) -> bool {
        match self {
            Self::Identity => true,
            Self::Vendor | Self::Hostname | Self::Model | Self::Class => false,
        }
    }

    /// All of them.
    pub const ALL: [Self; 5] = [Self::Vendor, Self::Hostname, Self::Model, Self::Class, Self::Identity];

    /// The word in the API and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Hostname => "hostname",
            Self::Model => "model",
            Self::Class => "class",
            Self::Identity => "identity",
        }
    }
}

/// Where a fact comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The registry of hardware addresses.
    Oui,
    /// Reverse DNS.
    Dns,
    /// Multicast DNS.
    Mdns,
    /// The system group of SNMP.
    Snmp,
    /// Concluded from the other facts.
    Rule,
}

impl Origin {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Oui, Self::Dns, Self::Mdns, Self::Snmp, Self::Rule];

    /// The word in the API and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oui => "oui",
            Self::Dns => "dns",
            Self::Mdns => "mdns",
            Self::Snmp => "snmp",
            Self::Rule => "rule",
        }
    }
}

/// Something found out about a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// About what.
    pub topic: Topic,
    /// By whom.
    pub origin: Origin,
    /// What.
    pub value: LabelValue,
    /// How sure, 0 to 100.
    pub confidence: u8,
    /// When it was last found.
    pub at: Timestamp,
}

/// An address a device was seen with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen<T> {
    /// The address.
    pub value: T,
    /// How it was first seen.
    pub source: Method,
    /// First seen with it.
    pub first: Timestamp,
    /// Last seen with it.
    pub last: Timestamp,
    /// Whether it still is this device's: another may have taken it since.
    pub current: bool,
}

/// What was seen so close together was seen by one scan.
const ONE_SCAN: Duration = Duration::from_secs(60);

/// A device of the inventory.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Never given twice, over all agents.
    pub id: u64,
    /// The agent whose site it is in: its addresses are known there.
    pub agent: LabelValue,
    /// The `device` label: frozen at first identification, changed only by a person.
    pub name: LabelValue,
    /// What a person thinks of it.
    pub approval: Approval,
    /// Whether it is there, by all evidence.
    pub online: bool,
    /// Complete scans in a row that did not see it.
    pub missed: u32,
    /// First evidence.
    pub first_seen: Timestamp,
    /// Latest evidence.
    pub last_seen: Timestamp,
    /// Its hardware addresses.
    pub macs: Vec<Seen<Mac>>,
    /// Its addresses.
    pub addresses: Vec<Seen<IpAddr>>,
    /// What was found out.
    pub facts: Vec<Fact>,
    /// What it last said of itself by SNMP.
    pub system: Option<Arc<SystemReading>>,
    /// The class a person gave it.
    pub class: Option<Class>,
    /// A person's labels.
    pub labels: BTreeMap<String, LabelValue>,
    /// A person's notes.
    pub notes: String,
    /// Devices it may be, under another hardware address.
    pub proposed: Vec<u64>,
    /// The device it was merged into by a person.
    pub merged: Option<u64>,
}

impl Record {
    /// The best fact about something.
    pub fn fact(&self, topic: Topic) -> Option<&Fact> {
        self.facts
            .iter()
            .filter(|fact| fact.topic == topic)
            .max_by_key(|fact| (fact.confidence, fact.at))
    }

    /// What a person says it is, else what was found.
    pub fn class(&self) -> Class {
        let found = || {
            self.fact(Topic::Class)
                .and_then(|fact| Class::parse(fact.value.as_str()))
        };
        self.class.or_else(found).unwrap_or_default()
    }

    /// The address to reach it at: IPv4 before IPv6, and of those it was seen with lately the one it has had for the
    /// longest, so that whoever has several is not reached at another after each scan.
    pub fn address(&self) -> Option<IpAddr> {
        let link_local = |ip: IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        let usable: Vec<&Seen<IpAddr>> = self
            .addresses
            .iter()
            .filter(|seen| seen.current && !link_local(seen.value))
            .collect();
        let v4 = usable.iter().any(|seen| seen.value.is_ipv4());
        let of_family = || usable.iter().filter(|seen| seen.value.is_ipv4() == v4);
        let newest = of_family().map(|seen| seen.last).max()?;
        let lately = of_family().filter(|seen| newest.since(seen.last) <= ONE_SCAN);
        lately
            .min_by_key(|seen| (seen.first, seen.value))
            .map(|seen| seen.value)
    }

    /// Its latest hardware address.
    pub fn mac(&self) -> Option<Mac> {
        self.macs
            .iter()
            .filter(|seen| seen.current)
            .max_by_key(|seen| seen.last)
            .map(|seen| seen.value)
    }
}

/// A person's change to a device; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Another approval.
    pub status: Option<Approval>,
    /// Another name.
    pub name: Option<String>,
    /// Another class; `unknown` takes back the person's.
    pub class: Option<Class>,
    /// Other labels, all of them.
    pub labels: Option<BTreeMap<String, String>>,
    /// Other notes.
    pub notes: Option<String>,
    /// This device and that one are the same: it becomes a part of that one; 0 undoes it.
    pub same_as: Option<u64>,
}

/// Who changed what.
#[derive(Clone, Debug, PartialEq)]
pub struct Audit {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub by: String,
    /// Which device.
    pub device: u64,
    /// What, as JSON.
    pub change: String,
}

/// How a scan is going or went.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// Rising, over all agents.
    pub id: u64,
    /// The agent that scans.
    pub agent: LabelValue,
    /// When it began.
    pub started: Timestamp,
    /// When it ended, once it has.
    pub ended: Option<Timestamp>,
    /// Networks and methods; empty while it runs.
    pub sweeps: Vec<Sweep>,
    /// What could not be done.
    pub notes: Vec<String>,
    /// Addresses asked, answered, and all there are.
    pub counts: [u32; 3],
}
