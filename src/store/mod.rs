//! What survives a restart: an SQLite file with one writer thread and group commit.
//!
//! Owns the file, its schema and its failures. Gets [`Row`](crate::model::Row)s to keep; gives what was [`Stored`] back at
//! the next start, and [`Health`]. Only [`Store::flush`], [`Store::close`] and reads wait for the disk. No failure of the disk
//! stops the monitoring: rows stay pending until they can be written.
//!
//! `pending`, `queue` and `writer` are the way of a row to the disk; each table has a file of its own, and `tables` lists
//! them. `docs/storage.md` says what operators should know.

mod audit;
mod backup;
mod column;
mod devices;
mod error;
mod events;
mod file;
mod handle;
mod health;
mod heartbeats;
mod inventory;
mod late;
mod meta;
mod open;
mod outages;
mod pending;
mod queue;
mod scans;
mod schema;
mod signals;
mod step;
mod tables;
mod walks;
mod writer;

pub use backup::backup;
pub use error::StoreError;
pub use handle::{Store, StoredHeartbeats};
pub use health::Health;
pub use open::open;
pub use tables::Stored;
