//! Table `heartbeat_signals`: the latest reports of each heartbeat.

use std::collections::HashMap;

use rusqlite::{Connection, Result, Row, Transaction, params};

use super::column::{integer, length, optional_length, time};
use super::step::Step;
use crate::model::{LabelValue, Signal, SignalKind, SignalRecord};

pub(super) const STEPS: &[Step] = &[(
    3,
    "CREATE TABLE heartbeat_signals (
         id INTEGER PRIMARY KEY,
         heartbeat TEXT NOT NULL,
         at INTEGER NOT NULL,
         kind TEXT NOT NULL,
         exit INTEGER,
         run_id TEXT,
         duration INTEGER,
         source TEXT,
         message TEXT
     ) STRICT;
     CREATE INDEX heartbeat_signals_by_heartbeat ON heartbeat_signals (heartbeat, id);",
)];

/// Signals kept of each heartbeat.
const KEEP: i64 = 100;
/// The signals past [`KEEP`] are deleted after so many new ones of a heartbeat: together that costs less.
const PRUNE_EVERY: u32 = 20;

const INSERT: &str = "
    INSERT INTO heartbeat_signals (heartbeat, at, kind, exit, run_id, duration, source, message)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const PRUNE: &str = "
    DELETE FROM heartbeat_signals WHERE heartbeat = ?1 AND id <= (
        SELECT id FROM heartbeat_signals WHERE heartbeat = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";

/// The latest signals of a heartbeat, the newest first.
pub(super) fn load(connection: &Connection, name: &LabelValue, most: usize) -> Result<Vec<SignalRecord>> {
    let mut statement = connection.prepare(
        "SELECT at, kind, exit, run_id, duration, source, message FROM heartbeat_signals
         WHERE heartbeat = ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let record = |row: &Row<'_>| {
        Ok(SignalRecord {
            heartbeat: name.clone(),
            at: time(row, 0)?,
            signal: Signal {
                kind: kind(row.get_ref(1)?.as_str()?, row.get(2)?),
                run_id: row.get(3)?,
                duration: optional_length(row, 4)?,
                source: row.get::<_, Option<String>>(5)?.and_then(|text| text.parse().ok()),
                message: row.get(6)?,
            },
        })
    };
    statement
        .query_map(params![name.as_str(), most.cast_signed() as i64], record)?
        .collect()
}

/// A kind that only a later lanpulse knows is a note to this one: it changes nothing.
fn kind(label: &str, exit: Option<i64>) -> SignalKind {
    match (label, exit) {
        ("ok", _) => SignalKind::Ok,
        ("fail", _) => SignalKind::Fail,
        ("start", _) => SignalKind::Start,
        ("exit", Some(code)) => SignalKind::Exit(code),
        _ => SignalKind::Log,
    }
}

/// Writes the table.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// How many signals of each heartbeat were written since its old ones were deleted.
    written: HashMap<LabelValue, u32>,
}

impl Signals {
    /// Writes a signal, and now and then deletes the oldest of its heartbeat.
    pub(super) fn save(&mut self, transaction: &Transaction<'_>, record: &SignalRecord) -> Result<()> {
        let signal = &record.signal;
        transaction.prepare_cached(INSERT)?.execute(params![
            record.heartbeat.as_str(),
            integer(record.at),
            signal.kind.as_str(),
            signal.kind.exit(),
            signal.run_id,
            signal.duration.map(length),
            signal.source.map(|source| source.to_string()),
            signal.message,
        ])?;
        // With the first signal after the start, because nobody knows how many there are.
        let written = self.written.entry(record.heartbeat.clone()).or_insert(PRUNE_EVERY);
        *written += 1;
        if *written > PRUNE_EVERY {
            *written = 0;
            let mut prune = transaction.prepare_cached(PRUNE)?;
            prune.execute(params![record.heartbeat.as_str(), KEEP])?;
        }
        Ok(())
    }

    /// Deletes all signals of a heartbeat.
    pub(super) fn delete(&mut self, transaction: &Transaction<'_>, heartbeat: &LabelValue) -> Result<()> {
        self.written.remove(heartbeat);
        let mut delete = transaction.prepare_cached("DELETE FROM heartbeat_signals WHERE heartbeat = ?1")?;
        delete.execute([heartbeat.as_str()])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Timestamp;
    use crate::store::schema;

    fn record(n: u64, kind: SignalKind) -> SignalRecord {
        SignalRecord {
            heartbeat: "a\"'".into(),
            at: Timestamp::from_micros(n),
            signal: Signal {
                kind,
                run_id: Some(format!("r{n}")),
                duration: Some(Duration::from_micros(n)),
                source: Some([127, 0, 0, 1].into()),
                message: Some("é\0".into()),
            },
        }
    }

    #[test]
    fn every_value_comes_back() {
        let mut connection = schema::in_memory();
        let kinds = [
            SignalKind::Ok,
            SignalKind::Fail,
            SignalKind::Start,
            SignalKind::Log,
            SignalKind::Exit(-3),
        ];
        let records: Vec<_> = kinds.iter().zip(1..).map(|(kind, n)| record(n, *kind)).collect();
        let mut signals = Signals::default();
        let transaction = connection.transaction().unwrap();
        for record in &records {
            signals.save(&transaction, record).unwrap();
        }
        transaction.commit().unwrap();
        let mut read = load(&connection, &"a\"'".into(), 10).unwrap();
        read.reverse();
        assert_eq!(read, records);
        assert_eq!(load(&connection, &"b".into(), 10).unwrap(), []);
        let transaction = connection.transaction().unwrap();
        signals.delete(&transaction, &"a\"'".into()).unwrap();
        transaction.commit().unwrap();
        assert_eq!(load(&connection, &"a\"'".into(), 10).unwrap(), []);
    }

    #[test]
    fn only_the_latest_signals_are_kept() {
        let mut connection = schema::in_memory();
        let mut signals = Signals::default();
        for n in 0..500 {
            let transaction = connection.transaction().unwrap();
            signals.save(&transaction, &record(n, SignalKind::Ok)).unwrap();
            transaction.commit().unwrap();
        }
        let kept = load(&connection, &"a\"'".into(), 1000).unwrap();
        assert!((100..=121).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept[0].at, Timestamp::from_micros(499));
    }
}
