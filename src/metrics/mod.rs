//! What Prometheus sees: names, help, types and labels, rendered from a snapshot of the state.
//!
//! Owns: the table of families (`device.rs`, `heartbeat.rs`, `own.rs`), which ones a scrape has room for (`budget.rs`) and the text
//! formats (`text.rs`). Gets a `Snapshot`; gives bytes. Remembers nothing: what stops being true stops being exposed.

mod blackbox;
mod budget;
mod device;
mod encode;
mod heartbeat;
mod internet;
mod inventory;
mod own;
mod sample;
mod snmp;
mod text;

pub use blackbox::blackbox;
pub use budget::Plan;
pub use encode::render;
pub use text::{Encoding, Format};

/// What to expose, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The most series one collector exposes; past it whole families are left out, the least needed first.
    pub max_per_collector: usize,
    /// Whether to expose `lanpulse_icmp_rtt_seconds`.
    pub histogram: bool,
    /// Whether to expose the sliding window's gauges.
    pub window: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_per_collector: 500_000,
            histogram: true,
            window: true,
        }
    }
}

/// One metric family, as documented in `docs/metrics.md`.
pub struct Family<S: 'static> {
    /// Without the suffixes that its type adds.
    pub name: &'static str,
    /// One line, a sentence without its full stop.
    pub help: &'static str,
    /// Labels beside `device` and `agent`, for the documentation.
    pub labels: &'static str,
    /// When it must go, if there are too many series.
    pub worth: Worth,
    /// Type and values.
    pub source: S,
}

/// Every family of the device collector, in the order of the exposition.
fn of_devices() -> impl Iterator<Item = &'static Family<device::Source>> {
    device::FAMILIES.iter().chain(snmp::FAMILIES)
}

/// A row of a table.
const fn row<S>(name: &'static str, help: &'static str, labels: &'static str, worth: Worth, source: S) -> Family<S> {
    Family {
        name,
        help,
        labels,
        worth,
        source,
    }
}

/// A row that is never left out.
const fn core<S>(name: &'static str, help: &'static str, labels: &'static str, source: S) -> Family<S> {
    row(name, help, labels, Worth::Core, source)
}

/// What is left out first when there are too many series: from the first to the last but one, never the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// Histograms: 13 series a device.
    Histogram,
    /// The sliding window: five.
    Window,
    /// Thresholds and infos, which change nothing.
    Facts,
    /// What alerts and dashboards refine their view with.
    Detail,
    /// Up, status, requests, replies: never left out.
    Core,
}

impl Worth {
    /// In the order in which they are left out.
    pub const ALL: [Self; 5] = [Self::Histogram, Self::Window, Self::Facts, Self::Detail, Self::Core];
}

/// The rows of `docs/metrics.md`: name as exposed, type, labels, meaning.
pub fn documentation() -> Vec<[String; 4]> {
    let exposed = |name: &str, kind: &str, labels: &str, help: &str| {
        let suffix = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        [
            format!("{name}{suffix}"),
            kind.to_owned(),
            labels.to_owned(),
            help.to_owned(),
        ]
    };
    let with_device = |labels: &str| format!("device, agent, {labels}").trim_end_matches(", ").to_owned();
    let device = of_devices().map(|family| {
        exposed(
            family.name,
            family.source.kind(),
            &with_device(family.labels),
            family.help,
        )
    });
    let heartbeats = heartbeat::FAMILIES
        .iter()
        .map(|family| exposed(family.name, family.source.kind(), family.labels, family.help));
    let own = own::FAMILIES
        .iter()
        .map(|family| exposed(family.name, family.source.kind(), family.labels, family.help));
    let internet = internet::FAMILIES.iter().map(|family| {
        let labels = format!("agent, {}", family.labels);
        exposed(
            family.name,
            family.source.kind(),
            labels.trim_end_matches(", "),
            family.help,
        )
    });
    device.chain(internet).chain(heartbeats).chain(own).collect()
}

#[cfg(test)]
mod tests;
