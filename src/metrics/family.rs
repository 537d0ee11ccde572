//! A metric family: one row of the table.

use std::fmt;

use super::emit::Emit;
use super::scope::Scope;
use super::sink::Sink;

/// One metric family, as documented in `docs/metrics.md`. `E` is what emits its samples.
#[derive(Clone, Copy, Debug)]
pub struct Family<E = Emit> {
    /// Without the suffix that its type adds.
    pub name: &'static str,
    /// One line, a sentence without its full stop.
    pub help: &'static str,
    /// Its type.
    pub kind: MetricKind,
    /// The labels that it adds to those of its subject, for the documentation.
    pub labels: &'static str,
    /// When it is left out, if there are too many series.
    pub priority: Priority,
    /// Writes its samples to a sink.
    pub emit: E,
}

impl Family {
    /// Its name in the exposition.
    pub fn exposed_name(&self) -> String {
        format!("{}{}", self.name, self.kind.suffix())
    }

    /// Writes its samples to the sink.
    ///
    /// # Errors
    /// Only what the sink writes to can fail.
    pub fn emit(&self, scope: &Scope<'_>, sink: &mut dyn Sink) -> fmt::Result {
        self.emit.run(scope, sink)
    }
}

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A value that rises and falls.
    Gauge,
    /// A value that only rises.
    Counter,
    /// Counts by upper bound.
    Histogram,
    /// 1, with texts as labels.
    Info,
}

impl MetricKind {
    /// The word in the exposition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }

    /// What the type adds to the name of the family.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Gauge | Self::Histogram => "",
            Self::Counter => "_total",
            Self::Info => "_info",
        }
    }
}

/// Which families are left out first when there are too many series: from the first to the last but one, never the
/// last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Histograms: 13 series a device.
    Histogram,
    /// The gauges of the sliding window: five series a device.
    Window,
    /// Thresholds and infos: they hardly ever change.
    Facts,
    /// What alerts and dashboards refine their view with.
    Detail,
    /// Up, status, requests, replies: never left out.
    Core,
}

impl Priority {
    /// In the order in which they are left out.
    pub const ALL: [Self; 5] = [Self::Histogram, Self::Window, Self::Facts, Self::Detail, Self::Core];
}
