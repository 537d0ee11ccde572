//! The families about the internet.

use super::emit::Emit;
use super::family::Family;
use super::family::MetricKind::{Counter, Gauge};
use super::family::Priority::Core;
use crate::model::Fault;

/// In the order of the exposition.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "lanpulse_internet_up",
        help: "Whether enough internet checks succeed: 1 up, 0 down, absent while unknown",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Internet(|internet, out| out.value(internet.up)),
    },
    Family {
        name: "lanpulse_internet_status_since_timestamp_seconds",
        help: "When the internet last went up or down, in seconds since the Unix epoch",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Internet(|internet, out| out.value(internet.up.map(|_| internet.since))),
    },
    Family {
        name: "lanpulse_internet_outages",
        help: "Outages of the internet that began",
        kind: Counter,
        labels: "",
        priority: Core,
        emit: Emit::Internet(|internet, out| out.value(Some(internet.outages_total))),
    },
    Family {
        name: "lanpulse_internet_fault",
        help: "Whose fault it is that the internet, or DNS, does not work: exactly one is 1",
        kind: Gauge,
        labels: "fault (none, link, gateway, dns, provider)",
        priority: Core,
        emit: Emit::Internet(|internet, out| {
            let is = |fault: Fault| (fault.as_str(), fault == internet.fault);
            out.by("fault", Fault::ALL.map(is))
        }),
    },
];
