//! The families about the internet.

use super::sample::Value;
use super::{Family, core};
use crate::state::InternetView;

/// Where a family about the internet takes its values from; absent ones are not exposed.
pub enum Source {
    /// A gauge.
    Gauge(fn(&InternetView) -> Option<Value>),
    /// A counter.
    Counter(fn(&InternetView) -> u64),
    /// One series a fault, exactly one of them 1.
    Fault,
}

impl Source {
    /// The type in the exposition.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Gauge(_) | Self::Fault => "gauge",
            Self::Counter(_) => "counter",
        }
    }
}

/// The internet collector, in the order of the exposition; nothing where no internet checks are configured.
pub static FAMILIES: &[Family<Source>] = &[
    core(
        "lanpulse_internet_up",
        "Whether enough internet checks succeed: 1 up, 0 down, absent while unknown",
        "",
        Source::Gauge(|internet| internet.up.map(Value::from)),
    ),
    core(
        "lanpulse_internet_status_since_timestamp_seconds",
        "When the internet last went up or down, in seconds since the Unix epoch",
        "",
        Source::Gauge(|internet| internet.up.map(|_| internet.since.into())),
    ),
    core(
        "lanpulse_internet_outages",
        "Outages of the internet that began",
        "",
        Source::Counter(|internet| internet.outages_total),
    ),
    core(
        "lanpulse_internet_fault",
        "Whose fault it is that the internet, or DNS, does not work: exactly one is 1",
        "fault (none, link, gateway, dns, provider)",
        Source::Fault,
    ),
];
