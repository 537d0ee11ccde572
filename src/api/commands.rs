//! What handlers ask of the daemon, and what it answers.
//!
//! All commands and queries that leave this room are here, so that the daemon has one list of them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::model::{
    Audit, Heartbeat, Kind, LabelValue, Method, Network, Patch, Reading, Record, Scan, Signal, SignalRecord,
};
use crate::state::{PatchError, Snapshot};

/// A request on its way to the daemon.
pub type Sent = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Asks for a snapshot of the state.
pub type Snapshots = Box<dyn Fn(oneshot::Sender<Arc<Snapshot>>) -> Sent + Send + Sync>;

/// Asks for a reload of the configuration. The answer is a summary, or every problem.
pub type Reload = oneshot::Sender<Result<String, Vec<String>>>;

/// What is asked of discovery.
pub enum DiscoveryCommand {
    /// Start a scan now; answered with its number.
    Scan(ScanRequest, oneshot::Sender<Result<u64, ScanRefusal>>),
    /// How the scan of this number is going, or went.
    Look(u64, oneshot::Sender<Option<Scan>>),
    /// The scans that are running.
    Running(oneshot::Sender<Vec<Scan>>),
    /// Change a device as a person asks. The text is for the audit: who asked, and from where.
    Patch(
        u64,
        Box<Patch>,
        String,
        oneshot::Sender<Result<Arc<Record>, PatchError>>,
    ),
}

/// A scan that a person asks for. What is not given is taken from the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScanRequest {
    /// Scan these networks.
    pub networks: Option<Vec<Network>>,
    /// Scan only networks on these interfaces.
    pub interfaces: Option<Vec<String>>,
    /// Use these methods.
    pub methods: Option<Vec<Method>>,
    /// End after this long.
    pub timeout: Option<Duration>,
}

/// Why a scan was not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanRefusal {
    /// The scan of this number covers the same network and is still running.
    Busy(u64),
    /// There is no network to scan, for these reasons.
    Nothing(Vec<String>),
}

/// What is asked about heartbeats. The sender of the answer is dropped if the change could not be stored.
#[derive(Debug)]
pub enum HeartbeatCommand {
    /// Take a report, and answer once it is on disk.
    Report {
        /// The heartbeat.
        name: LabelValue,
        /// The report.
        signal: Box<Signal>,
        /// Create this heartbeat if there is none of the name.
        create: Option<Arc<Heartbeat>>,
        /// The answer.
        done: oneshot::Sender<Outcome>,
    },
    /// Delete a heartbeat that a client has created, and answer once it is gone from the disk.
    Delete {
        /// The heartbeat.
        name: LabelValue,
        /// The answer.
        done: oneshot::Sender<Outcome>,
    },
    /// Pause or resume a heartbeat, and answer once that is on disk.
    Pause {
        /// The heartbeat.
        name: LabelValue,
        /// True pauses, false resumes.
        paused: bool,
        /// The answer.
        done: oneshot::Sender<Outcome>,
    },
}

/// What came of a command about a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on disk.
    Stored,
    /// It is on disk, and the heartbeat is new.
    Created,
    /// There is no such heartbeat.
    Unknown,
    /// The heartbeat is in the configuration, so it cannot be deleted.
    Configured,
    /// There are as many heartbeats of clients as there may be.
    Full,
}

/// Sends a command about heartbeats.
pub type HeartbeatCommands = Box<dyn Fn(HeartbeatCommand) -> Sent + Send + Sync>;

/// Reads this many of the latest reports of a heartbeat, the newest first. The sender is dropped if they cannot be read.
pub type SignalHistory = Box<dyn Fn(LabelValue, usize, oneshot::Sender<Vec<SignalRecord>>) -> Sent + Send + Sync>;

/// Which changes of the audit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only changes of this device.
    pub device: Option<u64>,
    /// Only changes with a number below this.
    pub before: Option<u64>,
    /// The most changes to read.
    pub most: usize,
}

/// Reads changes with their numbers, the newest first. The sender is dropped if they cannot be read.
pub type Audits = Box<dyn Fn(AuditQuery, oneshot::Sender<Vec<(u64, Audit)>>) -> Sent + Send + Sync>;

/// Runs a probe once.
pub type Probes = Box<dyn Fn(ProbeRequest) -> Probing + Send + Sync>;
/// A probe that is running.
pub type Probing = Pin<Box<dyn Future<Output = Result<ProbeAnswer, ProbeRefusal>> + Send>>;

/// A probe to run once.
#[derive(Clone, Debug)]
pub struct ProbeRequest {
    /// The name of the module.
    pub module: String,
    /// What to probe.
    pub target: String,
    /// The name to ask an HTTP server for, if not the target's.
    pub hostname: Option<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// The result of a probe.
#[derive(Clone, Debug)]
pub struct ProbeAnswer {
    /// The kind of the module.
    pub kind: Kind,
    /// The reading.
    pub reading: Reading,
    /// How long the name lookup took, if it was not a part of the probe.
    pub resolve: Duration,
    /// How long all of it took.
    pub took: Duration,
    /// How long it might have taken.
    pub timeout: Duration,
}

/// Why nothing was probed.
#[derive(Clone, Debug)]
pub enum ProbeRefusal {
    /// There is no such module; these are the modules that there are.
    Module(Vec<String>),
    /// The module cannot probe the target.
    Target(String),
    /// The daemon is stopping.
    Stopping,
}
