//! Rows of devices that were read late: the file could not be read at the start, but later.
//!
//! Owns the rule by which such a run goes on from them. A run that did read its file at the start has no [`LateRows`].

use std::collections::HashMap;

use crate::model::{Device, LabelValue, Timestamp};

/// The rows that the state has never seen, by name.
#[derive(Debug, Default)]
pub(super) struct LateRows(HashMap<LabelValue, LateRow>);

#[derive(Debug)]
struct LateRow {
    old: Device,
    /// `status_since` and `up_since` of the first row with a known status that this run has written. While they are the
    /// same, nothing has changed since the start.
    first: Option<(Timestamp, Timestamp)>,
}

impl LateRows {
    /// The rows found in the file.
    pub(super) fn new(rows: Vec<Device>) -> Self {
        let late = |old: Device| (old.name.clone(), LateRow { old, first: None });
        Self(rows.into_iter().map(late).collect())
    }

    /// The row to write for a device, as if this run had read the old row at its start:
    /// 1. while this run knows nothing of the device, the old status stays;
    /// 2. the first status it knows goes on from the old one where they are equal: it keeps the earlier time;
    /// 3. from the first change on, this run's own times count.
    ///
    /// `up` goes by the same rules. The times of evidence are left to the upsert.
    pub(super) fn continued(&mut self, new: &Device) -> Device {
        let mut row = new.clone();
        let Some(late) = self.0.get_mut(&new.name) else {
            return row;
        };
        let old = &late.old;
        if late.first.is_none() && !new.status.is_known() && new.up.is_none() {
            row.status = old.status;
            row.status_since = old.status_since;
            row.up = old.up;
            row.up_since = old.up_since;
            return row;
        }
        let (status_since, up_since) = *late.first.get_or_insert((new.status_since, new.up_since));
        if new.status == old.status && new.status_since == status_since {
            row.status_since = status_since.min(old.status_since);
        }
        if new.up == old.up && new.up_since == up_since {
            row.up_since = up_since.min(old.up_since);
        }
        row
    }

    /// The row was deleted: a new device of this name starts anew.
    pub(super) fn forget(&mut self, name: &LabelValue) {
        self.0.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Status;

    fn device(status: Status, since: u64) -> Device {
        Device {
            agent: "local".into(),
            name: "a".into(),
            status,
            status_since: Timestamp::from_micros(since),
            up: match status {
                Status::Up | Status::Degraded => Some(true),
                Status::Down => Some(false),
                _ => None,
            },
            up_since: Timestamp::from_micros(since),
            first_seen: None,
            last_seen: None,
        }
    }

    #[test]
    fn a_run_goes_on_with_the_row_it_could_not_read() {
        use Status::{Degraded, Down, Unknown, Up};
        let mut late = LateRows::new(vec![device(Up, 10)]);
        // (what this run says, what is written)
        let steps = [
            (device(Unknown, 100), device(Up, 10)),
            (device(Up, 110), device(Up, 10)),
            (device(Up, 110), device(Up, 10)),
            (device(Down, 120), device(Down, 120)),
            (device(Up, 130), device(Up, 130)),
            (device(Unknown, 140), device(Unknown, 140)),
        ];
        for (new, expected) in steps {
            assert_eq!(late.continued(&new), expected, "{new:?}");
        }
        let mut late = LateRows::new(vec![device(Up, 10)]);
        let written = late.continued(&device(Degraded, 110));
        assert_eq!(written.status_since, Timestamp::from_micros(110), "another status");
        assert_eq!(written.up_since, Timestamp::from_micros(10), "but still up");
    }

    #[test]
    fn other_and_forgotten_devices_are_written_as_they_are() {
        let mut late = LateRows::new(vec![device(Status::Up, 10)]);
        late.forget(&"a".into());
        assert_eq!(late.continued(&device(Status::Up, 110)), device(Status::Up, 110));
    }
}
