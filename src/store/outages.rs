//! Table `outages`: the latest times without internet.

use std::sync::Arc;

use rusqlite::{Connection, Result, Transaction, params};

use super::column::{Agents, integer, optional_time, time};
use super::step::Step;
use crate::model::{Fault, Outage};

/// `failed_checks` is a JSON list of names.
pub(super) const STEPS: &[Step] = &[
    (
        2,
        "CREATE TABLE outages (
         start INTEGER PRIMARY KEY,
         end INTEGER,
         fault TEXT NOT NULL,
         failed_checks TEXT NOT NULL,
         gateway_reachable INTEGER
     ) STRICT;",
    ),
    // SQLite cannot change a primary key.
    (
        7,
        "ALTER TABLE outages RENAME TO outages_of_version_6;
        CREATE TABLE outages (
            agent TEXT NOT NULL DEFAULT 'local',
            start INTEGER NOT NULL,
            end INTEGER,
            fault TEXT NOT NULL,
            failed_checks TEXT NOT NULL,
            gateway_reachable INTEGER,
            PRIMARY KEY (agent, start)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO outages (start, end, fault, failed_checks, gateway_reachable)
            SELECT start, end, fault, failed_checks, gateway_reachable FROM outages_of_version_6;
        DROP TABLE outages_of_version_6;",
    ),
];

/// So many of each agent are read at the start.
const READ: i64 = 500;
/// So many of each agent are kept: at one an hour, more than a year.
const KEEP: i64 = 10_000;

/// The newest rows of each agent, newest first.
pub(super) fn load(connection: &Connection) -> Result<Vec<Outage>> {
    let mut agents = Agents::default();
    let mut statement = connection.prepare(
        "SELECT agent, start, end, fault, failed_checks, gateway_reachable
         FROM (SELECT *, row_number() OVER (PARTITION BY agent ORDER BY start DESC) AS place FROM outages)
         WHERE place <= ?1 ORDER BY start DESC, agent",
    )?;
    let rows = statement.query_map([READ], |row| {
        let names: Vec<Arc<str>> = serde_json::from_str(row.get_ref(4)?.as_str()?).unwrap_or_default();
        Ok(Outage {
            agent: agents.get(row, 0)?,
            start: time(row, 1)?,
            end: optional_time(row, 2)?,
            // A fault that only a later lanpulse knows is none to this one.
            fault: Fault::parse(row.get_ref(3)?.as_str()?).unwrap_or_default(),
            failed_checks: names,
            gateway_reachable: row.get(5)?,
        })
    })?;
    rows.collect()
}

/// Writes an outage, and deletes those of its agent past [`KEEP`].
pub(super) fn save(transaction: &Transaction<'_>, outage: &Outage) -> Result<()> {
    let agent = outage.agent.as_str();
    let mut upsert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO outages (agent, start, end, fault, failed_checks, gateway_reachable)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    upsert.execute(params![
        agent,
        integer(outage.start),
        outage.end.map(integer),
        outage.fault.as_str(),
        serde_json::to_string(&outage.failed_checks).unwrap_or_else(|_| "[]".to_owned()),
        outage.gateway_reachable,
    ])?;
    let mut prune = transaction.prepare_cached(
        "DELETE FROM outages WHERE agent = ?1 AND start <= (
             SELECT start FROM outages WHERE agent = ?1 ORDER BY start DESC LIMIT 1 OFFSET ?2)",
    )?;
    prune.execute(params![agent, KEEP])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::store::schema;

    fn outage(start: u64) -> Outage {
        Outage {
            agent: "local".into(),
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
    fn outages_of_two_agents_may_start_at_one_moment() {
        let mut connection = schema::in_memory();
        let here = outage(100);
        let there = Outage {
            agent: "branch".into(),
            fault: Fault::Dns,
            ..outage(100)
        };
        let transaction = connection.transaction().unwrap();
        for outage in [&here, &there] {
            save(&transaction, outage).unwrap();
        }
        transaction.commit().unwrap();
        assert_eq!(load(&connection).unwrap(), [there, here]);
    }

    #[test]
    fn the_latest_outages_of_each_agent_are_kept_and_read() {
        let mut connection = schema::in_memory();
        connection
            .execute(
                "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
                 INSERT INTO outages (agent, start, fault, failed_checks)
                 SELECT 'local', n * 1000000, 'dns', '[]' FROM n UNION ALL SELECT 'branch', 1, 'dns', '[]'",
                [KEEP],
            )
            .unwrap();
        let transaction = connection.transaction().unwrap();
        save(&transaction, &outage(KEEP as u64 + 1)).unwrap();
        transaction.commit().unwrap();
        let read = load(&connection).unwrap();
        assert_eq!((read.len(), &read[0]), (READ as usize + 1, &outage(KEEP as u64 + 1)));
        assert_eq!(read[READ as usize].agent.as_str(), "branch");
        let kept: (i64, i64) = connection
            .query_row(
                "SELECT count(*), min(start) FROM outages WHERE agent = 'local'",
                (),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(kept, (KEEP, 2_000_000));
    }
}
