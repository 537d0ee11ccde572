//! The families about lanpulse itself.

use super::sample::{Row, Value};
use super::{Family, core, inventory};
use crate::state::{Buckets, Snapshot};

/// The reasons a series can be left out for.
pub const DROP_REASONS: [&str; 1] = ["limit"];

/// What the renderer knows beside the snapshot.
pub struct Scene<'a> {
    /// What is rendered.
    pub snapshot: &'a Snapshot,
    /// How many series this exposition has.
    pub series: usize,
}

/// Where a family about lanpulse takes its value from.
pub enum Source {
    /// A gauge.
    Gauge(fn(&Scene) -> Value),
    /// A counter.
    Counter(fn(&Scene) -> Value),
    /// A counter by reason.
    ByReason(fn(&Scene) -> [(&'static str, u64); DROP_REASONS.len()]),
    /// A gauge for each set of labels.
    Gauges(fn(&Snapshot) -> Vec<Row>),
    /// A counter for each set of labels.
    Counters(fn(&Snapshot) -> Vec<Row>),
    /// A histogram.
    Histogram(for<'a> fn(&Scene<'a>) -> &'a Buckets),
    /// 1 with texts as labels.
    Info(&'static [(&'static str, &'static str)]),
}

impl Source {
    /// The type in the exposition.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Gauge(_) | Self::Gauges(_) => "gauge",
            Self::Counter(_) | Self::ByReason(_) | Self::Counters(_) => "counter",
            Self::Histogram(_) => "histogram",
            Self::Info(_) => "info",
        }
    }
}

/// `version`, `revision` and `rustversion` of this build.
pub const BUILD: &[(&str, &str)] = &[
    ("version", env!("CARGO_PKG_VERSION")),
    ("revision", env!("LANPULSE_REVISION")),
    ("rustversion", env!("LANPULSE_RUSTVERSION")),
];

/// The collector of lanpulse itself, in the order of the exposition.
pub static FAMILIES: &[Family<Source>] = &[
    core(
        "lanpulse_build",
        "The running program",
        "version, revision, rustversion",
        Source::Info(BUILD),
    ),
    core(
        "lanpulse_config_last_reload_successful",
        "Whether the last attempt to load the configuration succeeded",
        "",
        Source::Gauge(|scene| scene.snapshot.health.reload.successful.into()),
    ),
    core(
        "lanpulse_config_last_reload_success_timestamp_seconds",
        "When the configuration was last loaded with success, in seconds since the Unix epoch",
        "",
        Source::Gauge(|scene| scene.snapshot.health.reload.success_at.into()),
    ),
    core(
        "lanpulse_targets",
        "Configured targets",
        "",
        Source::Gauge(|scene| Value::Int(scene.snapshot.devices.len() as u64)),
    ),
    core(
        "lanpulse_series",
        "Series in this exposition",
        "",
        Source::Gauge(|scene| Value::Int(scene.series as u64)),
    ),
    core(
        "lanpulse_series_dropped",
        "Series left out of expositions so far",
        "reason (limit)",
        Source::ByReason(|scene| [(DROP_REASONS[0], scene.snapshot.health.series_over_limit)]),
    ),
    core(
        "lanpulse_observations_dropped",
        "Observations thrown away because the state could not keep up",
        "",
        Source::Counter(|scene| Value::Int(scene.snapshot.health.observations_dropped)),
    ),
    core(
        "lanpulse_schedule_lag_seconds",
        "How much later than planned probes are sent",
        "le",
        Source::Histogram(|scene| &scene.snapshot.lag),
    ),
    core(
        "lanpulse_clock_steps",
        "Steps of the wall clock by more than 2 s, suspended hosts included",
        "",
        Source::Counter(|scene| Value::Int(scene.snapshot.clock_steps)),
    ),
    core(
        "lanpulse_store_writes",
        "Rows committed to the store",
        "",
        Source::Counter(|scene| Value::Int(scene.snapshot.health.store.writes)),
    ),
    core(
        "lanpulse_store_failures",
        "Attempts to write to the store that failed",
        "",
        Source::Counter(|scene| Value::Int(scene.snapshot.health.store.failures)),
    ),
    core(
        "lanpulse_store_size_bytes",
        "Size of the store on disk",
        "",
        Source::Gauge(|scene| Value::Int(scene.snapshot.health.store.size_bytes)),
    ),
    core(
        "lanpulse_inventory_devices",
        "Devices in the inventory",
        "status (new, approved, ignored, blocked), online (true, false)",
        Source::Gauges(inventory::devices),
    ),
    core(
        "lanpulse_discovery_scan_duration_seconds",
        "How long the last scan of the network took",
        "network, method (arp, icmp, mdns, neighbours, ipv6)",
        Source::Gauges(inventory::durations),
    ),
    core(
        "lanpulse_discovery_scan_hosts",
        "Addresses that answered the last scan of the network",
        "network, method",
        Source::Gauges(inventory::hosts),
    ),
    core(
        "lanpulse_discovery_scan_last_success_timestamp_seconds",
        "When the network was last scanned completely, in seconds since the Unix epoch",
        "network, method",
        Source::Gauges(inventory::successes),
    ),
    core(
        "lanpulse_discovery_scans",
        "Scans, by how they went",
        "network, method, result (complete, partial, failed)",
        Source::Counters(inventory::scans),
    ),
    core(
        "lanpulse_discovery_events",
        "What happened in the inventory",
        "event (new, back, gone, address_changed, mac_changed, renamed)",
        Source::Counters(inventory::events),
    ),
    core(
        "lanpulse_oui_data_timestamp_seconds",
        "When the built-in registry of hardware addresses was published, in seconds since the Unix epoch",
        "",
        Source::Gauge(|scene| scene.snapshot.health.registry_date.into()),
    ),
    core(
        "lanpulse_tasks",
        "Tasks of the runtime: connections, checks under way, and some more",
        "",
        Source::Gauge(|scene| Value::Int(scene.snapshot.health.process.tasks)),
    ),
    core(
        "process_cpu_seconds",
        "Total user and system CPU time spent in seconds",
        "",
        Source::Counter(|scene| Value::Float(scene.snapshot.health.process.cpu_seconds)),
    ),
    core(
        "process_resident_memory_bytes",
        "Resident memory size in bytes",
        "",
        Source::Gauge(|scene| Value::Int(scene.snapshot.health.process.resident_memory_bytes)),
    ),
    core(
        "process_open_fds",
        "Number of open file descriptors",
        "",
        Source::Gauge(|scene| Value::Int(scene.snapshot.health.process.open_fds)),
    ),
    core(
        "process_max_fds",
        "Maximum number of open file descriptors",
        "",
        Source::Gauge(|scene| Value::Int(scene.snapshot.health.process.max_fds)),
    ),
    core(
        "process_start_time_seconds",
        "Start time of the process in seconds since the Unix epoch",
        "",
        Source::Gauge(|scene| scene.snapshot.health.process.start_time.into()),
    ),
];
