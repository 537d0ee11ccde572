//! Numbers, times and durations in columns. SQLite's integers are signed. Times are microseconds since 1970-01-01 UTC, 0 is
//! never; durations are microseconds, too.

use std::time::Duration;

use rusqlite::{Result, Row};

use crate::model::{LabelValue, Timestamp};

/// A number as a column holds it; what does not fit becomes the largest that does.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number of a row; a negative one, which no lanpulse has written, is 0.
pub(super) fn unsigned(row: &Row<'_>, index: usize) -> Result<u64> {
    row.get::<_, i64>(index)
        .map(|number| u64::try_from(number).unwrap_or(0))
}

/// A time as a column holds it; what does not fit is 292,000 years away.
pub(super) fn integer(time: Timestamp) -> i64 {
    signed(time.micros())
}

/// The time that a column holds; a negative number is never.
pub(super) fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// A time of a row.
pub(super) fn time(row: &Row<'_>, index: usize) -> Result<Timestamp> {
    row.get(index).map(timestamp)
}

/// A time of a row, or `None` for NULL.
pub(super) fn optional_time(row: &Row<'_>, index: usize) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(index)?.map(timestamp))
}

/// A duration as a column holds it.
pub(super) fn length(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// A duration of a row, or `None` for NULL; a negative one is 0.
pub(super) fn optional_length(row: &Row<'_>, index: usize) -> Result<Option<Duration>> {
    let micros: Option<i64> = row.get(index)?;
    Ok(micros.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0))))
}

/// The names of agents. They are few, so all rows of an agent share one copy of its name.
#[derive(Default)]
pub(super) struct Agents(Vec<LabelValue>);

impl Agents {
    /// The agent of a row.
    pub(super) fn get(&mut self, row: &Row<'_>, index: usize) -> Result<LabelValue> {
        let name = row.get_ref(index)?.as_str()?;
        if let Some(known) = self.0.iter().find(|known| known.as_str() == name) {
            return Ok(known.clone());
        }
        let agent = LabelValue::new(name);
        self.0.push(agent.clone());
        Ok(agent)
    }
}
