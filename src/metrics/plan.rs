//! How many series an exposition has, and which families are left out when that is too many.

use std::fmt;

use super::family::{Family, Priority};
use super::scope::Scope;
use super::sink::{Labels, Sink};
use super::table::{COLLECTORS, Collector};
use super::value::Value;
use crate::state::Snapshot;

/// What to expose, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The most series that one collector exposes. Past it whole families are left out, the least needed first.
    pub max_per_collector: usize,
    /// Whether to expose `lanpulse_icmp_rtt_seconds`.
    pub histogram: bool,
    /// Whether to expose the gauges of the sliding window.
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

impl Settings {
    /// Whether the user wants families of this priority at all.
    const fn include(&self, priority: Priority) -> bool {
        match priority {
            Priority::Histogram => self.histogram,
            Priority::Window => self.window,
            Priority::Facts | Priority::Detail | Priority::Core => true,
        }
    }
}

/// What one exposition has.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// How many series it has, those of all collectors together.
    pub series: usize,
    /// How many series are left out because of the limit.
    pub dropped: usize,
    /// Its families, in order.
    families: Vec<&'static Family>,
}

impl Plan {
    /// Counts the series and leaves out whole families, for all devices alike, until the rest fits. A family that only
    /// some devices have would make every sum over it wrong.
    pub fn of(snapshot: &Snapshot, settings: &Settings) -> Self {
        let scope = Scope { snapshot, series: 0 };
        let mut plan = Self::default();
        for collector in &COLLECTORS {
            plan.add(collector, &scope, settings);
        }
        plan
    }

    /// The families to expose, in order.
    pub fn families(&self) -> &[&'static Family] {
        &self.families
    }

    /// What these families read when they are exposed.
    pub const fn scope<'a>(&self, snapshot: &'a Snapshot) -> Scope<'a> {
        Scope {
            snapshot,
            series: self.series,
        }
    }

    fn add(&mut self, collector: &Collector, scope: &Scope<'_>, settings: &Settings) {
        let wanted = collector.families().filter(|family| settings.include(family.priority));
        let counted: Vec<(&'static Family, usize)> = wanted.map(|family| (family, count(family, scope))).collect();
        let mut by_priority = [0; Priority::ALL.len()];
        for (family, count) in &counted {
            by_priority[family.priority as usize] += count;
        }
        let (least, dropped) = fit(by_priority, settings.max_per_collector);
        self.series += by_priority.iter().sum::<usize>() - dropped;
        self.dropped += dropped;
        let exposed = counted
            .into_iter()
            .filter(|(family, count)| family.priority >= least && (*count > 0 || collector.declares_empty));
        self.families.extend(exposed.map(|(family, _)| family));
    }
}

/// The lowest priority that is exposed when at most `max` series are, and how many series are left out then.
fn fit(by_priority: [usize; Priority::ALL.len()], max: usize) -> (Priority, usize) {
    let total: usize = by_priority.iter().sum();
    let mut dropped = 0;
    for priority in Priority::ALL {
        if total - dropped <= max {
            return (priority, dropped);
        }
        if priority < Priority::Core {
            dropped += by_priority[priority as usize];
        }
    }
    (Priority::Core, dropped)
}

/// How many series a family has.
fn count(family: &Family, scope: &Scope<'_>) -> usize {
    let mut counter = Counter(0);
    // A counter cannot fail.
    let _ = family.emit(scope, &mut counter);
    counter.0
}

/// Counts samples.
struct Counter(usize);

impl Sink for Counter {
    fn sample(&mut self, _: &'static str, _: &Labels<'_>, _: Value) -> fmt::Result {
        self.0 += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_needed_is_left_out_first() {
        for (max, expected) in [
            (150, (Priority::Histogram, 0)),
            (149, (Priority::Window, 10)),
            (140, (Priority::Window, 10)),
            (139, (Priority::Facts, 30)),
            (119, (Priority::Detail, 60)),
            (89, (Priority::Core, 100)),
            (0, (Priority::Core, 100)),
        ] {
            assert_eq!(fit([10, 20, 30, 40, 50], max), expected, "{max}");
        }
        assert_eq!(fit([0; 5], 0), (Priority::Histogram, 0));
    }
}
