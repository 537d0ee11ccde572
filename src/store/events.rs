//! Table `events`: the latest 100,000 events.

use rusqlite::{Connection, Result, Transaction, params};

use super::column::{Agents, integer, signed, time, unsigned};
use super::step::Step;
use crate::model::EventRecord;

pub(super) const STEPS: &[Step] = &[
    (
        4,
        "CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT;",
    ),
    (7, "ALTER TABLE events ADD COLUMN agent TEXT NOT NULL DEFAULT 'local';"),
];

/// So many stay in the file.
const KEEP: i64 = 100_000;
/// So many are read at the start.
const READ: i64 = 1000;

/// The latest events, in their order.
pub(super) fn load(connection: &Connection) -> Result<Vec<EventRecord>> {
    let mut statement =
        connection.prepare("SELECT id, at, kind, detail, agent FROM events ORDER BY id DESC LIMIT ?1")?;
    let mut agents = Agents::default();
    let events = statement.query_map([READ], |row| {
        Ok(EventRecord {
            id: unsigned(row, 0)?,
            agent: agents.get(row, 4)?,
            at: time(row, 1)?,
            kind: row.get_ref(2)?.as_str()?.into(),
            detail: row.get_ref(3)?.as_str()?.into(),
        })
    })?;
    let mut events = events.collect::<Result<Vec<EventRecord>>>()?;
    events.reverse();
    Ok(events)
}

/// Writes an event, and deletes those past [`KEEP`].
pub(super) fn save(transaction: &Transaction<'_>, event: &EventRecord) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO events (id, at, kind, detail, agent) VALUES (?1, ?2, ?3, ?4, ?5)";
    transaction.prepare_cached(sql)?.execute(params![
        signed(event.id),
        integer(event.at),
        &*event.kind,
        &*event.detail,
        event.agent.as_str(),
    ])?;
    let prune = "DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?1";
    transaction.prepare_cached(prune)?.execute([KEEP])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::store::schema;

    #[test]
    fn the_latest_events_are_kept_and_read_in_their_order() {
        let mut connection = schema::in_memory();
        let event = |id: u64| EventRecord {
            id,
            agent: "branch".into(),
            at: Timestamp::from_secs(id),
            kind: "scan".into(),
            detail: "{\"é\":1}".into(),
        };
        let transaction = connection.transaction().unwrap();
        for id in 1..=KEEP as u64 + 2 {
            save(&transaction, &event(id)).unwrap();
        }
        transaction.commit().unwrap();
        let read = load(&connection).unwrap();
        assert_eq!(
            (read.len(), read.last()),
            (READ as usize, Some(&event(KEEP as u64 + 2)))
        );
        assert!(read.is_sorted_by_key(|event| event.id));
        let kept: (i64, i64) = connection
            .query_row("SELECT count(*), min(id) FROM events", (), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(kept, (KEEP, 3));
    }
}
