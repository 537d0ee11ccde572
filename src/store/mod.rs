//! What survives a restart: an SQLite file with one writer thread and group commit.
//!
//! Owns the file, its schema and its failures. Gets `Device`s to keep; gives them back at the next start, and
//! [`Health`]. Nobody waits for the disk but those who ask to ([`Store::flush`], [`Store::close`]), and no failure of
//! the disk stops the monitoring: rows stay pending, one a device, until they can be written.
//! What operators should know is in `docs/storage.md`.

mod backup;
mod column;
mod devices;
mod error;
mod file;
mod health;
mod heartbeats;
mod inventory;
mod journal;
mod outages;
mod past;
mod pending;
mod queue;
mod schema;
mod walks;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rusqlite::Connection;

pub use backup::backup;
pub use error::StoreError;
pub use health::Health;
pub use heartbeats::SavedHeartbeats;
pub use inventory::Rows as InventoryRows;

use crate::model::{Audit, Device, LabelValue, Outage, PersistedWalk, Row, SignalRecord};
use queue::{Command, Queue, Reply};
use writer::Writer;

/// What the database held at the start.
#[derive(Debug, Default)]
pub struct Stored {
    /// The watched devices.
    pub devices: Vec<Device>,
    /// The newest outages, newest first.
    pub outages: Vec<Outage>,
    /// What the counters of SNMP walks go on from.
    pub walks: Vec<PersistedWalk>,
    /// The inventory and its latest events; `None` where they could not be read.
    pub inventory: Option<InventoryRows>,
}

/// A handle to the database and its writer thread; clones share both.
///
/// When the last handle is dropped without [`Store::close`], the writer tries once to commit what is pending.
#[derive(Clone)]
pub struct Store(Arc<Handle>);

struct Handle {
    queue: Arc<Queue>,
    path: PathBuf,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.push(Command::Stop(Box::new(|| ())));
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.health()).finish()
    }
}

/// Opens the database, creating what is missing, and reads the devices in it.
///
/// A file that cannot be used for now (no permission, no space, a lock) is no error: the store starts degraded, with
/// the rows that can be read, counts the failure, and the writer keeps trying.
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
    let handle = Handle {
        queue,
        path: path.into(),
    };
    Ok((Store(Arc::new(handle)), stored.unwrap_or_default()))
}

impl Store {
    /// Hands rows to the writer, which commits them within about a second. The latest row of a key wins. Never waits,
    /// never fails: while storage does, the rows stay pending.
    pub fn keep(&self, rows: Vec<Row>) {
        self.0.queue.push(Command::Keep(rows));
    }

    /// Hands rows to the writer, which commits them at once, and calls `done` when they are on disk. Rows that arrive
    /// while the disk is at work are committed together.
    ///
    /// `done` runs on the writer's thread and must not wait for anything. Where the rows cannot be written now, `done`
    /// is dropped without a call; the rows stay pending.
    pub fn keep_then(&self, rows: Vec<Row>, done: impl FnOnce() + Send + 'static) {
        self.0.queue.push(Command::KeepThen(rows, Box::new(done)));
    }

    /// What is stored of heartbeats. Blocks for the time of the disk; not for async code.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`] and its like where the file cannot be read now.
    pub fn heartbeats(&self) -> Result<SavedHeartbeats, StoreError> {
        self.read(heartbeats::load)
    }

    /// The latest reports of a heartbeat, the newest first. Blocks for the time of the disk; not for async code.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`] and its like where the file cannot be read now.
    pub fn signals(&self, name: &LabelValue, most: usize) -> Result<Vec<SignalRecord>, StoreError> {
        self.read(|connection| heartbeats::signals(connection, name, most))
    }

    /// Who changed what, with the rows' numbers, the newest first: of one device, and before a row, where these are
    /// given. Blocks for the time of the disk; not for async code.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`] and its like where the file cannot be read now.
    pub fn audit(
        &self,
        device: Option<u64>,
        before: Option<u64>,
        most: usize,
    ) -> Result<Vec<(u64, Audit)>, StoreError> {
        self.read(|connection| journal::audits(connection, device, before, most))
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let path = &self.0.path;
        let connection = file::reader(path)?;
        read(&connection).map_err(|source| file::failed("read", path, source))
    }

    /// How the store is doing. Never waits for the disk.
    pub fn health(&self) -> Health {
        self.0.queue.gauges.read()
    }

    /// Commits at once, and waits until all that was kept before is on disk. False where the deadline came first:
    /// the rows are still pending then. Blocks; not for async code.
    #[must_use]
    pub fn flush(&self, deadline: Duration) -> bool {
        self.ask(Command::Flush, deadline)
    }

    /// Flushes, moves the write-ahead log into the database and ends the writer. False where the deadline came
    /// first. What is kept afterwards is not written any more. Blocks; not for async code.
    #[must_use]
    pub fn close(&self, deadline: Duration) -> bool {
        let start = Instant::now();
        let flushed = self.flush(deadline);
        self.ask(Command::Stop, deadline.saturating_sub(start.elapsed())) && flushed
    }

    fn ask(&self, command: impl FnOnce(Reply) -> Command, deadline: Duration) -> bool {
        let (sender, receiver) = mpsc::sync_channel(1);
        let reply = move || {
            // nobody listens any more once the deadline is past
            let _ = sender.try_send(());
        };
        self.0.queue.push(command(Box::new(reply)));
        receiver.recv_timeout(deadline).is_ok()
    }
}

fn open_and_load(path: &Path) -> Result<(Connection, Stored), StoreError> {
    let connection = file::open(path)?;
    let stored = load(&connection).map_err(|source| file::failed("read", path, source))?;
    Ok((connection, stored))
}

fn load(connection: &Connection) -> rusqlite::Result<Stored> {
    Ok(Stored {
        devices: devices::load(connection)?,
        outages: outages::load(connection)?,
        walks: walks::load(connection)?,
        inventory: Some(inventory::load(connection)?),
    })
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
    // A version that is still to be migrated may lack what we read.
    let Ok(devices) = devices::load(&connection) else {
        return Ok(None);
    };
    Ok(Some(Stored {
        devices,
        outages: outages::load(&connection).unwrap_or_default(),
        walks: walks::load(&connection).unwrap_or_default(),
        inventory: inventory::load(&connection).ok(),
    }))
}
