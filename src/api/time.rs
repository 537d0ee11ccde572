//! Times, as the API shows them.

use crate::model::Timestamp;

/// RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.micros().cast_signed())
        .map_or_else(|_| "unknown".to_owned(), |at| format!("{at:.3}"))
}
