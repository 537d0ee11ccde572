//! What happens: one closed set of events, told to the log, the store and the clients of the event stream.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::closed::closed_set;
use super::{Approval, Failure, Fault, HeartbeatState, LabelValue, Mac, Status, Subject, Timestamp};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A device changed its status.
    Status(StatusChange),
    /// A check came to another outcome than the time before.
    Check(CheckChange),
    /// The internet went down or came back.
    Internet(InternetChange),
    /// This host's own link went down or came back.
    Link {
        /// Whether it is up now.
        up: bool,
    },
    /// A heartbeat changed its state.
    Heartbeat(HeartbeatChange),
    /// Something happened to a device of the inventory.
    Inventory(InventoryChange),
    /// A scan ended.
    Scan(ScanEnd),
}

impl Event {
    /// The API's word for it, where clients of the event stream are told of it and it is stored.
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Status(change) => match change.to {
                Status::Down => Some("device_down"),
                Status::Up if change.from == Status::Down => Some("device_up"),
                Status::Degraded => Some("latency"),
                Status::Up | Status::Unknown | Status::Maintenance => None,
            },
            Self::Heartbeat(_) => Some("heartbeat"),
            Self::Inventory(change) => Some(change.kind.event()),
            Self::Scan(_) => Some("scan"),
            Self::Check(_) | Self::Internet(_) | Self::Link { .. } => None,
        }
    }

    /// What clients of the event stream read beside its kind.
    pub fn json(&self) -> Value {
        match self {
            Self::Status(change) => json!({
                "device": change.device.as_str(),
                "from": change.from.as_str(),
                "to": change.to.as_str(),
                "reason": change.reason.map(Failure::as_str),
            }),
            Self::Check(change) => json!({
                "device": change.subject.label(),
                "probe": &*change.probe,
                "reason": change.outcome.err().map(Failure::as_str),
            }),
            Self::Internet(change) => json!({ "up": change.up, "fault": change.fault.as_str() }),
            Self::Link { up } => json!({ "up": up }),
            Self::Heartbeat(change) => json!({
                "heartbeat": change.heartbeat.as_str(),
                "from": change.from.as_str(),
                "to": change.to.as_str(),
                "reason": change.reason(),
            }),
            Self::Inventory(change) => change.json(),
            Self::Scan(end) => json!({
                "id": end.id,
                "state": end.state,
                "asked": end.asked,
                "answered": end.answered,
            }),
        }
    }
}

/// An event as it is numbered, stored and sent to clients.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRecord {
    /// Rising, over all agents.
    pub id: u64,
    /// The agent in whose site it happened; `local` for what is of no site.
    pub agent: LabelValue,
    /// When.
    pub at: Timestamp,
    /// The API's word: [`Event::kind`].
    pub kind: Arc<str>,
    /// More, as JSON: [`Event::json`].
    pub detail: Arc<str>,
}

/// A device changed its status.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusChange {
    /// The device.
    pub device: LabelValue,
    /// What it was.
    pub from: Status,
    /// What it is.
    pub to: Status,
    /// When.
    pub at: Timestamp,
    /// How long it had been what it was.
    pub after: Duration,
    /// The failure that led to it, if it is one.
    pub reason: Option<Failure>,
}

/// A check came to another outcome than the time before.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckChange {
    /// What was checked.
    pub subject: Subject,
    /// The check.
    pub probe: Arc<str>,
    /// Its new outcome.
    pub outcome: Result<(), Failure>,
    /// More about a failure, for people.
    pub detail: Option<Arc<str>>,
}

/// The internet went down or came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternetChange {
    /// What it is now.
    pub up: bool,
    /// Whether this is the first that is known of it.
    pub first: bool,
    /// Whose fault the outage is or was.
    pub fault: Fault,
    /// How long it was what it was before.
    pub after: Duration,
}

/// A heartbeat's state changed.
#[derive(Clone, Debug, PartialEq)]
pub struct HeartbeatChange {
    /// Which.
    pub heartbeat: LabelValue,
    /// What it was.
    pub from: HeartbeatState,
    /// What it is.
    pub to: HeartbeatState,
    /// Whether it is down because of a reported failure.
    pub failed: bool,
    /// Whether a run was under way.
    pub running: bool,
}

impl HeartbeatChange {
    /// Why it is down, for people; nothing where it is not.
    pub fn reason(&self) -> Option<&'static str> {
        let reason = match (self.failed, self.running) {
            (true, _) => "it reported a failure",
            (false, true) => "it runs too long",
            (false, false) => "it did not report",
        };
        (self.to == HeartbeatState::Down).then_some(reason)
    }
}

closed_set! {
    /// What happens to a device of the inventory: the `event` label.
    pub enum EventKind {
        /// A device that was never seen before.
        New = "new",
        /// A device that was gone.
        Back = "back",
        /// A device that was missed by enough complete scans.
        Gone = "gone",
        /// A device on an address it did not have.
        AddressChanged = "address_changed",
        /// An address that another hardware address has now.
        MacChanged = "mac_changed",
        /// Another name, by a person.
        Renamed = "renamed",
    }
}

impl EventKind {
    /// The API's word.
    pub const fn event(self) -> &'static str {
        match self {
            Self::New => "device_discovered",
            Self::Back => "device_back",
            Self::Gone => "device_gone",
            Self::AddressChanged | Self::MacChanged | Self::Renamed => "device_changed",
        }
    }
}

/// Something happened to a device of the inventory.
#[derive(Clone, Debug, PartialEq)]
pub struct InventoryChange {
    /// What.
    pub kind: EventKind,
    /// The device's id.
    pub id: u64,
    /// Its name now.
    pub device: LabelValue,
    /// What a person thinks of it.
    pub approval: Approval,
    /// The address to reach it at.
    pub address: Option<IpAddr>,
    /// Its latest hardware address.
    pub mac: Option<Mac>,
    /// What changed, as key and value: `from` is the name, address or hardware address before.
    pub more: Vec<(&'static str, String)>,
}

impl InventoryChange {
    fn json(&self) -> Value {
        let mut detail = json!({
            "event": self.kind.as_str(),
            "id": self.id,
            "device": self.device.as_str(),
            "status": self.approval.as_str(),
            "address": self.address,
            "mac": self.mac,
        });
        for (key, value) in &self.more {
            detail[*key] = value.as_str().into();
        }
        detail
    }
}

/// A scan ended.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanEnd {
    /// The scan.
    pub id: u64,
    /// `complete`, `partial` or `failed`.
    pub state: &'static str,
    /// Addresses that were asked.
    pub asked: u32,
    /// Addresses that answered.
    pub answered: u32,
}
