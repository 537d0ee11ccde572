//! How many series a scrape would have, and which families go when that is too many.

use super::device::Source;
use super::{Settings, Worth, heartbeat, internet, of_devices, own};
use crate::model::{FailureCounts, Fault, Kind, Phase, Status};
use crate::state::{DeviceView, InterfaceView, InternetView, ProbeView, Snapshot};

/// What one scrape exposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Series exposed, all collectors together.
    pub series: usize,
    /// Series left out because of the limit.
    pub dropped: usize,
    /// The least worth of devices' families that is still exposed.
    pub from: Worth,
    /// The same for heartbeats.
    pub heartbeats_from: Worth,
}

impl Plan {
    /// Counts the series and leaves out whole families, for all devices alike, until they fit: a family that is there
    /// for some devices only would make every sum over it wrong.
    pub fn of(snapshot: &Snapshot, settings: &Settings) -> Self {
        let mut by_worth = [0_usize; Worth::ALL.len()];
        for family in of_devices() {
            if wanted(family.worth, settings) {
                let devices = snapshot.devices.iter().map(|view| count(&family.source, view));
                let internet = snapshot
                    .internet
                    .iter()
                    .map(|view| check_count(&family.source, &view.checks));
                let count: usize = devices.chain(internet).sum();
                by_worth[family.worth as usize] += count;
            }
        }
        let devices = fit(by_worth, settings.max_per_collector);
        let mut by_worth = [0_usize; Worth::ALL.len()];
        for family in heartbeat::FAMILIES {
            by_worth[family.worth as usize] += family.source.count(snapshot);
        }
        let heartbeats = fit(by_worth, settings.max_per_collector);
        Self {
            series: devices.series + heartbeats.series + own_series(snapshot),
            dropped: devices.dropped + heartbeats.dropped,
            from: devices.from,
            heartbeats_from: heartbeats.from,
        }
    }

    /// Whether a family is exposed.
    pub fn includes(&self, worth: Worth, settings: &Settings) -> bool {
        worth >= self.from && wanted(worth, settings)
    }
}

/// What one collector exposes.
struct Fit {
    series: usize,
    dropped: usize,
    from: Worth,
}

/// Leaves out what is worth least until the rest fits.
fn fit(by_worth: [usize; Worth::ALL.len()], most: usize) -> Fit {
    let mut fit = Fit {
        series: by_worth.iter().sum(),
        dropped: 0,
        from: Worth::Histogram,
    };
    for (worth, next) in Worth::ALL.into_iter().zip(Worth::ALL.into_iter().skip(1)) {
        if fit.series <= most {
            break;
        }
        let gone = by_worth[worth as usize];
        fit.series -= gone;
        fit.dropped += gone;
        fit.from = next;
    }
    fit
}

/// Whether the user wants a family at all.
fn wanted(worth: Worth, settings: &Settings) -> bool {
    match worth {
        Worth::Histogram => settings.histogram,
        Worth::Window => settings.window,
        _ => true,
    }
}

/// How many series a family has for a device.
fn count(source: &Source, view: &DeviceView) -> usize {
    match source {
        Source::Info => 1,
        Source::Status => Status::ALL.len(),
        Source::Gauge(value) => value(view).is_some().into(),
        Source::Counter(value) => value(view).is_some().into(),
        Source::Failures(values) => values(view).map_or(0, FailureCounts::len),
        Source::Histogram(buckets) => buckets(view).map_or(0, |buckets| buckets.counts.len() + 2),
        Source::PerProbe(icmp, _) => {
            let pings = view.icmp.as_ref().zip(*icmp).and_then(|(view, value)| value(view));
            check_count(source, &view.checks) + usize::from(pings.is_some())
        }
        Source::SnmpFailures => view.snmp.as_ref().map_or(0, |snmp| snmp.failures.len()),
        Source::InterfaceInfo => interfaces(view).len(),
        Source::Interface(value) => interfaces(view).iter().filter(|row| value(row).is_some()).count(),
        Source::InterfaceCounter(value) => interfaces(view).iter().filter(|row| value(row).is_some()).count(),
        Source::PerCheck(_) | Source::Phases | Source::Runs | Source::CheckFailures => {
            check_count(source, &view.checks)
        }
    }
}

/// Whether a family speaks of a check. Of SNMP walks there are families of their own; here they show only when they ran.
pub fn shows(source: &Source, check: &ProbeView) -> bool {
    check.kind != Kind::Snmp || matches!(source, Source::PerProbe(Some(_), _))
}

/// The interfaces the last walk read.
pub fn interfaces(view: &DeviceView) -> &[InterfaceView] {
    view.snmp.as_ref().map_or(&[], |snmp| &*snmp.interfaces)
}

/// How many series a family has for some checks.
fn check_count(source: &Source, checks: &[ProbeView]) -> usize {
    let count = |check: &ProbeView| match source {
        Source::PerProbe(_, value) | Source::PerCheck(value) => value(check).is_some().into(),
        Source::Phases => Phase::ALL
            .into_iter()
            .filter_map(|phase| check.phases.get(phase))
            .count(),
        Source::Runs => 1,
        Source::CheckFailures => check.failures.len(),
        _ => 0,
    };
    checks.iter().filter(|check| shows(source, check)).map(count).sum()
}

fn own_series(snapshot: &Snapshot) -> usize {
    let count = |source: &own::Source| match source {
        own::Source::Gauge(_) | own::Source::Counter(_) | own::Source::Info(_) => 1,
        own::Source::ByReason(_) => own::DROP_REASONS.len(),
        own::Source::Gauges(rows) | own::Source::Counters(rows) => rows(snapshot).len(),
        own::Source::Histogram(_) => snapshot.lag.counts.len() + 2,
    };
    let about_internet = |view: &InternetView| -> usize {
        let count = |source: &internet::Source| match source {
            internet::Source::Gauge(value) => value(view).is_some().into(),
            internet::Source::Counter(_) => 1,
            internet::Source::Fault => Fault::ALL.len(),
        };
        internet::FAMILIES.iter().map(|family| count(&family.source)).sum()
    };
    let own: usize = own::FAMILIES.iter().map(|family| count(&family.source)).sum();
    own + snapshot.internet.as_ref().map_or(0, about_internet)
}
