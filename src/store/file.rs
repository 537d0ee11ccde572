//! The database file: created private, checked before it is used, opened for writing or at least for reading.
//!
//! Owns paths, modes and the pragmas of a connection. Gets a path; gives a checked [`Connection`], or the
//! [`StoreError`] that says why there is none. A file that fails its checks is left byte for byte as it was.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{StoreError, hint, is_damage};
use super::schema::{self, APPLICATION_ID, VERSION};

/// How long one statement waits for another process's lock. With the 5 s between attempts a lock is counted within
/// 10 s.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a read waits. Only an exclusive lock makes it wait at all.
const READ_TIMEOUT: Duration = Duration::from_millis(200);

/// What the -wal file shrinks to after a burst: 8 MiB.
const WAL_LIMIT_BYTES: i64 = 8 << 20;
/// Prepared statements that a connection keeps: more than the tables have.
const STATEMENTS: usize = 64;

/// Opens for writing: creates what is missing, checks, migrates.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    create(path)?;
    let path = &resolve(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|source| failed("open", path, source))?;
    // SQLite opens what it may not write as read-only and says nothing until the first write.
    if connection.is_readonly("main").unwrap_or(false) {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        let source = rusqlite::Error::SqliteFailure(code, Some("it is read-only".into()));
        return Err(failed("write to", path, source));
    }
    check(&connection, path)?;
    prepare(&mut connection).map_err(|source| failed("set up", path, source))?;
    Ok(connection)
}

/// Opens a file for reading that cannot be opened for writing. `None` where it cannot be read either.
///
/// 1. An ordinary read-only connection is tried first. It needs the -shm file, or the right to create it.
/// 2. An immutable connection needs no other file. It sees nothing of a -wal, so it is used only where that is empty.
pub(super) fn open_read_only(path: &Path) -> Result<Option<Connection>, StoreError> {
    let path = &resolve(path);
    // A file that is missing or empty has no rows to read.
    if length(path) == 0 {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let ordinary = Connection::open_with_flags(path, flags).map_err(|source| failed("read", path, source));
    match ordinary.and_then(|connection| check(&connection, path).map(|()| connection)) {
        Ok(connection) => return Ok(Some(connection)),
        Err(error) if error.refuses() => return Err(error),
        Err(_) if length(&beside(path, "-wal")) > 0 => return Ok(None),
        Err(_) => {}
    }
    let uri = immutable_uri(path);
    let immutable = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI);
    match immutable
        .map_err(|source| failed("read", path, source))
        .and_then(|connection| check(&connection, path).map(|()| connection))
    {
        Ok(connection) => Ok(Some(connection)),
        Err(error) if error.refuses() => Err(error),
        Err(_) => Ok(None),
    }
}

/// The connection itself, or, where its file is of an earlier version, a copy in memory that has been migrated.
///
/// A file that cannot be written cannot be migrated: this is how its rows are read all the same.
pub(super) fn migrated_copy(connection: Connection) -> rusqlite::Result<Connection> {
    if schema::version(&connection)? == VERSION {
        return Ok(connection);
    }
    let mut copy = Connection::open_in_memory()?;
    Backup::new(&connection, &mut copy)?.run_to_completion(i32::MAX, Duration::ZERO, None)?;
    schema::migrate(&mut copy)?;
    Ok(copy)
}

/// A read-only connection beside the writer's. It makes no checks: the writer's connection was checked.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let place = &resolve(path);
    let connection = Connection::open_with_flags(place, flags).map_err(|source| failed("read", path, source))?;
    connection
        .busy_timeout(READ_TIMEOUT)
        .map_err(|source| failed("read", path, source))?;
    Ok(connection)
}

/// The bytes on disk of the database and its write-ahead log.
pub(super) fn size(path: &Path) -> u64 {
    let path = &resolve(path);
    length(path) + length(&beside(path, "-wal"))
}

/// Which file a path leads to, as device and inode. `None` where there is no file.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// The error of an action on this file. Damage is an error of its own, because such a file must never be written over.
pub(super) fn failed(action: &'static str, path: &Path, source: rusqlite::Error) -> StoreError {
    if is_damage(&source) {
        return StoreError::Corrupt {
            path: path.into(),
            found: source.to_string(),
        };
    }
    StoreError::Sqlite {
        action,
        path: path.into(),
        hint: hint(&source),
        source,
    }
}

/// Keeps a connection from moving the -wal into the database when it closes.
pub(super) fn keep_wal(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)
        .map(|_| ())
}

/// Creates the directory with mode 0700 and the file with 0600 where they are missing. What exists keeps its mode. SQLite
/// gives the -wal and -shm files the mode of the database.
fn create(path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Create {
        path: path.into(),
        source,
    };
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        // Not exists(): where the path cannot be followed, the error of the system must get into the message.
        if !fs::metadata(directory).is_ok_and(|metadata| metadata.is_dir()) {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .map_err(failed)?;
        }
    }
    // SQLite deletes a -wal beside an empty database, and with it the only copy of its rows. The -wal is measured first:
    // another process that is just creating the database writes the database file before the -wal.
    let place = resolve(path);
    if length(&beside(&place, "-wal")) > 0 && length(&place) == 0 {
        return Err(StoreError::Corrupt {
            path: path.into(),
            found: "the file is missing or empty, but its -wal file is not".into(),
        });
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => Ok(()),
    }
}

/// Refuses a file that is damaged, of a later lanpulse or of another program. Changes nothing in it.
fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| failed("read", path, source);
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    // Otherwise closing the connection would write the -wal into a file that has just failed its check.
    keep_wal(connection, true).map_err(failed)?;
    let header = schema::header(connection).map_err(failed)?;
    if header.version > VERSION {
        return Err(StoreError::Newer {
            path: path.into(),
            found: header.version,
            known: VERSION,
        });
    }
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(failed)?;
    if found != "ok" {
        return Err(StoreError::Corrupt {
            path: path.into(),
            // SQLite's text has line breaks
            found: found.split_whitespace().collect::<Vec<_>>().join(" "),
        });
    }
    if header.application != APPLICATION_ID && !header.empty {
        return Err(StoreError::Foreign {
            path: path.into(),
            found: header.application,
        });
    }
    Ok(())
}

/// Makes a checked connection ready to write.
fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    keep_wal(connection, false)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit has reached the disk before its reply goes out. NORMAL could lose acknowledged rows in a power cut,
    // and would save one fsync a commit.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", WAL_LIMIT_BYTES)?;
    // A damaged page is then an error at once, and no row is written to the wrong place.
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    schema::migrate(connection)
}

/// The absolute path with its links followed: SQLite puts the -wal there. A name like `:memory:` has no special meaning in
/// such a path.
fn resolve(path: &Path) -> PathBuf {
    path.canonicalize()
        .or_else(|_| std::path::absolute(path))
        .unwrap_or_else(|_| path.into())
}

/// The file beside the database with this ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// `file:` with every byte escaped that could mean something in a URI.
fn immutable_uri(path: &Path) -> String {
    use std::fmt::Write as _;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_') {
            uri.push(char::from(*byte));
        } else {
            // writing to a String cannot fail
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri.push_str("?immutable=1");
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_hides_no_part_of_the_path() {
        assert_eq!(
            immutable_uri(Path::new("/data/a b?c#d%/ü.db")),
            "file:/data/a%20b%3Fc%23d%25/%C3%BC.db?immutable=1"
        );
    }

    #[test]
    fn a_read_only_connection_sees_the_rows_of_the_wal() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("odd name?#%.db");
        let writer = open(&path).unwrap();
        writer
            .execute(
                "INSERT INTO devices (name, status, status_since, up_since) VALUES ('a', 'up', 1, 1)",
                (),
            )
            .unwrap();
        let reader = open_read_only(&path).unwrap().unwrap();
        let count = |connection: &Connection| -> i64 {
            connection
                .query_row("SELECT count(*) FROM devices", (), |row| row.get(0))
                .unwrap()
        };
        assert_eq!(count(&reader), 1);
        drop((reader, writer));
        let uri = immutable_uri(&path);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        assert_eq!(count(&Connection::open_with_flags(uri, flags).unwrap()), 1);
    }

    #[test]
    fn durability_is_full_and_the_journal_is_a_wal() {
        let directory = tempfile::tempdir().unwrap();
        let connection = open(&directory.path().join("x.db")).unwrap();
        let synchronous: i64 = connection
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .unwrap();
        let journal: String = connection
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .unwrap();
        assert_eq!((synchronous, journal.as_str()), (2, "wal"));
    }
}
