//! YAML text in, a `Config` or every `Problem` out.

use std::path::PathBuf;
use std::sync::Arc;

use crate::metrics;
use crate::model::{Calendar, Target};
use crate::probe::Probe;

/// Everything the user has said, checked and with defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What to expose.
    pub series: metrics::Settings,
    /// The configured targets, in the order of the files.
    pub targets: Vec<TargetConfig>,
    /// The named time intervals.
    pub calendars: Vec<Arc<Calendar>>,
}

/// A configured target and its probes.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetConfig {
    /// What the state needs to know.
    pub target: Arc<Target>,
    /// What the scheduler runs.
    pub probes: Vec<Probe>,
}

/// A file that was read, and what was in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path, as named by the flag or the including file.
    pub path: PathBuf,
}
