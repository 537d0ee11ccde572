//! The families about the process, most of them under the names that every exporter uses.

use super::emit::Emit;
use super::family::Family;
use super::family::MetricKind::{Counter, Gauge};
use super::family::Priority::Core;

/// In the order of the exposition.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "lanpulse_oui_data_timestamp_seconds",
        help: "When the built-in registry of hardware addresses was published, in seconds since the Unix epoch",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.health.registry_date))),
    },
    Family {
        name: "lanpulse_tasks",
        help: "Tasks of the runtime: connections, checks under way, and some more",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.health.process.tasks))),
    },
    Family {
        name: "process_cpu_seconds",
        help: "Total user and system CPU time spent in seconds",
        kind: Counter,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.health.process.cpu_seconds))),
    },
    Family {
        name: "process_resident_memory_bytes",
        help: "Resident memory size in bytes",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.health.process.resident_memory_bytes))),
    },
    Family {
        name: "process_open_fds",
        help: "Number of open file descriptors",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.health.process.open_fds))),
    },
    Family {
        name: "process_max_fds",
        help: "Maximum number of open file descriptors",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.health.process.max_fds))),
    },
    Family {
        name: "process_start_time_seconds",
        help: "Start time of the process in seconds since the Unix epoch",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Whole(|scope, out| out.value(Some(scope.snapshot.health.process.start_time))),
    },
];
