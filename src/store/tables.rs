//! Every table in one place. A new one costs its file, its variant of `Row`, and its lines here.
//!
//! The compiler asks for a new row in [`Tables::write`] and in `pending`.

use rusqlite::{Connection, Result, Transaction};

use super::devices::Devices;
use super::signals::Signals;
use super::step::Step;
use super::walks::Walks;
use super::{audit, devices, events, heartbeats, inventory, meta, outages, scans, signals, walks};
use crate::model::{Device, EventRecord, Outage, PersistedWalk, Record, Row};

/// The steps of the schema, table by table.
pub(super) const STEPS: &[&[Step]] = &[
    devices::STEPS,
    outages::STEPS,
    heartbeats::STEPS,
    signals::STEPS,
    meta::STEPS,
    inventory::STEPS,
    events::STEPS,
    scans::STEPS,
    audit::STEPS,
    walks::STEPS,
];

/// What the database held at the start.
#[derive(Debug, Default)]
pub struct Stored {
    /// The watched devices.
    pub devices: Vec<Device>,
    /// The newest outages, newest first.
    pub outages: Vec<Outage>,
    /// What the counters of SNMP walks go on from.
    pub walks: Vec<PersistedWalk>,
    /// The devices of the inventory and the latest events in their order; `None` where they could not be read.
    pub inventory: Option<(Vec<Record>, Vec<EventRecord>)>,
}

/// Reads what the start needs.
pub(super) fn load(connection: &Connection) -> Result<Stored> {
    Ok(Stored {
        devices: devices::load(connection)?,
        outages: outages::load(connection)?,
        walks: walks::load(connection)?,
        inventory: Some((inventory::load(connection)?, events::load(connection)?)),
    })
}

/// Writes rows into their tables.
#[derive(Debug, Default)]
pub(super) struct Tables {
    devices: Devices,
    signals: Signals,
    walks: Walks,
}

impl Tables {
    /// Reads what could not be read at the start, where that matters to what is written.
    pub(super) fn load_late(&mut self, connection: &Connection) -> Result<()> {
        self.devices.load_late(connection)
    }

    /// Writes a row within the transaction.
    pub(super) fn write(&mut self, transaction: &Transaction<'_>, row: &Row) -> Result<()> {
        match row {
            Row::Device(device) => self.devices.save(transaction, device),
            Row::ForgetDevice(name) => self.devices.delete(transaction, name),
            Row::Walk(walk) => self.walks.save(transaction, walk),
            Row::Outage(outage) => outages::save(transaction, outage),
            Row::Record(record) => inventory::save(transaction, record),
            Row::ForgetRecord(id) => inventory::delete(transaction, *id),
            Row::Event(event) => events::save(transaction, event),
            Row::Scan(scan) => scans::save(transaction, scan),
            Row::Audit(row) => audit::save(transaction, row),
            Row::Heartbeat(name, row) => heartbeats::save(transaction, name, row),
            Row::ForgetHeartbeat(name) => {
                heartbeats::delete(transaction, name)?;
                self.signals.delete(transaction, name)
            }
            Row::Signal(record) => self.signals.save(transaction, record),
            Row::Alive(at) => meta::save_alive(transaction, *at),
        }
    }
}
