//! Rows found in the file by a run that could not read it at its start.
//!
//! Owns the rule by which such a run goes on with them. Gets the rows from `writer` once the file can be read; gives
//! each row to write with its past. A run that did read its file at the start has an empty [`Past`].

use std::collections::HashMap;

use crate::model::{Device, LabelValue, Status, Timestamp};

/// The rows that the state has never seen, by name.
#[derive(Debug, Default)]
pub(super) struct Past(HashMap<LabelValue, Entry>);

#[derive(Debug)]
struct Entry {
    old: Device,
    /// Since when this run's first known status, and its first `up`, hold: what has them still has the old ones.
    first: Option<(Timestamp, Timestamp)>,
}

impl Past {
    /// What was found in the file.
    pub(super) fn new(rows: Vec<Device>) -> Self {
        let entry = |old: Device| (old.name.clone(), Entry { old, first: None });
        Self(rows.into_iter().map(entry).collect())
    }

    /// The row to write for a device, as if this run had read the old row at its start:
    /// 1. while this run knows nothing of the device, the old status stays;
    /// 2. the first status it knows goes on from the old one where they are equal: it keeps the earlier time;
    /// 3. from the first change on, this run's own times count.
    ///
    /// `up` goes by the same rules. When it was seen is the upsert's business.
    pub(super) fn continued(&mut self, new: &Device) -> Device {
        let mut row = new.clone();
        let Some(entry) = self.0.get_mut(&new.name) else {
            return row;
        };
        let old = &entry.old;
        if entry.first.is_none() && new.status == Status::Unknown && new.up.is_none() {
            row.status = old.status;
            row.status_since = old.status_since;
            row.up = old.up;
            row.up_since = old.up_since;
            return row;
        }
        let (status_since, up_since) = *entry.first.get_or_insert((new.status_since, new.up_since));
        if new.status == old.status && new.status_since == status_since {
            row.status_since = status_since.min(old.status_since);
        }
        if new.up == old.up && new.up_since == up_since {
            row.up_since = up_since.min(old.up_since);
        }
        row
    }

    /// A deleted row has no past.
    pub(super) fn forget(&mut self, name: &LabelValue) {
        self.0.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(status: Status, since: u64) -> Device {
        Device {
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
        let mut past = Past::new(vec![device(Up, 10)]);
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
            assert_eq!(past.continued(&new), expected, "{new:?}");
        }
        let mut past = Past::new(vec![device(Up, 10)]);
        let written = past.continued(&device(Degraded, 110));
        assert_eq!(written.status_since, Timestamp::from_micros(110), "another status");
        assert_eq!(written.up_since, Timestamp::from_micros(10), "but still up");
    }

    #[test]
    fn other_and_forgotten_devices_are_written_as_they_are() {
        let mut past = Past::new(vec![device(Status::Up, 10)]);
        past.forget(&"a".into());
        assert_eq!(past.continued(&device(Status::Up, 110)), device(Status::Up, 110));
    }
}
