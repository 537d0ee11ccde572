//! The families of devices that are pinged.

use super::emit::Emit;
use super::family::Family;
use super::family::MetricKind::{Counter, Gauge, Histogram};
use super::family::Priority::{self, Core, Detail, Window};

/// In the order of the exposition.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "lanpulse_icmp_requests",
        help: "Attempts to ping the device, those that could not be sent included",
        kind: Counter,
        labels: "",
        priority: Core,
        emit: Emit::Icmp(|icmp, out| out.value(Some(icmp.requests))),
    },
    Family {
        name: "lanpulse_icmp_replies",
        help: "ICMP echo replies from the device",
        kind: Counter,
        labels: "",
        priority: Core,
        emit: Emit::Icmp(|icmp, out| out.value(Some(icmp.replies))),
    },
    Family {
        name: "lanpulse_icmp_failures",
        help: "Attempts to ping the device that brought no reply, by reason",
        kind: Counter,
        labels: "reason (timeout, unreachable, unresolved, denied, send)",
        priority: Detail,
        emit: Emit::Icmp(|icmp, out| out.failures(&icmp.failures)),
    },
    Family {
        name: "lanpulse_icmp_rtt_seconds",
        help: "Round-trip times of ICMP echo",
        kind: Histogram,
        labels: "le",
        priority: Priority::Histogram,
        emit: Emit::Icmp(|icmp, out| out.histogram(&icmp.rtt)),
    },
    Family {
        name: "lanpulse_icmp_rtt_min_seconds",
        help: "Least round-trip time in the sliding window",
        kind: Gauge,
        labels: "",
        priority: Window,
        emit: Emit::Icmp(|icmp, out| out.value(icmp.window.and_then(|window| window.rtt).map(|[least, ..]| least))),
    },
    Family {
        name: "lanpulse_icmp_rtt_avg_seconds",
        help: "Mean round-trip time in the sliding window",
        kind: Gauge,
        labels: "",
        priority: Window,
        emit: Emit::Icmp(|icmp, out| out.value(icmp.window.and_then(|window| window.rtt).map(|[_, mean, _]| mean))),
    },
    Family {
        name: "lanpulse_icmp_rtt_max_seconds",
        help: "Greatest round-trip time in the sliding window",
        kind: Gauge,
        labels: "",
        priority: Window,
        emit: Emit::Icmp(|icmp, out| out.value(icmp.window.and_then(|window| window.rtt).map(|[.., most]| most))),
    },
    Family {
        name: "lanpulse_icmp_jitter_seconds",
        help: "Mean difference of consecutive round-trip times in the sliding window",
        kind: Gauge,
        labels: "",
        priority: Window,
        emit: Emit::Icmp(|icmp, out| out.value(icmp.window.and_then(|window| window.jitter))),
    },
    Family {
        name: "lanpulse_icmp_loss_ratio",
        help: "Echo requests lost in the sliding window, 0 to 1; those this host could not send do not count",
        kind: Gauge,
        labels: "",
        priority: Window,
        emit: Emit::Icmp(|icmp, out| out.value(icmp.window.map(|window| window.loss))),
    },
];
