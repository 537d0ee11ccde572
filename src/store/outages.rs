//! The rows of table `outages`: the newest read at start, written by their start.
//!
//! Owns the SQL of the rows. Gets a connection and what changed from `writer`; gives `Outage`s.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, Result, Transaction, params};

use super::column::{integer, timestamp};
use crate::model::{Fault, Outage, Timestamp};

/// The latest state of each outage, by its start.
pub(super) type Outages = BTreeMap<Timestamp, Outage>;

/// So many are read at start.
const READ: i64 = 500;
/// So many are kept: at one an hour, more than a year.
const KEEP: i64 = 10_000;

/// The newest rows, newest first.
pub(super) fn load(connection: &Connection) -> Result<Vec<Outage>> {
    let mut statement = connection.prepare(
        "SELECT start, end, fault, failed_checks, gateway_reachable FROM outages ORDER BY start DESC LIMIT ?1",
    )?;
    let rows = statement.query_map([READ], |row| {
        let names: String = row.get(3)?;
        let names: Vec<Arc<str>> = serde_json::from_str(&names).unwrap_or_default();
        Ok(Outage {
            start: timestamp(row.get(0)?),
            end: row.get::<_, Option<i64>>(1)?.map(timestamp),
            // A fault that only a later lanpulse knows is none to this one.
            fault: Fault::parse(row.get_ref(2)?.as_str()?).unwrap_or_default(),
            failed_checks: names,
            gateway_reachable: row.get(4)?,
        })
    })?;
    rows.collect()
}

/// Writes the outages within the transaction, and drops the oldest past [`KEEP`].
pub(super) fn write(transaction: &Transaction<'_>, outages: &Outages) -> Result<()> {
    let mut upsert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO outages (start, end, fault, failed_checks, gateway_reachable)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for outage in outages.values() {
        upsert.execute(params![
            integer(outage.start),
            outage.end.map(integer),
            outage.fault.as_str(),
            serde_json::to_string(&outage.failed_checks).unwrap_or_else(|_| "[]".to_owned()),
            outage.gateway_reachable,
        ])?;
    }
    if !outages.is_empty() {
        let old = "DELETE FROM outages WHERE start NOT IN (SELECT start FROM outages ORDER BY start DESC LIMIT ?1)";
        transaction.prepare_cached(old)?.execute([KEEP])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::TransactionBehavior;

    use super::*;
    use crate::store::schema;

    #[test]
    fn an_outage_comes_back_and_is_written_over_by_its_end() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let mut outage = Outage {
            start: Timestamp::from_secs(100),
            end: None,
            fault: Fault::Gateway,
            failed_checks: vec!["a".into(), "b \"c\"".into()],
            gateway_reachable: Some(false),
        };
        for end in [None, Some(Timestamp::from_secs(160))] {
            outage.end = end;
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .unwrap();
            write(&transaction, &Outages::from([(outage.start, outage.clone())])).unwrap();
            transaction.commit().unwrap();
            assert_eq!(load(&connection).unwrap(), [outage.clone()]);
        }
    }
}
