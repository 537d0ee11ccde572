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
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rusqlite::Connection;

pub use backup::backup;
pub use error::StoreError;
pub use health::Health;
pub use heartbeats::SavedHeartbeats;
pub use inventory::Rows as InventoryRows;

use crate::model::{Audit, Device, Entry, HeartbeatRow, LabelValue, Outage, PersistedWalk, SignalRecord, Timestamp};
use heartbeats::{Beats, Report};
use queue::{Command, Queue, Reply};
use writer::Writer;

/// What the database holds at the start.
#[derive(Default)]
struct Rows {
    devices: Vec<Device>,
    outages: Vec<Outage>,
    walks: Vec<PersistedWalk>,
}

/// A handle to the database and its writer thread; clones share both.
///
/// When the last handle is dropped without [`Store::close`], the writer tries once to commit what is pending.
#[derive(Clone)]
pub struct Store(Arc<Handle>);

struct Handle {
    queue: Arc<Queue>,
    /// What was read at the start, until somebody takes it.
    inventory: Mutex<Option<InventoryRows>>,
    path: PathBuf,
    outages: Vec<Outage>,
    walks: Mutex<Vec<PersistedWalk>>,
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
pub fn open(path: &Path) -> Result<(Store, Vec<Device>), StoreError> {
    let queue = Arc::new(Queue::default());
    let mut inventory = None;
    let (connection, rows) = match open_and_load(path) {
        Ok((connection, rows, found)) => {
            inventory = Some(found);
            (Some(connection), Some(rows))
        }
        Err(error) if error.refuses() => return Err(error),
        Err(error) => {
            writer::report(&queue, &error);
            (None, read_only(path, &error, &mut inventory)?)
        }
    };
    queue.gauges.set_size(file::size(path));
    let writer = Writer::new(Arc::clone(&queue), path.into(), connection, rows.is_some());
    std::thread::Builder::new()
        .name("store".into())
        .spawn(move || writer.run())
        .map_err(|source| StoreError::Thread {
            path: path.into(),
            source,
        })?;
    let Rows {
        devices,
        outages,
        walks,
    } = rows.unwrap_or_default();
    let handle = Handle {
        queue,
        path: path.into(),
        inventory: Mutex::new(inventory),
        outages,
        walks: Mutex::new(walks),
    };
    Ok((Store(Arc::new(handle)), devices))
}

impl Store {
    /// Hands rows to the writer, which commits them within about a second. The latest row of a name wins. Never
    /// waits, never fails: while storage does, the rows stay pending.
    pub fn save(&self, devices: Vec<Device>) {
        self.0.queue.push(Command::Save(devices));
    }

    /// The inventory and its latest events as they were at the start; `None` where they could not be read, and after
    /// the first call.
    pub fn take_inventory(&self) -> Option<InventoryRows> {
        self.0.inventory.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Hands rows of the inventory to the writer, as [`Store::save`] does; the latest of each device wins.
    pub fn keep(&self, entries: Vec<Entry>) {
        self.0.queue.push(Command::Keep(entries));
    }

    /// The newest outages as of the start, newest first.
    pub fn outages(&self) -> Vec<Outage> {
        self.0.outages.clone()
    }

    /// Hands outages to the writer. The latest state of a start wins.
    pub fn save_outages(&self, outages: Vec<Outage>) {
        self.0.queue.push(Command::SaveOutages(outages));
    }

    /// What was kept of SNMP walks as of the start; nothing after the first call.
    pub fn take_walks(&self) -> Vec<PersistedWalk> {
        std::mem::take(&mut *self.0.walks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hands what changed of SNMP walks to the writer. The latest row of an interface wins.
    pub fn save_walks(&self, walks: Vec<PersistedWalk>) {
        self.0.queue.push(Command::SaveWalks(walks));
    }

    /// Deletes the rows of these names, in order with [`Store::save`].
    pub fn forget(&self, names: Vec<LabelValue>) {
        self.0.queue.push(Command::Forget(names));
    }

    /// Writes a heartbeat's row and the report that changed it, and calls `done` once they are on disk, from the
    /// writer's thread: it must not wait for anything. Where they cannot be written now `done` is dropped without a
    /// call; row and report stay pending. Reports that arrive while the disk is at work are committed together.
    pub fn report(
        &self,
        name: LabelValue,
        row: HeartbeatRow,
        record: Option<SignalRecord>,
        done: impl FnOnce() + Send + 'static,
    ) {
        let row = Some(row);
        let report = Box::new(Report { name, row, record });
        self.0.queue.push(Command::Report(report, Box::new(done)));
    }

    /// Deletes a heartbeat's row and its reports, and calls `done` as [`Store::report`] does.
    pub fn forget_heartbeat(&self, name: LabelValue, done: impl FnOnce() + Send + 'static) {
        let report = Box::new(Report {
            name,
            row: None,
            record: None,
        });
        self.0.queue.push(Command::Report(report, Box::new(done)));
    }

    /// Hands rows of heartbeats to the writer, as [`Store::save`] does.
    pub fn save_heartbeats(&self, rows: Vec<(LabelValue, HeartbeatRow)>) {
        self.0.queue.push(Command::Beats(Beats::of(rows)));
    }

    /// Notes that lanpulse was alive at this time: its next start knows how long it was away.
    pub fn alive(&self, at: Timestamp) {
        self.0.queue.push(Command::Alive(at));
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

    /// Commits at once, and waits until all that was saved before is on disk. False where the deadline came first:
    /// the rows are still pending then. Blocks; not for async code.
    #[must_use]
    pub fn flush(&self, deadline: Duration) -> bool {
        self.ask(Command::Flush, deadline)
    }

    /// Flushes, moves the write-ahead log into the database and ends the writer. False where the deadline came
    /// first. What is saved afterwards is not written any more. Blocks; not for async code.
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

fn open_and_load(path: &Path) -> Result<(Connection, Rows, InventoryRows), StoreError> {
    let connection = file::open(path)?;
    let failed = |source| file::failed("read", path, source);
    let rows = load(&connection).map_err(failed)?;
    let inventory = inventory::load(&connection).map_err(failed)?;
    Ok((connection, rows, inventory))
}

fn load(connection: &Connection) -> rusqlite::Result<Rows> {
    Ok(Rows {
        devices: devices::load(connection)?,
        outages: outages::load(connection)?,
        walks: walks::load(connection)?,
    })
}

/// The rows of a file that cannot be opened for writing; `None` where it cannot be read either. A locked file is not
/// read: what another process is writing may look damaged.
fn read_only(path: &Path, why: &StoreError, inventory: &mut Option<InventoryRows>) -> Result<Option<Rows>, StoreError> {
    if why.is_lock() {
        return Ok(None);
    }
    let Some(connection) = file::open_read_only(path)? else {
        return Ok(None);
    };
    *inventory = inventory::load(&connection).ok();
    // A version that is still to be migrated may lack what we read.
    let Ok(devices) = devices::load(&connection) else {
        return Ok(None);
    };
    Ok(Some(Rows {
        devices,
        outages: outages::load(&connection).unwrap_or_default(),
        walks: walks::load(&connection).unwrap_or_default(),
    }))
}
