//! Table `audit`: who changed what. All rows are kept. The number of a device is unique over all agents, so a row needs none.

use rusqlite::{Connection, Result, Transaction, params};

use super::column::{integer, signed, time, unsigned};
use super::step::Step;
use crate::model::Audit;

pub(super) const STEPS: &[Step] = &[(
    4,
    "CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        by TEXT NOT NULL,
        device INTEGER NOT NULL,
        change TEXT NOT NULL
    ) STRICT;",
)];

/// Rows with their numbers, the newest first: of one device, and before a number, where these are given.
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
    let limits = params![device.map(signed), before.map(signed), signed(most as u64)];
    let rows = statement.query_map(limits, |row| {
        let audit = Audit {
            at: time(row, 1)?,
            by: row.get(2)?,
            device: unsigned(row, 3)?,
            change: row.get(4)?,
        };
        Ok((unsigned(row, 0)?, audit))
    })?;
    rows.collect()
}

/// Writes a row.
pub(super) fn save(transaction: &Transaction<'_>, audit: &Audit) -> Result<()> {
    let sql = "INSERT INTO audit (at, by, device, change) VALUES (?1, ?2, ?3, ?4)";
    transaction.prepare_cached(sql)?.execute(params![
        integer(audit.at),
        audit.by,
        signed(audit.device),
        audit.change
    ])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::store::schema;

    #[test]
    fn rows_are_found_by_device_and_by_page() {
        let mut connection = schema::in_memory();
        let transaction = connection.transaction().unwrap();
        let audit = |device| Audit {
            at: Timestamp::from_secs(device),
            by: "é".into(),
            device,
            change: "{}".into(),
        };
        for device in [7, 8, 7] {
            save(&transaction, &audit(device)).unwrap();
        }
        transaction.commit().unwrap();
        let ids = |device, before, most| -> Vec<u64> {
            let rows = load(&connection, device, before, most).unwrap();
            rows.iter().map(|(id, _)| *id).collect()
        };
        assert_eq!(ids(None, None, 10), [3, 2, 1]);
        assert_eq!(ids(None, None, 2), [3, 2]);
        assert_eq!(ids(Some(7), None, 10), [3, 1]);
        assert_eq!(ids(Some(7), Some(3), 10), [1]);
        assert_eq!(ids(None, Some(1), 10), [0; 0]);
        assert_eq!(load(&connection, Some(8), None, 1).unwrap()[0].1, audit(8));
    }
}
