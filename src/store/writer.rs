//! The one thread that writes: takes a batch and commits it, and tries again when that fails.
//!
//! Owns the connection. Gets batches from `queue`; gives counts to its gauges, and a log line for each change between working
//! and failing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;
use super::file;
use super::pending::Pending;
use super::queue::Queue;
use super::schema;
use super::tables::Tables;

/// The writer's thread.
pub(super) struct Writer {
    queue: Arc<Queue>,
    path: PathBuf,
    /// `None` while the file cannot be opened.
    connection: Option<Connection>,
    /// The file that the connection has open.
    identity: Option<(u64, u64)>,
    /// Whether the rows of the file were read: at the start, or later into `tables`.
    loaded: bool,
    tables: Tables,
    failing: bool,
}

impl Writer {
    /// A writer for a file that was opened, or was not.
    pub(super) fn new(queue: Arc<Queue>, path: PathBuf, connection: Option<Connection>, loaded: bool) -> Self {
        Self {
            failing: connection.is_none(),
            identity: file::identity(&path),
            queue,
            path,
            connection,
            loaded,
            tables: Tables::default(),
        }
    }

    /// Runs until the queue says that a batch is the last.
    pub(super) fn run(mut self) {
        // A start that failed is not repeated at once.
        let mut attempt = Instant::now();
        loop {
            let batch = self.queue.take(attempt, self.failing);
            let last = batch.last;
            let outcome = self.commit(&batch.rows);
            attempt = Instant::now();
            self.failing = outcome.is_err();
            self.queue.gauges.set_size(file::size(&self.path));
            match outcome {
                Ok(()) => {
                    if self.queue.gauges.succeeded(batch.rows.len() as u64) {
                        tracing::info!(path = %self.path.display(), "the database works again");
                    }
                    self.queue.committed(batch);
                }
                Err(error) => {
                    report(&self.queue, &error);
                    self.queue.restore(batch);
                }
            }
            if last {
                break;
            }
        }
        self.close();
        self.queue.stopped();
    }

    /// Writes the rows in one transaction, on a new connection where there is none.
    fn commit(&mut self, rows: &Pending) -> Result<(), StoreError> {
        let mut connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            let connection = file::open(&self.path)?;
            self.identity = file::identity(&self.path);
            connection
        };
        // The file was moved or deleted. SQLite would go on writing to it, and leave a -wal under the old name, which the
        // next file of that name takes for its own. So the rows in the -wal go into the file that moved.
        if file::identity(&self.path) != self.identity {
            let _ = checkpoint(&connection);
            return Err(StoreError::Moved {
                path: self.path.clone(),
            });
        }
        let outcome = self.write(&mut connection, rows);
        match &outcome {
            // Damage was found: moving the -wal into the file would only spread it.
            Err(StoreError::Corrupt { .. }) => {
                let _ = file::keep_wal(&connection, true);
            }
            // A connection that became read-only or lost its disk stays so: the next attempt opens a new one.
            Err(error) if !error.is_transient() => {}
            _ => self.connection = Some(connection),
        }
        outcome
    }

    fn write(&mut self, connection: &mut Connection, rows: &Pending) -> Result<(), StoreError> {
        if !self.loaded {
            let late = self.tables.load_late(connection);
            late.map_err(|source| file::failed("read", &self.path, source))?;
            self.loaded = true;
        }
        if rows.len() == 0 {
            return schema::touch(connection).map_err(|source| file::failed("write to", &self.path, source));
        }
        let mut commit = || {
            // Immediate: a transaction that reads first and writes later can fail at once beside another process,
            // whatever the busy timeout.
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for row in rows.rows() {
                self.tables.write(&transaction, row)?;
            }
            transaction.commit()
        };
        commit().map_err(|source| file::failed("write to", &self.path, source))
    }

    /// Leaves one tidy file: no -wal, no -shm. Without success nothing is lost, the next start reads the -wal.
    fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let tidy = checkpoint(&connection).and_then(|()| connection.close().map_err(|(_, error)| error));
            if let Err(error) = tidy {
                tracing::debug!(path = %self.path.display(), %error, "the write-ahead log stays beside the database");
            }
        }
        self.queue.gauges.set_size(file::size(&self.path));
    }
}

/// Moves all of the -wal into the database and empties it, unless another process is reading.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
}

/// Counts a failure, and logs it unless it is the same as before.
pub(super) fn report(queue: &Queue, error: &StoreError) {
    let text = error.to_string();
    if queue.gauges.failed(&text) {
        tracing::warn!(
            error = text,
            "the database cannot be written; monitoring goes on, rows are kept in memory and tried again"
        );
    }
}
