//! The families about lanpulse itself: its build, its configuration, its series, its schedule and its store.

use super::emit::Emit;
use super::family::Family;
use super::family::MetricKind::{Counter, Gauge, Histogram, Info};
use super::family::Priority::Core;

/// In the order of the exposition.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "lanpulse_build",
        help: "The running program",
        kind: Info,
        labels: "version, revision, rustversion",
        priority: Core,
        emit: Emit::Whole(|_, out| {
            let labels = [
                ("version", env!("CARGO_PKG_VERSION")),
                ("revision", env!("LANPULSE_REVISION")),
                ("rustversion", env!("LANPULSE_RUSTVERSION")),
            ];
            out.labelled(&labels, Some(true))
        }),
    },
    Family {
        name: "lanpulse_config_last_reload_successful",
        help: "Whether the last attempt to load the configuration succeeded",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.health.reload.successful))),
    },
    Family {
        name: "lanpulse_config_last_reload_success_timestamp_seconds",
        help: "When the configuration was last loaded with success, in seconds since the Unix epoch",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.health.reload.success_at))),
    },
    Family {
        name: "lanpulse_targets",
        help: "Configured targets",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.devices.len() as u64))),
    },
    Family {
        name: "lanpulse_series",
        help: "Series in this exposition",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.series as u64))),
    },
    Family {
        name: "lanpulse_series_dropped",
        help: "Series left out of expositions so far",
        kind: Counter,
        labels: "reason (limit)",
        priority: Core,
        emit: Emit::Whole(|scope, out| {
            out.labelled(&[("reason", "limit")], Some(scope.snapshot.health.series_over_limit))
        }),
    },
    Family {
        name: "lanpulse_observations_dropped",
        help: "Observations thrown away because the state could not keep up",
        kind: Counter,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.health.observations_dropped))),
    },
    Family {
        name: "lanpulse_schedule_lag_seconds",
        help: "How much later than planned probes are sent",
        kind: Histogram,
        labels: "le",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.histogram(&scope.snapshot.lag)),
    },
    Family {
        name: "lanpulse_clock_steps",
        help: "Steps of the wall clock by more than 2 s, suspended hosts included",
        kind: Counter,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.clock_steps))),
    },
    Family {
        name: "lanpulse_store_writes",
        help: "Rows committed to the store",
        kind: Counter,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.health.store.writes))),
    },
    Family {
        name: "lanpulse_store_failures",
        help: "Attempts to write to the store that failed",
        kind: Counter,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.health.store.failures))),
    },
    Family {
        name: "lanpulse_store_size_bytes",
        help: "Size of the store on disk",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.health.store.size_bytes))),
    },
];
