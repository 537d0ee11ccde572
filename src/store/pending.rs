//! What of the inventory waits to be written.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Record, Row};

/// What waits to be written: the latest of each device, and everything else in its order.
#[derive(Default)]
pub(super) struct Pending {
    /// `None` deletes.
    pub records: BTreeMap<u64, Option<Arc<Record>>>,
    /// Events, scans and audit rows.
    pub rows: Vec<Row>,
}

/// More rows than this that cannot be written are dropped, the oldest first: a full disk must not eat the memory.
const MOST_ROWS: usize = 20_000;

impl Pending {
    /// Behind what waits already.
    pub fn add(&mut self, rows: Vec<Row>) {
        for row in rows {
            match row {
                Row::Record(record) => drop(self.records.insert(record.id, Some(record))),
                Row::ForgetRecord(id) => drop(self.records.insert(id, None)),
                row => self.rows.push(row),
            }
        }
        let surplus = self.rows.len().saturating_sub(MOST_ROWS);
        self.rows.drain(..surplus);
    }

    /// Puts back what could not be written, under what has come since.
    pub fn restore(&mut self, old: Self) {
        let newer = std::mem::replace(self, old);
        self.records.extend(newer.records);
        self.add(newer.rows);
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.records.len() + self.rows.len()
    }
}
