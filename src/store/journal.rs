//! The rows of what happened: events, scans, and who changed what.
//!
//! Owns the SQL that writes and reads them, and how many stay. Their tables are made with the inventory's.

use rusqlite::{Connection, Result, Transaction, params};

use super::column::{integer, signed, time, unsigned};
use crate::model::{Audit, EventRecord, Row, Scan};

/// Events in the file, at most; the oldest go.
const EVENTS: u64 = 100_000;
/// Scans in the file, at most.
const SCANS: u64 = 10_000;
/// Events read at the start.
const RECENT: u32 = 1000;

/// The latest events, in their order.
pub(super) fn recent(connection: &Connection) -> Result<Vec<EventRecord>> {
    let mut statement = connection.prepare("SELECT id, at, kind, detail FROM events ORDER BY id DESC LIMIT ?1")?;
    let events = statement.query_map([RECENT], |row| {
        Ok(EventRecord {
            id: unsigned(row, 0)?,
            at: time(row, 1)?,
            kind: row.get_ref(2)?.as_str()?.into(),
            detail: row.get_ref(3)?.as_str()?.into(),
        })
    })?;
    let mut events = events.collect::<Result<Vec<EventRecord>>>()?;
    events.reverse();
    Ok(events)
}

/// Audit rows with their numbers, the newest first.
pub(super) fn audits(
    connection: &Connection,
    device: Option<u64>,
    before: Option<u64>,
    most: usize,
) -> Result<Vec<(u64, Audit)>> {
    let mut statement = connection.prepare(
        "SELECT id, at, by, device, change FROM audit
         WHERE (?1 IS NULL OR device = ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
    )?;
    let rows = statement.query_map(
        params![device.map(signed), before.map(signed), signed(most as u64)],
        |row| {
            let audit = Audit {
                at: time(row, 1)?,
                by: row.get(2)?,
                device: unsigned(row, 3)?,
                change: row.get(4)?,
            };
            Ok((unsigned(row, 0)?, audit))
        },
    )?;
    rows.collect()
}

/// Writes rows within the transaction, and deletes the oldest past what is kept.
pub(super) fn write(transaction: &Transaction<'_>, rows: &[Row]) -> Result<()> {
    for row in rows {
        insert(transaction, row)?;
    }
    if !rows.is_empty() {
        for (table, keep) in [("events", EVENTS), ("scans", SCANS)] {
            let sql = format!("DELETE FROM {table} WHERE id <= (SELECT max(id) FROM {table}) - ?1");
            transaction.prepare_cached(&sql)?.execute([signed(keep)])?;
        }
    }
    Ok(())
}

fn insert(transaction: &Transaction<'_>, row: &Row) -> Result<()> {
    match row {
        Row::Event(event) => {
            let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO events VALUES (?1, ?2, ?3, ?4)")?;
            insert.execute(params![
                signed(event.id),
                integer(event.at),
                &*event.kind,
                &*event.detail
            ])?;
        }
        Row::Scan(Scan {
            id,
            started,
            ended,
            sweeps,
            notes,
            ..
        }) => {
            let (sweeps, notes) = (serde_json::to_string(sweeps), serde_json::to_string(notes));
            let ended = ended.map(integer);
            let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO scans VALUES (?1, ?2, ?3, ?4, ?5)")?;
            insert.execute(params![
                signed(*id),
                integer(*started),
                ended,
                sweeps.unwrap_or_default(),
                notes.unwrap_or_default()
            ])?;
        }
        Row::Audit(audit) => {
            let mut insert =
                transaction.prepare_cached("INSERT INTO audit (at, by, device, change) VALUES (?1, ?2, ?3, ?4)")?;
            insert.execute(params![integer(audit.at), audit.by, signed(audit.device), audit.change])?;
        }
        _ => {}
    }
    Ok(())
}
