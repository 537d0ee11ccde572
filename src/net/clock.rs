//! The wall clock, for the rooms on this side of the wire.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::Timestamp;

/// What time it is.
pub fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(since.as_micros() as u64)
}
