//! A copy of the database, made while it is in use (SQLite's online backup).
//!
//! Gets two paths; gives the number of bytes. The copy is checked under another name and then renamed in one step, so the
//! name of the backup always leads to a whole one, or to none.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::file;

/// Pages copied at a time. Between two such steps the daemon may write.
const PAGES: i32 = 1024;
/// The pause between two steps.
const PAUSE: Duration = Duration::from_millis(5);

/// Copies the database at `from` to `to`, which is replaced if it is a lanpulse database, and refused if it is anything
/// else. Blocks for the time of the disk.
///
/// # Errors
/// What could not be read, written or checked; a backup that was there before is left as it was.
pub fn backup(from: &Path, to: &Path) -> Result<u64, StoreError> {
    let create = |source| StoreError::Create {
        path: to.into(),
        source,
    };
    let absent = || std::io::Error::new(std::io::ErrorKind::NotFound, "there is no database to copy");
    if !from.exists() {
        return Err(StoreError::Create {
            path: from.into(),
            source: absent(),
        });
    }
    let source = file::open_read_only(from)?.ok_or_else(|| StoreError::Create {
        path: from.into(),
        source: std::io::Error::other("it cannot be read; is it locked, or another user's?"),
    })?;
    if to.exists() {
        // Refuse a file that is no lanpulse database, and the source itself under another name.
        if file::identity(to) == file::identity(from) {
            return Err(create(std::io::Error::other("a database is no backup of itself")));
        }
        drop(file::open_read_only(to)?);
    }
    let unfinished = unfinished(to);
    let _ = fs::remove_file(&unfinished);
    let options = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished);
    let done = options.map_err(create).and_then(|_| copy(&source, &unfinished));
    let size = done.and_then(|()| {
        let size = fs::metadata(&unfinished).map_err(create)?.len();
        fs::rename(&unfinished, to).map_err(create)?;
        Ok(size)
    });
    if size.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    size
}

fn unfinished(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

fn copy(source: &Connection, to: &Path) -> Result<(), StoreError> {
    let failed = |error| file::failed("write to", to, error);
    let mut target = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    Backup::new(source, &mut target)
        .and_then(|backup| backup.run_to_completion(PAGES, PAUSE, None))
        .map_err(failed)?;
    // The copy is one file: without a -wal beside it.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(failed)?;
    let found: String = target
        .query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))
        .map_err(failed)?;
    if found != "ok" {
        return Err(StoreError::Corrupt { path: to.into(), found });
    }
    target.close().map_err(|(_, error)| failed(error))?;
    let sync = fs::File::open(to).and_then(|file| file.sync_all());
    sync.map_err(|source| StoreError::Create {
        path: to.into(),
        source,
    })
}
