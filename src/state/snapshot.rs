//! The state at one moment, detached from it: what `/metrics`, the API and the landing page are rendered from.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::heartbeat::HeartbeatView;
use super::histogram::Buckets;
use super::internet::InternetView;
use super::inventory::InventoryView;
use super::probe::ProbeView;
use super::snmp::SnmpView;
use super::window::WindowStats;
use crate::model::{EventRecord, Failure, FailureCounts, LabelValue, Outage, Record, Status, Target, Timestamp};

/// Everything that can be shown.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When it was true.
    pub at: Timestamp,
    /// The devices, in the order of the targets.
    pub devices: Vec<DeviceView>,
    /// The inventory.
    pub inventory: Arc<InventoryView>,
    /// The latest events that clients are told of, the oldest first.
    pub events: Vec<EventRecord>,
    /// The internet, if it is watched.
    pub internet: Option<InternetView>,
    /// Times without internet, newest first.
    pub outages: Arc<[Outage]>,
    /// How late probes are sent.
    pub lag: Buckets,
    /// The heartbeats, in the order of the configuration.
    pub heartbeats: Vec<HeartbeatView>,
    /// How often the wall clock has stepped.
    pub clock_steps: u64,
    /// How lanpulse itself is doing.
    pub health: Health,
}

/// One device.
#[derive(Clone, Debug)]
pub struct DeviceView {
    /// What was configured.
    pub target: Arc<Target>,
    /// What discovery knows of it.
    pub record: Option<Arc<Record>>,
    /// Whether discovery brought it, and nobody configured it.
    pub discovered: bool,
    /// The address in use; absent while a name has not resolved.
    pub address: Option<IpAddr>,
    /// The gateway of this host, where the device is in the same network and is not the gateway itself.
    pub gateway: Option<Ipv4Addr>,
    /// Its status, since when, and how often that has changed.
    pub status: Status,
    /// When the status last changed.
    pub status_since: Timestamp,
    /// How often it changed while this daemon ran.
    pub changes: u64,
    /// Up or down after hysteresis.
    pub up: Option<bool>,
    /// First evidence of it.
    pub first_seen: Option<Timestamp>,
    /// Latest evidence of it.
    pub last_seen: Option<Timestamp>,
    /// The latest reading's failure and its text, if it failed.
    pub last_failure: Option<(Failure, Option<Arc<str>>)>,
    /// Its pings, if it is pinged.
    pub icmp: Option<IcmpView>,
    /// Its probes but pings, in the order of the target's.
    pub checks: Vec<ProbeView>,
    /// Its SNMP walks, if it is walked.
    pub snmp: Option<SnmpView>,
}

/// A device's pings.
#[derive(Clone, Debug)]
pub struct IcmpView {
    /// Attempts.
    pub requests: u64,
    /// Echo replies.
    pub replies: u64,
    /// Failures by reason.
    pub failures: FailureCounts,
    /// Round-trip times.
    pub rtt: Buckets,
    /// Over the sliding window; absent while it is empty.
    pub window: Option<WindowStats>,
    /// When the last one was sent.
    pub last_run: Option<Timestamp>,
    /// What the last one took, if it came back.
    pub last_rtt: Option<Duration>,
}

/// How lanpulse itself is doing: filled in by the daemon.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// When the daemon started.
    pub started: Timestamp,
    /// How the last load of the configuration went.
    pub reload: ReloadState,
    /// The store.
    pub store: StoreHealth,
    /// Observations thrown away because the state could not keep up.
    pub observations_dropped: u64,
    /// Series left out of scrapes so far because there were too many.
    pub series_over_limit: u64,
    /// When the built-in registry of hardware addresses was published.
    pub registry_date: Timestamp,
    /// The process.
    pub process: Process,
    /// Reports of heartbeats that were refused: whose (nothing where the token is unknown), why, how many.
    pub heartbeats_rejected: Vec<(LabelValue, &'static str, u64)>,
    /// The ICMP sockets, in words for people, one line a family.
    pub sockets: Arc<[String]>,
}

/// How the last load of the configuration went.
#[derive(Clone, Debug, Default)]
pub struct ReloadState {
    /// Whether the latest attempt succeeded.
    pub successful: bool,
    /// When one last succeeded.
    pub success_at: Timestamp,
    /// What was wrong with the latest, if it failed.
    pub problems: Arc<[String]>,
    /// The file.
    pub file: Arc<str>,
}

/// How the store is doing.
#[derive(Clone, Debug, Default)]
pub struct StoreHealth {
    /// Rows committed.
    pub writes: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// The database's size on disk in bytes, its write-ahead log included.
    pub size_bytes: u64,
    /// What is wrong, while something is.
    pub error: Option<String>,
}

/// The process, by the standard names.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// User and system time in seconds.
    pub cpu_seconds: f64,
    /// Resident memory in bytes.
    pub resident_memory_bytes: u64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// How many may be open.
    pub max_fds: u64,
    /// Tasks of the runtime: connections, checks under way, and some more.
    pub tasks: u64,
    /// When it started.
    pub start_time: Timestamp,
}
