//! What goes through the doors of the state: inputs and commands in, answers, events and rows out.

use std::sync::Arc;

use super::internet::InternetSettings;
use super::inventory::{Evidence, PatchError, Rules};
use crate::model::{Event, EventRecord, Fact, LabelValue, Link, Patch, Record, Row, Run, SystemReading, Target};

/// What was seen, by probes and scans and of this host itself.
#[derive(Clone, Debug)]
pub enum Input {
    /// A probe ran.
    Ran(Run),
    /// A scan is over.
    Scanned(Box<Evidence>),
    /// What has become of this host's way out.
    Link(Link),
    /// What a device said of itself by SNMP, and the facts that follow.
    Described {
        /// The device.
        device: LabelValue,
        /// The system group.
        reading: SystemReading,
        /// What it tells.
        facts: Vec<Fact>,
    },
}

/// What is wanted of the state.
#[derive(Clone, Debug)]
pub enum Command {
    /// These are the configured targets, and so presence is judged.
    Configure(Vec<Arc<Target>>, Rules),
    /// Watch these targets and the internet from now on.
    Watch(Vec<Arc<Target>>, Option<Arc<InternetSettings>>),
    /// A person's change of a device, and from where.
    Patch(u64, Box<Patch>, String),
}

/// What came of a command.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It is done.
    Done,
    /// The inventory's devices.
    Records(Vec<Arc<Record>>),
    /// The device as it now is, or why it was not changed.
    Patched(Result<Arc<Record>, PatchError>),
}

/// What happened and what must be stored since the last call, each in its order.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// What happened, to be logged.
    pub events: Vec<Event>,
    /// The events that clients are told of.
    pub published: Vec<EventRecord>,
    /// What must go to disk.
    pub rows: Vec<Row>,
}
