//! The schema: the header of the file, and the migration from every earlier version.
//!
//! Owns the numbers in the header. Gets a connection from `file`, and the steps from `tables`; gives the connection back with
//! the tables of [`VERSION`].

use rusqlite::{Connection, Result, TransactionBehavior};

use super::step::Step;
use super::tables::STEPS;

/// `PRAGMA application_id` of our files: "LNPL". Tells them from other programs' databases.
pub(super) const APPLICATION_ID: i64 = 0x4c4e_504c;

/// The schema version this program reads and writes.
pub(super) const VERSION: i64 = latest(STEPS);

const fn latest(tables: &[&[Step]]) -> i64 {
    let mut latest = 0;
    let mut table = 0;
    while table < tables.len() {
        let mut step = 0;
        while step < tables[table].len() {
            if tables[table][step].0 > latest {
                latest = tables[table][step].0;
            }
            step += 1;
        }
        table += 1;
    }
    latest
}

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
    let version = version(connection)?;
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
    migrate_by(connection, STEPS)
}

/// Writes the version that the file has already, to learn whether it can be written.
pub(super) fn touch(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = version(&transaction)?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}

fn migrate_by(connection: &mut Connection, tables: &[&[Step]]) -> Result<()> {
    let latest = latest(tables);
    // Up to date is the usual case, and takes no lock.
    if version(connection)? >= latest {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Again, now that no other process can write: another lanpulse may have been faster.
    let found = version(&transaction)?;
    if found >= latest {
        return Ok(());
    }
    for next in found + 1..=latest {
        let steps = tables.iter().flat_map(|table| table.iter());
        for (_, sql) in steps.filter(|(version, _)| *version == next) {
            transaction.execute_batch(sql)?;
        }
    }
    transaction.pragma_update(None, "user_version", latest)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()
}

/// `user_version`: the schema version of the file, 0 for an empty one.
pub(super) fn version(connection: &Connection) -> Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// A database in memory with the tables of [`VERSION`].
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
pub(super) fn in_memory() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection).unwrap();
    connection
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
        let connection = in_memory();
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

    const A: (i64, &str) = (1, "CREATE TABLE a (x);");
    const B: (i64, &str) = (2, "CREATE TABLE b (x);");

    fn tables(connection: &Connection) -> Vec<String> {
        let mut statement = connection
            .prepare("SELECT name FROM sqlite_schema ORDER BY name")
            .unwrap();
        let names = statement.query_map((), |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    }

    #[test]
    fn every_version_has_a_step() {
        let mut versions: Vec<i64> = STEPS.iter().flat_map(|steps| steps.iter()).map(|step| step.0).collect();
        versions.sort_unstable();
        versions.dedup();
        assert_eq!(versions, (1..=VERSION).collect::<Vec<_>>());
    }

    #[test]
    fn an_older_file_gets_only_what_it_lacks_in_the_order_of_versions() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_by(&mut connection, &[&[A]]).unwrap();
        let of_b = [(3, "CREATE INDEX c ON b (y);")];
        let of_a = [A, B, (2, "ALTER TABLE b ADD COLUMN y;")];
        migrate_by(&mut connection, &[&of_b, &of_a]).unwrap();
        assert_eq!(tables(&connection), ["a", "b", "c"]);
        assert_eq!(version(&connection).unwrap(), 3);
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_by(&mut connection, &[&[A]]).unwrap();
        let steps = [A, B, (3, "CREATE TABLE a (x);")];
        assert!(migrate_by(&mut connection, &[&steps]).is_err());
        assert_eq!(version(&connection).unwrap(), 1);
        assert_eq!(tables(&connection), ["a"]);
    }
}
