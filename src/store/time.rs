//! Time in columns: microseconds since the epoch, 0 for never.

use crate::model::Timestamp;

/// SQLite's integers are signed: what does not fit is 292,000 years away.
pub(super) fn integer(time: Timestamp) -> i64 {
    i64::try_from(time.micros()).unwrap_or(i64::MAX)
}

/// What a column holds; a negative number, which no lanpulse has written, is never.
pub(super) fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_micros(u64::try_from(micros).unwrap_or(0))
}
