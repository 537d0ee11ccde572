//! The start of the store: the file opened and read, the writer's thread started.
//!
//! A file that cannot be used for now is no reason not to start: the store starts degraded, and the writer keeps trying.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::error::StoreError;
use super::file;
use super::handle::Store;
use super::queue::Queue;
use super::tables::{self, Stored};
use super::writer::{self, Writer};

/// Opens the database, creating what is missing, and reads what it holds.
///
/// A file that cannot be used for now (no permission, no space, a lock) is no error: the store starts degraded, with the
/// rows that can be read, counts the failure, and the writer keeps trying.
/// Blocks for the time of the disk, and up to 3 s for another process's lock.
///
/// # Errors
/// [`StoreError::Corrupt`], [`StoreError::Newer`] and [`StoreError::Foreign`] for a file that must not be written;
/// [`StoreError::Thread`] where the writer cannot be started.
pub fn open(path: &Path) -> Result<(Store, Stored), StoreError> {
    let queue = Arc::new(Queue::default());
    let (connection, stored) = match open_and_load(path) {
        Ok((connection, stored)) => (Some(connection), Some(stored)),
        Err(error) if error.refuses() => return Err(error),
        Err(error) => {
            writer::report(&queue, &error);
            (None, read_only(path, &error)?)
        }
    };
    queue.gauges.set_size(file::size(path));
    let writer = Writer::new(Arc::clone(&queue), path.into(), connection, stored.is_some());
    std::thread::Builder::new()
        .name("store".into())
        .spawn(move || writer.run())
        .map_err(|source| StoreError::Thread {
            path: path.into(),
            source,
        })?;
    Ok((Store::new(queue, path.into()), stored.unwrap_or_default()))
}

fn open_and_load(path: &Path) -> Result<(Connection, Stored), StoreError> {
    let connection = file::open(path)?;
    let stored = tables::load(&connection).map_err(|source| file::failed("read", path, source))?;
    Ok((connection, stored))
}

/// The rows of a file that cannot be opened for writing; `None` where it cannot be read either. A locked file is not
/// read: what another process is writing may look damaged.
fn read_only(path: &Path, why: &StoreError) -> Result<Option<Stored>, StoreError> {
    if why.is_lock() {
        return Ok(None);
    }
    let Some(connection) = file::open_read_only(path)? else {
        return Ok(None);
    };
    let current = file::migrated_copy(connection);
    Ok(current.and_then(|connection| tables::load(&connection)).ok())
}
