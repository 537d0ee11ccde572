//! The handle that the daemon holds: hands rows to the writer, and reads the tables that are read at any time.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::error::StoreError;
use super::health::Health;
use super::queue::{Queue, Reply};
use super::{audit, file, heartbeats, meta, signals};
use crate::model::{Audit, HeartbeatRow, LabelValue, Row, SignalRecord, Timestamp};

/// A handle to the database and its writer thread; clones share both.
///
/// When the last handle is dropped without [`Store::close`], the writer tries once to commit what is pending.
#[derive(Clone)]
pub struct Store(Arc<Handle>);

struct Handle {
    queue: Arc<Queue>,
    path: PathBuf,
}

/// What is stored of heartbeats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredHeartbeats {
    /// By name.
    pub rows: HashMap<LabelValue, HeartbeatRow>,
    /// When lanpulse was last known to be alive, if ever.
    pub alive_until: Option<Timestamp>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.stop(Box::new(|| ()));
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.health()).finish()
    }
}

impl Store {
    /// A handle to the writer behind this queue, and the file it writes.
    pub(super) fn new(queue: Arc<Queue>, path: PathBuf) -> Self {
        Self(Arc::new(Handle { queue, path }))
    }

    /// Hands rows to the writer, which commits them within about a second. The latest row of a key wins. Never waits,
    /// never fails: while storage does, the rows stay pending.
    pub fn keep(&self, rows: Vec<Row>) {
        self.0.queue.keep(rows);
    }

    /// Hands rows to the writer, which commits them at once, and calls `done` when they are on disk. Rows that arrive
    /// while the disk is at work are committed together.
    ///
    /// `done` runs on the writer's thread and must not wait for anything. Where the rows cannot be written now, `done`
    /// is dropped without a call; the rows stay pending.
    pub fn keep_then(&self, rows: Vec<Row>, done: impl FnOnce() + Send + 'static) {
        self.0.queue.keep_then(rows, Box::new(done));
    }

    /// What is stored of heartbeats. Blocks for the time of the disk; not for async code.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`] and its like where the file cannot be read now.
    pub fn heartbeats(&self) -> Result<StoredHeartbeats, StoreError> {
        self.read(|connection| {
            Ok(StoredHeartbeats {
                rows: heartbeats::load(connection)?,
                alive_until: meta::alive_until(connection)?,
            })
        })
    }

    /// The latest reports of a heartbeat, the newest first. Blocks for the time of the disk; not for async code.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`] and its like where the file cannot be read now.
    pub fn signals(&self, name: &LabelValue, most: usize) -> Result<Vec<SignalRecord>, StoreError> {
        self.read(|connection| signals::load(connection, name, most))
    }

    /// Who changed what, with the rows' numbers, the newest first: of one device, and before a number, where these are
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
        self.read(|connection| audit::load(connection, device, before, most))
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

    /// Commits at once, and waits until all that was kept before is on disk. False where the deadline came first: the rows
    /// are still pending then. Blocks; not for async code.
    #[must_use]
    pub fn flush(&self, deadline: Duration) -> bool {
        wait(|reply| self.0.queue.flush(reply), deadline)
    }

    /// Flushes, moves the write-ahead log into the database and ends the writer. False where the deadline came first.
    /// Rows that are kept afterwards are not written any more. Blocks; not for async code.
    #[must_use]
    pub fn close(&self, deadline: Duration) -> bool {
        let start = Instant::now();
        let flushed = self.flush(deadline);
        let left = deadline.saturating_sub(start.elapsed());
        wait(|reply| self.0.queue.stop(reply), left) && flushed
    }
}

/// Requests something of the writer, and waits for its reply. False where the deadline came first, or no reply can come.
fn wait(request: impl FnOnce(Reply), deadline: Duration) -> bool {
    let (sender, receiver) = mpsc::sync_channel(1);
    request(Box::new(move || {
        // After the deadline the receiver is gone.
        let _ = sender.try_send(());
    }));
    receiver.recv_timeout(deadline).is_ok()
}
