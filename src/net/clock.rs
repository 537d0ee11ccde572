//! The clocks of this host. `clippy.toml` bans every other way to read one outside `net` and `daemon`: a function that
//! needs the time takes it as a parameter, so that tests need not wait.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::model::Timestamp;

/// The wall clock.
pub fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(since.as_micros() as u64)
}

/// The clock that never steps, for durations and deadlines. In tests with a paused tokio clock it is that one.
pub fn monotonic() -> Instant {
    tokio::time::Instant::now().into_std()
}
