//! Reads the table `audit`, which `inventory` makes and writes.

use rusqlite::{Connection, Result, Row, params};

use crate::model::{Audit, Timestamp};

/// Rows with their numbers, the newest first.
pub(super) fn load(
    connection: &Connection,
    device: Option<u64>,
    before: Option<u64>,
    most: usize,
) -> Result<Vec<(u64, Audit)>> {
    let mut statement = connection.prepare(
        "SELECT id, at, by, device, change FROM audit
         WHERE (?1 IS NULL OR device = ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
    )?;
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let unsigned = |row: &Row<'_>, index| {
        row.get::<_, i64>(index)
            .map(|number| u64::try_from(number).unwrap_or(0))
    };
    let rows = statement.query_map(
        params![device.map(signed), before.map(signed), signed(most as u64)],
        |row| {
            let audit = Audit {
                at: Timestamp::from_micros(unsigned(row, 1)?),
                by: row.get(2)?,
                device: unsigned(row, 3)?,
                change: row.get(4)?,
            };
            Ok((unsigned(row, 0)?, audit))
        },
    )?;
    rows.collect()
}
