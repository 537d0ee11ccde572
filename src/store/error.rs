//! Everything that can go wrong with the database, in words an operator can act on.
//!
//! Owns [`StoreError`] and the hint for each kind of SQLite failure. Gets codes from rusqlite; gives its text to the
//! log, to `Health::last_error` and, for the few errors that stop the start, to the daemon.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Why the database cannot be used.
///
/// [`Corrupt`](Self::Corrupt), [`Newer`](Self::Newer), [`Foreign`](Self::Foreign) and [`Thread`](Self::Thread) stop
/// the start; the others only ever degrade the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is damaged or no database at all.
    #[error(
        "database {path} is corrupt: {found}; it was left as it is: restore a backup, or move it and its -wal and \
         -shm files away to start empty"
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What SQLite's `quick_check` said, or why it could not even begin.
        found: String,
    },
    /// The file was written by a later lanpulse.
    #[error(
        "database {path} has schema version {found}, this lanpulse knows versions up to {known}: run the newer \
         lanpulse again, or restore a backup made before the upgrade"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its `user_version`.
        found: i64,
        /// The latest version this program knows.
        known: i64,
    },
    /// The file is a database of another program.
    #[error("database {path} belongs to another program (application id {found:#x}): choose another storage path")]
    Foreign {
        /// The database file.
        path: PathBuf,
        /// Its `application_id`.
        found: i64,
    },
    /// The writer's thread did not start.
    #[error("cannot start the writer thread of database {path}: {source}; raise the limit on processes (ulimit -u)")]
    Thread {
        /// The database file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory or the file cannot be created.
    #[error("cannot create database {path}: {source}; make its directory writable for the user lanpulse runs as")]
    Create {
        /// The database file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file was moved, deleted or replaced while it was open.
    #[error(
        "database {path} was moved, deleted or replaced while lanpulse had it open; it is opened anew, rows written \
         before are not in it: stop lanpulse before you change its files"
    )]
    Moved {
        /// The database file.
        path: PathBuf,
    },
    /// SQLite reported a failure that may pass.
    #[error("cannot {action} database {path}: {source}; {hint}")]
    Sqlite {
        /// What was tried: a verb.
        action: &'static str,
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
        /// What to do about it.
        hint: &'static str,
    },
}

impl StoreError {
    /// Whether the daemon must not start on this file.
    pub(super) const fn refuses(&self) -> bool {
        matches!(
            self,
            Self::Corrupt { .. } | Self::Newer { .. } | Self::Foreign { .. } | Self::Thread { .. }
        )
    }

    /// Whether another process holds the file.
    pub(super) fn is_lock(&self) -> bool {
        matches!(
            self.code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed)
        )
    }

    /// Whether the next attempt may use the same connection.
    pub(super) fn is_transient(&self) -> bool {
        self.is_lock() || self.code() == Some(ErrorCode::DiskFull)
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite { source, .. } => source.sqlite_error_code(),
            _ => None,
        }
    }
}

/// Whether SQLite found the file damaged, or no database.
pub(super) fn is_damage(source: &rusqlite::Error) -> bool {
    matches!(
        source.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// What an operator can do about a failure of SQLite.
pub(super) fn hint(source: &rusqlite::Error) -> &'static str {
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process holds it: close the sqlite3 shell or the second lanpulse"
        }
        Some(ErrorCode::DiskFull) => "free space on its filesystem",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            "make the file and its directory writable for the user lanpulse runs as"
        }
        Some(ErrorCode::CannotOpen) => {
            "check that it is a file, and that it and its directory are writable for the user lanpulse runs as"
        }
        Some(ErrorCode::SystemIoFailure) => "check the free space, the disk and the kernel log",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "stop lanpulse and restore a backup, or move it and its -wal and -shm files away to start empty"
        }
        _ => "this is unexpected: please report it with this message",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
    }

    #[test]
    fn a_full_disk_and_a_lock_keep_the_connection() {
        let cases = [
            (rusqlite::ffi::SQLITE_BUSY, true),
            (rusqlite::ffi::SQLITE_FULL, true),
            (rusqlite::ffi::SQLITE_READONLY, false),
            (rusqlite::ffi::SQLITE_CORRUPT, false),
            (rusqlite::ffi::SQLITE_IOERR, false),
        ];
        for (code, transient) in cases {
            let error = StoreError::Sqlite {
                action: "write to",
                path: "x.db".into(),
                source: failure(code),
                hint: "",
            };
            assert_eq!(error.is_transient(), transient, "{code}");
            assert!(!error.refuses(), "{code}");
        }
    }

    #[test]
    fn messages_say_what_which_file_and_what_to_do() {
        let error = StoreError::Newer {
            path: "data/lanpulse.db".into(),
            found: 7,
            known: 1,
        };
        assert_eq!(
            error.to_string(),
            "database data/lanpulse.db has schema version 7, this lanpulse knows versions up to 1: run the newer \
             lanpulse again, or restore a backup made before the upgrade"
        );
        assert!(hint(&failure(rusqlite::ffi::SQLITE_FULL)).contains("free space"));
    }
}
