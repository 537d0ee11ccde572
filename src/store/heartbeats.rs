//! Table `heartbeats`: what must survive of each heartbeat.

use std::collections::HashMap;

use rusqlite::{Connection, Result, Row, Transaction, params};

use super::column::{integer, length, optional_length, optional_time};
use super::step::Step;
use crate::model::{HeartbeatRow, LabelValue};

/// `every` and `grace` are set for heartbeats that a client has provisioned.
pub(super) const STEPS: &[Step] = &[(
    3,
    "CREATE TABLE heartbeats (
         id INTEGER PRIMARY KEY,
         name TEXT UNIQUE NOT NULL,
         last_ok INTEGER,
         last_fail INTEGER,
         last_start INTEGER,
         last_signal INTEGER,
         run_id TEXT,
         running INTEGER NOT NULL,
         watched_since INTEGER,
         last_duration INTEGER,
         last_exit INTEGER,
         failures INTEGER NOT NULL,
         paused INTEGER NOT NULL,
         resumed_at INTEGER,
         counted_from INTEGER,
         excused_until INTEGER,
         every INTEGER,
         grace INTEGER
     ) STRICT;",
)];

const UPSERT: &str = "
    INSERT INTO heartbeats (name, last_ok, last_fail, last_start, last_signal, run_id, running, watched_since,
        last_duration, last_exit, failures, paused, resumed_at, counted_from, excused_until, every, grace)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
    ON CONFLICT (name) DO UPDATE SET
        last_ok = excluded.last_ok, last_fail = excluded.last_fail, last_start = excluded.last_start,
        last_signal = excluded.last_signal, run_id = excluded.run_id, running = excluded.running,
        watched_since = excluded.watched_since, last_duration = excluded.last_duration,
        last_exit = excluded.last_exit, failures = excluded.failures, paused = excluded.paused,
        resumed_at = excluded.resumed_at, counted_from = excluded.counted_from,
        excused_until = excluded.excused_until, every = excluded.every, grace = excluded.grace";

/// All rows, by name.
pub(super) fn load(connection: &Connection) -> Result<HashMap<LabelValue, HeartbeatRow>> {
    let mut statement = connection.prepare(
        "SELECT name, last_ok, last_fail, last_start, last_signal, run_id, running, watched_since, last_duration,
             last_exit, failures, paused, resumed_at, counted_from, excused_until, every, grace FROM heartbeats",
    )?;
    statement.query_map((), heartbeat)?.collect()
}

fn heartbeat(row: &Row<'_>) -> Result<(LabelValue, HeartbeatRow)> {
    let kept = HeartbeatRow {
        last_ok: optional_time(row, 1)?,
        last_fail: optional_time(row, 2)?,
        last_start: optional_time(row, 3)?,
        last_signal: optional_time(row, 4)?,
        run_id: row.get(5)?,
        running: row.get(6)?,
        watched_since: optional_time(row, 7)?,
        last_duration: optional_length(row, 8)?,
        last_exit: row.get(9)?,
        failures: row.get(10)?,
        paused: row.get(11)?,
        resumed_at: optional_time(row, 12)?,
        counted_from: optional_time(row, 13)?,
        excused_until: optional_time(row, 14)?,
        provision: optional_length(row, 15)?.zip(optional_length(row, 16)?),
    };
    Ok((LabelValue::new(row.get_ref(0)?.as_str()?), kept))
}

/// Writes a heartbeat's row.
pub(super) fn save(transaction: &Transaction<'_>, name: &LabelValue, row: &HeartbeatRow) -> Result<()> {
    let mut upsert = transaction.prepare_cached(UPSERT)?;
    upsert.execute(params![
        name.as_str(),
        row.last_ok.map(integer),
        row.last_fail.map(integer),
        row.last_start.map(integer),
        row.last_signal.map(integer),
        row.run_id,
        row.running,
        row.watched_since.map(integer),
        row.last_duration.map(length),
        row.last_exit,
        row.failures,
        row.paused,
        row.resumed_at.map(integer),
        row.counted_from.map(integer),
        row.excused_until.map(integer),
        row.provision.map(|(every, _)| length(every)),
        row.provision.map(|(_, grace)| length(grace)),
    ])?;
    Ok(())
}

/// Deletes a heartbeat's row.
pub(super) fn delete(transaction: &Transaction<'_>, name: &LabelValue) -> Result<()> {
    let mut delete = transaction.prepare_cached("DELETE FROM heartbeats WHERE name = ?1")?;
    delete.execute([name.as_str()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Timestamp;
    use crate::store::schema;

    #[test]
    fn every_value_comes_back() {
        let at = |micros| Some(Timestamp::from_micros(micros));
        let mut connection = schema::in_memory();
        assert_eq!(load(&connection).unwrap(), HashMap::new());
        let row = HeartbeatRow {
            last_ok: at(1),
            last_fail: at(2),
            last_start: at(3),
            last_signal: at(4),
            run_id: Some("é".into()),
            running: true,
            watched_since: at(5),
            last_duration: Some(Duration::from_micros(6)),
            last_exit: Some(-7),
            failures: 8,
            paused: true,
            resumed_at: at(9),
            counted_from: at(10),
            excused_until: at(11),
            provision: Some((Duration::from_micros(12), Duration::from_micros(13))),
        };
        let rows = HashMap::from([("a\"'".into(), row), ("b".into(), HeartbeatRow::default())]);
        let transaction = connection.transaction().unwrap();
        for (name, row) in &rows {
            save(&transaction, name, &HeartbeatRow::default()).unwrap();
            save(&transaction, name, row).unwrap();
        }
        transaction.commit().unwrap();
        assert_eq!(load(&connection).unwrap(), rows);
        let transaction = connection.transaction().unwrap();
        delete(&transaction, &"a\"'".into()).unwrap();
        transaction.commit().unwrap();
        assert_eq!(load(&connection).unwrap().into_keys().collect::<Vec<_>>(), ["b".into()]);
    }
}
