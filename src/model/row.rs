//! Everything that is kept across restarts, as one closed set: the state makes rows, the store writes them.

use std::sync::Arc;

use super::{
    Audit, Device, EventRecord, HeartbeatRow, LabelValue, Outage, PersistedWalk, Record, Scan, SignalRecord, Timestamp,
};

/// One change to what is kept.
///
/// Most rows replace an earlier row with the same key. Signals, events and audit rows are each kept for themselves.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// The status of a watched device; the key is its name.
    Device(Device),
    /// Delete the row of the watched device with this name.
    ForgetDevice(LabelValue),
    /// What changed in the SNMP counters of a device; the keys are its name and each interface.
    Walk(PersistedWalk),
    /// A time without internet; the key is its start.
    Outage(Outage),
    /// A device of the inventory, whole; the key is its id.
    Record(Arc<Record>),
    /// Delete the device of the inventory with this id.
    ForgetRecord(u64),
    /// Something that happened.
    Event(EventRecord),
    /// A finished scan; the key is its id.
    Scan(Scan),
    /// A person's change.
    Audit(Audit),
    /// The state of a heartbeat; the key is its name.
    Heartbeat(LabelValue, Box<HeartbeatRow>),
    /// Delete the heartbeat with this name, and its signals.
    ForgetHeartbeat(LabelValue),
    /// A report of a heartbeat.
    Signal(SignalRecord),
    /// lanpulse was alive at this time: its next start learns how long it was away.
    Alive(Timestamp),
}
