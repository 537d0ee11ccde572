//! The tables, and the steps that lead to them from every earlier version.
//!
//! Owns the SQL of the schema and the numbers in the file's header. Gets a connection from `file`; gives it back with
//! the tables of [`VERSION`].

use rusqlite::{Connection, Result, TransactionBehavior};

/// `PRAGMA application_id` of our files: "LNPL". Tells them from other programs' databases.
pub(super) const APPLICATION_ID: i64 = 0x4c4e_504c;

/// One step for each version: step 0 makes version 1 of an empty file, step 1 makes version 2 of version 1. A step
/// that was released is never edited; a change is a new step at the end.
const STEPS: [&str; 6] = [
    // Timestamps are microseconds since the epoch, 0 is never. STRICT, so that a column holds what it says.
    "CREATE TABLE devices (
         id INTEGER PRIMARY KEY,
         name TEXT UNIQUE NOT NULL,
         status TEXT NOT NULL,
         status_since INTEGER NOT NULL,
         up INTEGER,
         up_since INTEGER NOT NULL,
         first_seen INTEGER,
         last_seen INTEGER
     ) STRICT;",
    // failed_checks is a JSON list of names.
    "CREATE TABLE outages (
         start INTEGER PRIMARY KEY,
         end INTEGER,
         fault TEXT NOT NULL,
         failed_checks TEXT NOT NULL,
         gateway_reachable INTEGER
     ) STRICT;",
    // Heartbeats: what is kept of each, and its latest reports. Durations are microseconds, too. `every` and `grace`
    // are set for those that a client has provisioned.
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
     ) STRICT;
     CREATE TABLE heartbeat_signals (
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
     CREATE INDEX heartbeat_signals_by_heartbeat ON heartbeat_signals (heartbeat, id);
     CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
    super::inventory::STEP,
    // What a device said of itself by SNMP, as JSON.
    "ALTER TABLE inventory ADD COLUMN system TEXT;",
    super::walks::STEP,
];

/// The schema version this program reads and writes.
pub(super) const VERSION: i64 = STEPS.len().cast_signed() as i64;

/// What the file's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// `user_version`: our schema version, 0 for an empty file.
    pub version: i64,
    /// `application_id`.
    pub application: i64,
    /// Whether there are no tables.
    pub empty: bool,
}

/// Reads the header.
///
/// The two numbers come first, because a later version's tables may be in SQL that this SQLite does not understand.
pub(super) fn header(connection: &Connection) -> Result<Header> {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let empty = version <= VERSION
        && connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", (), |row| row.get(0))?;
    Ok(Header {
        version,
        application,
        empty,
    })
}

/// Brings the tables up to [`VERSION`], all steps or none.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    migrate_by(connection, &STEPS)
}

/// Writes what is there already: tells whether the file can be written.
pub(super) fn touch(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}

fn migrate_by(connection: &mut Connection, steps: &[&str]) -> Result<()> {
    let version = |connection: &Connection| -> Result<usize> {
        let number: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok(usize::try_from(number).unwrap_or(0))
    };
    // Up to date is the usual case, and takes no lock.
    if version(connection)? >= steps.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Again, now that nobody else can write: a second process may have been faster.
    for step in steps.iter().skip(version(&transaction)?) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", steps.len().cast_signed())?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_this_version_and_every_table() {
        let document = include_str!("../../docs/storage.md");
        for text in [
            "`PRAGMA user_version`, now ",
            "PRAGMA user_version = ",
            "schema version it had (here ",
        ] {
            let said = format!("{text}{VERSION}");
            assert!(document.contains(&said), "{said}");
        }
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let mut statement = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .unwrap();
        let tables = statement.query_map((), |row| row.get::<_, String>(0)).unwrap();
        for table in tables.map(Result::unwrap) {
            assert!(document.contains(&format!("`{table}`")), "{table}");
        }
    }

    #[test]
    fn an_empty_file_gets_every_step_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(header(&connection).unwrap().empty);
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        let expected = Header {
            version: VERSION,
            application: APPLICATION_ID,
            empty: false,
        };
        assert_eq!(header(&connection).unwrap(), expected);
    }

    #[test]
    fn an_older_file_gets_only_what_it_lacks() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_by(&mut connection, &["CREATE TABLE a (x);"]).unwrap();
        migrate_by(&mut connection, &["CREATE TABLE a (x);", "CREATE TABLE b (x);"]).unwrap();
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
            .unwrap();
        assert_eq!(tables, 2);
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_by(&mut connection, &["CREATE TABLE a (x);"]).unwrap();
        let steps = ["CREATE TABLE a (x);", "CREATE TABLE b (x);", "CREATE TABLE a (x);"];
        assert!(migrate_by(&mut connection, &steps).is_err());
        assert_eq!(header(&connection).unwrap().version, 1);
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
            .unwrap();
        assert_eq!(tables, 1);
    }
}
