//! What people say of a device: it wins over what is found, and survives.

use std::collections::BTreeMap;

use super::Inventory;
use crate::model::{
    Audit, Class, EventKind, LABEL_MAX_BYTES, LabelValue, Patch, Record, Row, Timestamp, check_label_name,
};

/// Notes may be this long, in bytes.
const LONGEST_NOTES: usize = 16 * 1024;
/// A device may have this many labels of its own.
const MOST_LABELS: usize = 32;

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// No such device.
    #[error("there is no device {0}")]
    Unknown(u64),
    /// Another device or target has the name.
    #[error("the name {0:?} is taken: choose another")]
    Taken(String),
    /// Something is not as it must be.
    #[error("{0}")]
    Invalid(String),
}

impl Inventory {
    /// Makes a person's change, all of it or nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn patch(&mut self, id: u64, patch: &Patch, by: &str, now: Timestamp) -> Result<(), PatchError> {
        let record = self.records.get(&id).ok_or(PatchError::Unknown(id))?;
        let name = patch
            .name
            .as_deref()
            .map(|name| self.free_name(record, name))
            .transpose()?;
        let labels = patch.labels.as_ref().map(labels).transpose()?;
        if patch.notes.as_ref().is_some_and(|notes| notes.len() > LONGEST_NOTES) {
            return Err(PatchError::Invalid(format!(
                "notes may have {LONGEST_NOTES} bytes at most"
            )));
        }
        if let Some(other) = patch.same_as {
            self.check_merge(id, other)?;
        }
        let old_name = record.name.clone();
        self.audit(id, patch, by, now);
        self.change(id, |record| {
            record.approval = patch.status.unwrap_or(record.approval);
            if let Some(class) = patch.class {
                record.class = Some(class).filter(|class| *class != Class::Unknown);
            }
            record.labels = labels.unwrap_or(std::mem::take(&mut record.labels));
            if let Some(notes) = &patch.notes {
                record.notes.clone_from(notes);
            }
        });
        if let Some(name) = name.filter(|name| *name != old_name) {
            self.names.remove(&old_name);
            self.names.insert(name.clone(), id);
            self.change(id, |record| record.name = name);
            self.tell(EventKind::Renamed, id, now, &[("from", old_name.as_str())]);
        }
        match patch.same_as {
            Some(0) => self.split(id),
            Some(other) => self.merge(id, other),
            None => {}
        }
        Ok(())
    }

    fn audit(&mut self, id: u64, patch: &Patch, by: &str, at: Timestamp) {
        let change = serde_json::json!({
            "status": patch.status, "name": patch.name, "class": patch.class, "labels": patch.labels,
            "notes": patch.notes, "same_as": patch.same_as,
        });
        let said = change
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null());
        let said: serde_json::Map<_, _> = said.map(|(key, value)| (key.clone(), value.clone())).collect();
        self.rows.push(Row::Audit(Audit {
            at,
            by: by.to_owned(),
            device: id,
            change: serde_json::Value::Object(said).to_string(),
        }));
    }

    fn free_name(&self, record: &Record, name: &str) -> Result<LabelValue, PatchError> {
        let name = name.trim();
        if name.is_empty() || name.len() > LABEL_MAX_BYTES {
            return Err(PatchError::Invalid(format!("a name has 1 to {LABEL_MAX_BYTES} bytes")));
        }
        let label = LabelValue::new(name);
        if label == record.name {
            return Ok(label);
        }
        if self.reserved.contains(&record.name) {
            let problem = "its name comes from the configuration: change it there";
            return Err(PatchError::Invalid(problem.to_owned()));
        }
        if self.names.contains_key(&label) || self.reserved.contains(&label) {
            return Err(PatchError::Taken(name.to_owned()));
        }
        Ok(label)
    }

    fn check_merge(&self, id: u64, other: u64) -> Result<(), PatchError> {
        if other == 0 {
            return Ok(());
        }
        let target = self.records.get(&other).ok_or(PatchError::Unknown(other))?;
        let has_parts = self.records.values().any(|record| record.merged == Some(id));
        if other == id || target.merged.is_some() || has_parts {
            let problem =
                "a device cannot be a part of itself, nor of one that is a part of another, nor while it has parts";
            return Err(PatchError::Invalid(problem.to_owned()));
        }
        Ok(())
    }

    /// From now on what this one was seen with is the other's; it keeps its own record, so that it can be undone.
    fn merge(&mut self, id: u64, into: u64) {
        self.split(id);
        let Some(part) = self.records.get(&id).cloned() else {
            return;
        };
        if self.names.get(&part.name) == Some(&id) {
            self.names.remove(&part.name);
        }
        self.change(id, |record| record.merged = Some(into));
        self.change(into, |record| {
            for seen in &part.macs {
                if record.macs.iter().all(|known| known.value != seen.value) {
                    record.macs.push(seen.clone());
                }
            }
            for seen in &part.addresses {
                if record.addresses.iter().all(|known| known.value != seen.value) {
                    record.addresses.push(seen.clone());
                }
            }
            record.first_seen = record.first_seen.min(part.first_seen);
            record.last_seen = record.last_seen.max(part.last_seen);
            record.online |= part.online;
            record.proposed.retain(|proposed| *proposed != id);
        });
        self.point(&part, into);
    }

    /// Undoes a merge; without one nothing happens.
    fn split(&mut self, id: u64) {
        let Some(part) = self.records.get(&id).cloned() else {
            return;
        };
        let Some(whole) = part.merged else { return };
        self.change(whole, |record| {
            record
                .macs
                .retain(|seen| part.macs.iter().all(|own| own.value != seen.value));
            record
                .addresses
                .retain(|seen| part.addresses.iter().all(|own| own.value != seen.value));
        });
        self.point(&part, id);
        self.change(id, |record| record.merged = None);
        self.names.entry(part.name.clone()).or_insert(id);
    }

    /// What a record was seen with leads to this device.
    fn point(&mut self, part: &Record, id: u64) {
        for seen in &part.macs {
            self.by_mac.insert(seen.value, id);
        }
        for seen in part.addresses.iter().filter(|seen| seen.current) {
            self.by_address.insert(seen.value, id);
        }
    }
}

fn labels(labels: &BTreeMap<String, String>) -> Result<BTreeMap<String, LabelValue>, PatchError> {
    if labels.len() > MOST_LABELS {
        return Err(PatchError::Invalid(format!(
            "a device may have {MOST_LABELS} labels at most"
        )));
    }
    let label = |(name, value): (&String, &String)| {
        if check_label_name(name).is_err() || value.len() > LABEL_MAX_BYTES {
            let problem = format!(
                "the label {name:?} cannot be used: letters, digits and _, none that lanpulse or Prometheus sets itself, \
                 and a value of at most {LABEL_MAX_BYTES} bytes"
            );
            return Err(PatchError::Invalid(problem));
        }
        Ok((name.clone(), LabelValue::new(value)))
    };
    labels.iter().map(label).collect()
}
