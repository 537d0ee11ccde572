//! Devices that may be one under several hardware addresses.
//!
//! 1. A device may have several marks that outlive a hardware address: of each service one, and those of its past. Past
//!    so many the one that was not heard of for the longest is forgotten.
//! 2. Two devices with the same mark may be one where either has a hardware address that it made up: only those change.
//! 3. That is proposed to people, a few at most: what very many have is no mark but a maker's default, or a lie.

use super::Inventory;
use crate::model::{Fact, LabelValue, MacKind, Record, Topic};

/// Marks of one device that are remembered.
const MOST_MARKS: usize = 8;
/// Proposals for one device, and devices with the same mark that are looked at.
const MOST_PROPOSED: usize = 8;
const MOST_TWINS: usize = 32;

impl Inventory {
    /// Takes in marks, and proposes who it may be.
    pub(super) fn note_identities(&mut self, id: u64, marks: &[&Fact]) {
        for mark in marks {
            self.remember_mark(id, mark);
            self.propose(id, &mark.value);
        }
    }

    /// Rule 1.
    fn remember_mark(&mut self, id: u64, mark: &Fact) {
        let mut forgotten = None;
        self.change(id, |record| {
            record
                .facts
                .retain(|known| known.topic != Topic::Identity || known.value != mark.value);
            let marks = record.facts.iter().filter(|fact| fact.topic == Topic::Identity);
            if marks.clone().count() >= MOST_MARKS {
                forgotten = marks.min_by_key(|fact| fact.at).map(|fact| fact.value.clone());
                record
                    .facts
                    .retain(|fact| fact.topic != Topic::Identity || Some(&fact.value) != forgotten.as_ref());
            }
            record.facts.push(mark.clone());
        });
        if let Some(value) = forgotten
            && let Some(holders) = self.by_mark.get_mut(&value)
        {
            holders.remove(&id);
        }
        self.by_mark.entry(mark.value.clone()).or_default().insert(id);
    }

    /// Rules 2 and 3.
    fn propose(&mut self, id: u64, mark: &LabelValue) {
        let Some(record) = self.records.get(&id) else { return };
        let duplicate_names = self.by_mark.get(mark).into_iter().flatten().take(MOST_TWINS);
        let may_be = |twin: &u64| {
            let other = self.records.get(twin).filter(|other| other.merged.is_none());
            *twin != id
                && !record.proposed.contains(twin)
                && other.is_some_and(|other| made_up(record) || made_up(other))
        };
        let room = MOST_PROPOSED.saturating_sub(record.proposed.len());
        let new: Vec<u64> = duplicate_names.copied().filter(may_be).take(room).collect();
        if !new.is_empty() {
            self.change(id, |record| record.proposed.extend(new));
        }
    }

    /// Makes a stored device findable by its marks.
    pub(super) fn index_marks(&mut self, record: &Record) {
        for mark in record.facts.iter().filter(|fact| fact.topic == Topic::Identity) {
            self.by_mark.entry(mark.value.clone()).or_default().insert(record.id);
        }
    }
}

/// Whether it has a hardware address that it made up.
fn made_up(record: &Record) -> bool {
    record.macs.iter().any(|seen| seen.value.kind() == MacKind::Local)
}
