//! The exposition, read back.

mod exposition;
mod reader;
mod snapshots;
mod table;
