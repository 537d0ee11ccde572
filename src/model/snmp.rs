//! What one SNMP walk of a device brought: system facts and rows of its interface table; and what is kept of walks over a
//! restart of lanpulse.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{LabelValue, Timestamp};

/// What an interface counts; the order of [`MEASURES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Measure {
    ReceiveBytes,
    TransmitBytes,
    ReceivePackets,
    TransmitPackets,
    ReceiveErrors,
    TransmitErrors,
    ReceiveDiscards,
    TransmitDiscards,
}

/// All of them.
pub const MEASURES: [Measure; 8] = [
    Measure::ReceiveBytes,
    Measure::TransmitBytes,
    Measure::ReceivePackets,
    Measure::TransmitPackets,
    Measure::ReceiveErrors,
    Measure::TransmitErrors,
    Measure::ReceiveDiscards,
    Measure::TransmitDiscards,
];

/// A counter as the device gave it: its 64-bit form, its 32-bit form, both or neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Of 64 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wide: Option<u64>,
    /// Of 32 bits: it begins anew every 4,294,967,296.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrow: Option<u32>,
}

/// What changes rarely about an interface; IF-MIB (RFC 2863).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceFacts {
    /// The `interface` label: unique on the device.
    pub name: LabelValue,
    /// ifIndex.
    pub index: u32,
    /// ifAlias: what the administrator calls it.
    pub alias: Option<LabelValue>,
    /// ifDescr.
    pub description: Option<LabelValue>,
    /// ifType, by its name.
    pub kind: Option<LabelValue>,
    /// ifPhysAddress.
    pub mac: Option<LabelValue>,
    /// ifHighSpeed, or ifSpeed where that is 0 or missing, in bits per second; 0 where the device says so.
    pub speed: Option<u64>,
}

/// One row: what was read of an interface in one walk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InterfaceRow {
    /// Which interface.
    pub facts: Arc<InterfaceFacts>,
    /// ifOperStatus: up, or anything else; absent while the device does not know.
    pub up: Option<bool>,
    /// ifAdminStatus: up, or anything else.
    pub enabled: Option<bool>,
    /// The counters, in the order of [`MEASURES`].
    pub samples: [Sample; MEASURES.len()],
}

/// The system group (RFC 3418).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemFacts {
    /// sysName.
    pub name: Option<LabelValue>,
    /// sysDescr.
    pub description: Option<LabelValue>,
    /// sysObjectID, in digits.
    pub object_id: Option<LabelValue>,
    /// sysLocation.
    pub location: Option<LabelValue>,
    /// sysContact.
    pub contact: Option<LabelValue>,
    /// snmpEngineID in hexadecimal digits (RFC 3411), where it was spoken to in version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<LabelValue>,
}

/// What a device said of itself by SNMP, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemReading {
    /// The system group.
    pub facts: SystemFacts,
    /// sysUpTime then.
    pub uptime: Option<Duration>,
    /// When.
    pub at: Timestamp,
}

/// What one walk read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Walk {
    /// The system group as last read.
    pub system: Option<Arc<SystemFacts>>,
    /// sysUpTime in hundredths of a second; it begins anew after 497 days.
    pub uptime: Option<u32>,
    /// What was read of the interfaces, also where the walk was not complete.
    pub interfaces: Vec<InterfaceRow>,
    /// Datagrams sent.
    pub requests: u64,
    /// Those of them that repeated a question.
    pub retries: u64,
}

impl Walk {
    /// Whether the agent answered at all, even if the walk then broke off.
    pub fn has_answer(&self) -> bool {
        self.uptime.is_some() || !self.interfaces.is_empty()
    }
}

/// What is kept of a counter over a restart of lanpulse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersistedCounter {
    /// Never read.
    #[default]
    Unseen,
    /// Of 64 bits: the device itself keeps it.
    Wide,
    /// Of 32 bits, of an agent that restarted since it was last read: it begins anew.
    Reset,
    /// Of 32 bits: the total so far. Its lower half is what the device said.
    Narrow(u64),
}

/// The counters of an interface, in the order of [`MEASURES`].
pub type PersistedCounters = [PersistedCounter; MEASURES.len()];

/// sysUpTime as last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersistedUptime {
    /// Hundredths of a second.
    pub ticks: u32,
    /// When it was read.
    pub at: Timestamp,
    /// How often it had begun anew by then, without a restart.
    pub wraps: u64,
}

/// What is kept of a device's walks over a restart of lanpulse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistedWalk {
    /// The agent that walks it: the same name at another agent is another device.
    pub agent: LabelValue,
    /// The target's name.
    pub device: LabelValue,
    /// The target's address: at another one is another device.
    pub address: String,
    /// When its counters were last read.
    pub at: Timestamp,
    /// How long its agent had run.
    pub uptime: Option<PersistedUptime>,
    /// Its interfaces by name: all of them where they were loaded, those that changed where they are to be saved. `None`
    /// is forgotten.
    pub interfaces: BTreeMap<LabelValue, Option<PersistedCounters>>,
}
