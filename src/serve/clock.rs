//! The clock of connections and rate limits.

use std::time::Instant;

/// The time now.
#[expect(
    clippy::disallowed_methods,
    reason = "connections and rate limits count real time; this is the one place in serve and api that reads it"
)]
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
