//! Table `outages`: the latest times without internet.

use std::sync::Arc;

use rusqlite::{Connection, Result, Transaction, params};

use super::column::{integer, optional_time, time};
use super::step::Step;
use crate::model::{Fault, Outage};

/// `failed_checks` is a JSON list of names.
pub(super) const STEPS: &[Step] = &[(
    2,
    "CREATE TABLE outages (
         start INTEGER PRIMARY KEY,
         end INTEGER,
         fault TEXT NOT NULL,
         failed_checks TEXT NOT NULL,
         gateway_reachable INTEGER
     ) STRICT;",
)];

/// So many are read at the start.
const READ: i64 = 500;
/// So many are kept: at one an hour, more than a year.
const KEEP: i64 = 10_000;

/// The newest rows, newest first.
pub(super) fn load(connection: &Connection) -> Result<Vec<Outage>> {
    let mut statement = connection.prepare(
        "SELECT start, end, fault, failed_checks, gateway_reachable FROM outages ORDER BY start DESC LIMIT ?1",
    )?;
    let rows = statement.query_map([READ], |row| {
        let names: Vec<Arc<str>> = serde_json::from_str(row.get_ref(3)?.as_str()?).unwrap_or_default();
        Ok(Outage {
            start: time(row, 0)?,
            end: optional_time(row, 1)?,
            // A fault that only a later lanpulse knows is none to this one.
            fault: Fault::parse(row.get_ref(2)?.as_str()?).unwrap_or_default(),
            failed_checks: names,
            gateway_reachable: row.get(4)?,
        })
    })?;
    rows.collect()
}

/// Writes an outage, and deletes those past [`KEEP`].
pub(super) fn save(transaction: &Transaction<'_>, outage: &Outage) -> Result<()> {
    let mut upsert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO outages (start, end, fault, failed_checks, gateway_reachable)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    upsert.execute(params![
        integer(outage.start),
        outage.end.map(integer),
        outage.fault.as_str(),
        serde_json::to_string(&outage.failed_checks).unwrap_or_else(|_| "[]".to_owned()),
        outage.gateway_reachable,
    ])?;
    let prune = "DELETE FROM outages WHERE start <= (SELECT start FROM outages ORDER BY start DESC LIMIT 1 OFFSET ?1)";
    transaction.prepare_cached(prune)?.execute([KEEP])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::store::schema;

    fn outage(start: u64) -> Outage {
        Outage {
            start: Timestamp::from_secs(start),
            end: None,
            fault: Fault::Gateway,
            failed_checks: vec!["a".into(), "b \"c\"".into()],
            gateway_reachable: Some(false),
        }
    }

    #[test]
    fn an_outage_comes_back_and_its_end_replaces_it() {
        let mut connection = schema::in_memory();
        let mut outage = outage(100);
        for end in [None, Some(Timestamp::from_secs(160))] {
            outage.end = end;
            let transaction = connection.transaction().unwrap();
            save(&transaction, &outage).unwrap();
            transaction.commit().unwrap();
            assert_eq!(load(&connection).unwrap(), [outage.clone()]);
        }
    }

    #[test]
    fn the_latest_outages_are_kept_and_read() {
        let mut connection = schema::in_memory();
        connection
            .execute(
                "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
                 INSERT INTO outages (start, fault, failed_checks) SELECT n * 1000000, 'dns', '[]' FROM n",
                [KEEP],
            )
            .unwrap();
        let transaction = connection.transaction().unwrap();
        save(&transaction, &outage(KEEP as u64 + 1)).unwrap();
        transaction.commit().unwrap();
        let read = load(&connection).unwrap();
        assert_eq!((read.len(), &read[0]), (READ as usize, &outage(KEEP as u64 + 1)));
        let kept: (i64, i64) = connection
            .query_row("SELECT count(*), min(start) FROM outages", (), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(kept, (KEEP, 2_000_000));
    }
}
