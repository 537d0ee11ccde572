//! The tables `heartbeats`, `heartbeat_signals` and `meta`: what must survive of heartbeats and of lanpulse's own life.
//!
//! Owns their SQL, and how many reports are kept. Gets what changed from `writer`; gives rows and reports.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Result, Row, Transaction, params};

use super::column::{integer, timestamp};
use crate::model::{HeartbeatRow, LabelValue, Signal, SignalKind, SignalRecord, Timestamp};

/// Reports kept of each heartbeat.
const KEPT: i64 = 100;
/// So many reports of a heartbeat are written before those past [`KEPT`] are deleted: together, it costs less.
const PRUNE_EVERY: u32 = 20;
/// Reports that wait while nothing can be written, at most; the oldest go first. Their rows always wait.
const WAITING: usize = 2000;

/// What is stored of heartbeats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedHeartbeats {
    /// By name.
    pub rows: HashMap<LabelValue, HeartbeatRow>,
    /// When lanpulse was last known to be alive, if ever.
    pub alive_until: Option<Timestamp>,
}

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Beats {
    pub rows: BTreeMap<LabelValue, Option<HeartbeatRow>>,
    pub records: Vec<SignalRecord>,
    /// When lanpulse was alive.
    pub alive: Option<Timestamp>,
}

impl Beats {
    /// Adds newer ones.
    pub(super) fn add(&mut self, newer: Self) {
        self.rows.extend(newer.rows);
        self.records.extend(newer.records);
        let most = self.records.len().saturating_sub(WAITING);
        self.records.drain(..most);
        self.alive = newer.alive.or(self.alive);
    }

    /// How many rows there are to write.
    pub(super) fn len(&self) -> usize {
        self.rows.len() + self.records.len() + usize::from(self.alive.is_some())
    }
}

/// How many reports of each heartbeat were written since the old ones were deleted.
pub(super) type Pruning = HashMap<LabelValue, u32>;

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

const INSERT: &str = "
    INSERT INTO heartbeat_signals (heartbeat, at, kind, exit, run_id, duration, source, message)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const PRUNE: &str = "
    DELETE FROM heartbeat_signals WHERE heartbeat = ?1 AND id <= (
        SELECT id FROM heartbeat_signals WHERE heartbeat = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";

/// Writes all of it within the transaction.
pub(super) fn write(transaction: &Transaction<'_>, beats: &Beats, pruning: &mut Pruning) -> Result<()> {
    let mut upsert = transaction.prepare_cached(UPSERT)?;
    for (name, row) in &beats.rows {
        let Some(row) = row else { continue };
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
    }
    let mut insert = transaction.prepare_cached(INSERT)?;
    let mut prune = transaction.prepare_cached(PRUNE)?;
    for record in &beats.records {
        let signal = &record.signal;
        insert.execute(params![
            record.heartbeat.as_str(),
            integer(record.at),
            signal.kind.as_str(),
            signal.kind.exit(),
            signal.run_id,
            signal.duration.map(length),
            signal.source.map(|source| source.to_string()),
            signal.message,
        ])?;
        let written = pruning.entry(record.heartbeat.clone()).or_insert(PRUNE_EVERY);
        *written += 1;
        if *written > PRUNE_EVERY {
            *written = 0;
            prune.execute(params![record.heartbeat.as_str(), KEPT])?;
        }
    }
    for (name, _) in beats.rows.iter().filter(|(_, row)| row.is_none()) {
        pruning.remove(name);
        transaction.execute("DELETE FROM heartbeats WHERE name = ?1", [name.as_str()])?;
        transaction.execute("DELETE FROM heartbeat_signals WHERE heartbeat = ?1", [name.as_str()])?;
    }
    if let Some(alive) = beats.alive {
        transaction.execute(
            "INSERT INTO meta (key, value) VALUES ('daemon_alive_until', ?1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [integer(alive)],
        )?;
    }
    Ok(())
}

/// All that is stored, reports left out.
pub(super) fn load(connection: &Connection) -> Result<SavedHeartbeats> {
    let mut statement = connection.prepare(
        "SELECT name, last_ok, last_fail, last_start, last_signal, run_id, running, watched_since, last_duration,
             last_exit, failures, paused, resumed_at, counted_from, excused_until, every, grace FROM heartbeats",
    )?;
    let rows = statement.query_map((), heartbeat)?.collect::<Result<_>>()?;
    let alive_until = connection
        .query_row("SELECT value FROM meta WHERE key = 'daemon_alive_until'", (), |row| {
            row.get(0)
        })
        .optional()?
        .map(timestamp);
    Ok(SavedHeartbeats { rows, alive_until })
}

fn heartbeat(row: &Row<'_>) -> Result<(LabelValue, HeartbeatRow)> {
    let time = |index| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(index)?.map(timestamp));
    let span = |index| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(index)?.map(duration));
    let kept = HeartbeatRow {
        last_ok: time(1)?,
        last_fail: time(2)?,
        last_start: time(3)?,
        last_signal: time(4)?,
        run_id: row.get(5)?,
        running: row.get(6)?,
        watched_since: time(7)?,
        last_duration: span(8)?,
        last_exit: row.get(9)?,
        failures: row.get(10)?,
        paused: row.get(11)?,
        resumed_at: time(12)?,
        counted_from: time(13)?,
        excused_until: time(14)?,
        provision: span(15)?.zip(span(16)?),
    };
    Ok((LabelValue::new(row.get_ref(0)?.as_str()?), kept))
}

/// The latest reports of a heartbeat, the newest first.
pub(super) fn signals(connection: &Connection, name: &LabelValue, most: usize) -> Result<Vec<SignalRecord>> {
    let mut statement = connection.prepare(
        "SELECT at, kind, exit, run_id, duration, source, message FROM heartbeat_signals
         WHERE heartbeat = ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let record = |row: &Row<'_>| {
        Ok(SignalRecord {
            heartbeat: name.clone(),
            at: timestamp(row.get(0)?),
            signal: Signal {
                kind: kind(row.get_ref(1)?.as_str()?, row.get(2)?),
                run_id: row.get(3)?,
                duration: row.get::<_, Option<i64>>(4)?.map(duration),
                source: row.get::<_, Option<String>>(5)?.and_then(|text| text.parse().ok()),
                message: row.get(6)?,
            },
        })
    };
    statement
        .query_map(params![name.as_str(), most.cast_signed() as i64], record)?
        .collect()
}

/// What only a later lanpulse knows is a note to this one.
fn kind(label: &str, exit: Option<i64>) -> SignalKind {
    match (label, exit) {
        ("ok", _) => SignalKind::Ok,
        ("fail", _) => SignalKind::Fail,
        ("start", _) => SignalKind::Start,
        ("exit", Some(code)) => SignalKind::Exit(code),
        _ => SignalKind::Log,
    }
}

fn length(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    fn at(micros: u64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn record(n: u64, kind: SignalKind) -> SignalRecord {
        SignalRecord {
            heartbeat: "a\"'".into(),
            at: at(n),
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
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        assert_eq!(load(&connection).unwrap(), SavedHeartbeats::default());
        let row = HeartbeatRow {
            last_ok: Some(at(1)),
            last_fail: Some(at(2)),
            last_start: Some(at(3)),
            last_signal: Some(at(4)),
            run_id: Some("é".into()),
            running: true,
            watched_since: Some(at(5)),
            last_duration: Some(Duration::from_micros(6)),
            last_exit: Some(-7),
            failures: 8,
            paused: true,
            resumed_at: Some(at(9)),
            counted_from: Some(at(10)),
            excused_until: Some(at(11)),
            provision: Some((Duration::from_micros(12), Duration::from_micros(13))),
        };
        let kinds = [
            SignalKind::Ok,
            SignalKind::Fail,
            SignalKind::Start,
            SignalKind::Log,
            SignalKind::Exit(-3),
        ];
        let records: Vec<_> = kinds.iter().zip(1..).map(|(kind, n)| record(n, *kind)).collect();
        let beats = Beats {
            rows: BTreeMap::from([
                ("a\"'".into(), Some(row.clone())),
                ("b".into(), Some(HeartbeatRow::default())),
            ]),
            records: records.clone(),
            alive: Some(at(14)),
        };
        let transaction = connection.transaction().unwrap();
        write(&transaction, &beats, &mut Pruning::new()).unwrap();
        transaction.commit().unwrap();
        let saved = load(&connection).unwrap();
        assert_eq!(saved.alive_until, Some(at(14)));
        assert_eq!(saved.rows[&LabelValue::new("a\"'")], row);
        assert_eq!(saved.rows[&LabelValue::new("b")], HeartbeatRow::default());
        let mut read = signals(&connection, &"a\"'".into(), 10).unwrap();
        read.reverse();
        assert_eq!(read, records);
        assert_eq!(signals(&connection, &"b".into(), 10).unwrap(), []);
        let gone = Beats {
            rows: BTreeMap::from([("a\"'".into(), None)]),
            ..Beats::default()
        };
        let transaction = connection.transaction().unwrap();
        write(&transaction, &gone, &mut Pruning::new()).unwrap();
        transaction.commit().unwrap();
        assert_eq!(load(&connection).unwrap().rows.len(), 1);
        assert_eq!(signals(&connection, &"a\"'".into(), 10).unwrap(), []);
    }

    #[test]
    fn only_the_latest_reports_are_kept() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let mut pruning = Pruning::new();
        for n in 0..500 {
            let transaction = connection.transaction().unwrap();
            let beats = Beats {
                records: vec![record(n, SignalKind::Ok)],
                ..Beats::default()
            };
            write(&transaction, &beats, &mut pruning).unwrap();
            transaction.commit().unwrap();
        }
        let kept = signals(&connection, &"a\"'".into(), 1000).unwrap();
        assert!((100..=121).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept[0].at, at(499));
    }

    #[test]
    fn what_waits_is_bounded_and_the_newest_wins() {
        let mut beats = Beats::default();
        for n in 0..3000 {
            let mut newer = Beats::default();
            let row = HeartbeatRow {
                last_ok: Some(at(n)),
                ..HeartbeatRow::default()
            };
            newer.rows.insert("a".into(), Some(row));
            newer.records.push(record(n, SignalKind::Ok));
            beats.add(newer);
        }
        assert_eq!(beats.len(), 1 + WAITING);
        let row = beats.rows[&LabelValue::new("a")].as_ref().unwrap();
        assert_eq!(row.last_ok, Some(at(2999)));
        assert_eq!(beats.records.last().unwrap().at, at(2999));
    }
}
