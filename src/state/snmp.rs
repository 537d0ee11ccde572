//! What SNMP walks of one device have brought.
//!
//! Owns the counters of walks, the uptime across its wrap, and the interfaces by name: a new ifIndex moves no series.
//! Gets walks; gives a view, and what is to be kept over a restart of lanpulse. What the last walk did not read is not
//! there.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::interface::{Interface, InterfaceView};
use crate::model::{
    Failure, FailureCounts, Kind, LOCAL_AGENT, LabelValue, PersistedUptime, PersistedWalk, Phase, Reading, SystemFacts,
    Target, Timestamp,
};

/// An interface that no complete walk has shown for so long is forgotten.
const FORGET: Duration = Duration::from_secs(86_400);
/// sysUpTime begins anew after so many hundredths of a second: 497 days.
const UPTIME_WRAP: u64 = 1 << 32;
/// How close to its end sysUpTime must have been for a fall to be a wrap, beside the time since it was read.
const WRAP_SLACK: u64 = 30_000;
/// The most interfaces that are remembered: more than a walk reads. Past it, only those of the last walk are.
const MOST: usize = 50_000;
/// By how much sysUpTime may lag behind the clock, in hundredths of a second, beside half of the time that passed.
const LAG_SLACK: u64 = 6_000;

/// What is exposed of a device's walks.
#[derive(Clone, Debug)]
pub struct SnmpView {
    /// Datagrams sent.
    pub requests: u64,
    /// Those of them that repeated a question.
    pub retries: u64,
    /// Failures by reason.
    pub failures: FailureCounts,
    /// Whether the last walk was complete.
    pub up: Option<bool>,
    /// How long it took.
    pub duration: Duration,
    /// When it began.
    pub last_run: Option<Timestamp>,
    /// When the last complete one began.
    pub last_success: Option<Timestamp>,
    /// How long the agent has run, as of the last walk.
    pub uptime: Option<Duration>,
    /// Why the last walk was not complete.
    pub failure: Option<(Failure, Option<Arc<str>>)>,
    /// The system group.
    pub system: Option<Arc<SystemFacts>>,
    /// The interfaces the last walk read.
    pub interfaces: Arc<[InterfaceView]>,
}

impl Default for SnmpView {
    fn default() -> Self {
        Self {
            requests: 0,
            retries: 0,
            failures: FailureCounts::new(Kind::Snmp),
            up: None,
            duration: Duration::ZERO,
            last_run: None,
            last_success: None,
            uptime: None,
            failure: None,
            system: None,
            interfaces: Arc::default(),
        }
    }
}

#[derive(Default)]
pub(super) struct Snmp {
    pub view: SnmpView,
    interfaces: HashMap<LabelValue, Interface>,
    uptime: Option<PersistedUptime>,
    /// When interfaces were last read.
    read: Option<Timestamp>,
    /// When something of it was last handed to the store, and as of which reading.
    saved: Option<(Timestamp, Timestamp)>,
    /// Forgotten since then.
    gone: Vec<LabelValue>,
    /// A 32-bit counter has wrapped since then: of several wraps after a crash only one would be known.
    wrapped: bool,
}

impl Snmp {
    /// Takes in a walk.
    pub fn take(&mut self, at: Timestamp, reading: &Reading) {
        let Some(walk) = reading.walk() else { return };
        if let Some(ticks) = walk.uptime {
            self.keep_time(at, ticks);
        }
        let mut interfaces = Vec::with_capacity(walk.interfaces.len());
        for row in &walk.interfaces {
            let interface = self.interfaces.entry(row.facts.name.clone()).or_default();
            let (view, wrapped) = interface.take(row, at);
            self.wrapped |= wrapped;
            interfaces.push(view);
        }
        if !interfaces.is_empty() {
            self.read = Some(at);
        }
        let limit = if self.interfaces.len() > MOST {
            Duration::ZERO
        } else {
            FORGET
        };
        if reading.outcome.is_ok() || limit.is_zero() {
            let gone = self
                .interfaces
                .extract_if(|_, interface| at.since(interface.seen) > limit);
            self.gone.extend(gone.map(|(name, _)| name));
        }
        let view = &mut self.view;
        view.requests += walk.requests;
        view.retries += walk.retries;
        if let Err(failure) = reading.outcome {
            view.failures.add(failure);
        }
        view.up = Some(reading.outcome.is_ok());
        view.duration = reading.phases.get(Phase::Total).unwrap_or_default();
        view.last_run = Some(at);
        if reading.outcome.is_ok() {
            view.last_success = Some(at);
        }
        view.uptime = walk.uptime.and(self.uptime).map(|uptime| {
            let ticks = u64::from(uptime.ticks) + uptime.wraps * UPTIME_WRAP;
            Duration::from_millis(ticks * 10)
        });
        view.failure = reading.outcome.err().map(|failure| (failure, reading.detail.clone()));
        if walk.system.is_some() {
            view.system.clone_from(&walk.system);
        }
        view.interfaces = interfaces.into();
    }

    /// 1. A fall of sysUpTime is its wrap where it was due, else a restart of the agent.
    /// 2. So is one that went on, but by less than half of the time since, and is no longer than that time: after a long
    ///    silence the new one may be past where the old one was. One that stands still, or runs slowly, tells nothing.
    fn keep_time(&mut self, at: Timestamp, ticks: u32) {
        let mut wraps = 0;
        if let Some(before) = self.uptime {
            let elapsed = at.since(before.at).as_millis() as u64 / 10;
            let due = u64::from(before.ticks) + elapsed;
            let passed = u64::from(ticks.wrapping_sub(before.ticks));
            let wrapped = ticks < before.ticks && due + WRAP_SLACK >= UPTIME_WRAP;
            let began_since = u64::from(ticks) <= elapsed + LAG_SLACK;
            let lags = ticks > before.ticks && passed + LAG_SLACK + elapsed / 2 < elapsed;
            if ticks < before.ticks && !wrapped || lags && began_since {
                self.interfaces.values_mut().for_each(Interface::restart);
            } else {
                wraps = before.wraps + u64::from(wrapped);
            }
        }
        self.uptime = Some(PersistedUptime { ticks, at, wraps });
    }

    /// Goes on where an earlier run was. Nothing may have been read yet.
    pub fn restore(&mut self, kept: &PersistedWalk) {
        self.uptime = kept.uptime;
        self.read = Some(kept.at);
        self.saved = Some((kept.at, kept.at));
        let interfaces = kept.interfaces.iter();
        self.interfaces = interfaces
            .filter_map(|(name, counters)| Some((name.clone(), Interface::restore(counters.as_ref()?, kept.at))))
            .collect();
    }

    /// What changed and must go to disk: with the first walk, then `every` so often, and after a wrap; where `all`,
    /// whatever changed.
    pub fn take_dirty(&mut self, target: &Target, now: Timestamp, every: Duration, all: bool) -> Option<PersistedWalk> {
        let at = self.read?;
        let due = match self.saved {
            Some((_, read)) if read == at => false,
            Some((saved, _)) => all || self.wrapped || now < saved || now.since(saved) >= every,
            None => true,
        };
        if !due {
            return None;
        }
        self.saved = Some((now, at));
        self.wrapped = false;
        let mut interfaces: BTreeMap<_, _> = self.gone.drain(..).map(|name| (name, None)).collect();
        for (name, interface) in &mut self.interfaces {
            if let Some(counters) = interface.take_dirty() {
                interfaces.insert(name.clone(), Some(counters));
            }
        }
        Some(PersistedWalk {
            agent: LOCAL_AGENT.into(),
            device: target.name.clone(),
            address: target.address.to_string(),
            at,
            uptime: self.uptime,
            interfaces,
        })
    }

    /// All of it, to go on later in this run.
    pub fn kept(&self, target: &Target) -> Option<PersistedWalk> {
        let of = |(name, interface): (&LabelValue, &Interface)| (name.clone(), Some(interface.kept()));
        Some(PersistedWalk {
            agent: LOCAL_AGENT.into(),
            device: target.name.clone(),
            address: target.address.to_string(),
            at: self.read?,
            uptime: self.uptime,
            interfaces: self.interfaces.iter().map(of).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{InterfaceFacts, InterfaceRow, MEASURES, PersistedCounter, Sample, Walk};

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(second: u64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + second)
    }

    fn target() -> Target {
        Target::pinged("switch")
    }

    /// A complete walk: sysUpTime in seconds, and interfaces with a 32-bit counter each.
    fn walk(uptime: u64, interfaces: &[(&str, u32)]) -> Reading {
        let row = |(name, narrow): &(&str, u32)| InterfaceRow {
            facts: Arc::new(InterfaceFacts {
                name: (*name).into(),
                index: 1,
                alias: None,
                description: None,
                kind: None,
                mac: None,
                speed: Some(1_000_000_000),
            }),
            up: None,
            enabled: None,
            samples: [Sample {
                wide: None,
                narrow: Some(*narrow),
            }; MEASURES.len()],
        };
        let mut reading = Reading::default();
        reading.facts_mut().walk = Some(Walk {
            system: None,
            uptime: Some((uptime * 100) as u32),
            interfaces: interfaces.iter().map(row).collect(),
            requests: 1,
            retries: 0,
        });
        reading
    }

    /// What the store would have after these, and the snmp that goes on from it.
    fn restarted(snmp: &Snmp) -> Snmp {
        let mut next = Snmp::default();
        next.restore(&snmp.kept(&target()).unwrap());
        next
    }

    fn total(snmp: &Snmp) -> Option<u64> {
        snmp.view.interfaces[0].counters[0]
    }

    #[test]
    fn a_restarted_agent_is_found_out_however_late() {
        // (seconds until the next reading, sysUpTime then, whether it restarted)
        for (elapsed, uptime, expected) in [
            (60, 1_060, false),
            (60, 1_000, false),
            (3_600, 1_000, false),
            (60, 30, true),
            (3_600, 900, true),
            (3_600, 1_500, true),
            (3_600, 4_600, false),
            (3_600, 4_000, false),
            (90, 1_020, false),
            (600, 1_030, false),
            (86_400, 2_000, true),
        ] {
            let mut snmp = Snmp::default();
            snmp.take(at(0), &walk(1_000, &[("a", u32::MAX)]));
            snmp.take(at(0), &walk(1_000, &[("a", 9)]));
            assert_eq!(total(&snmp), Some((1 << 32) + 9));
            let mut snmp = restarted(&snmp);
            snmp.take(at(elapsed), &walk(uptime, &[("a", 10)]));
            let now = if expected { 10 } else { (1 << 32) + 10 };
            assert_eq!(total(&snmp), Some(now), "{uptime} s after {elapsed}");
        }
        // The wrap of sysUpTime is no restart, and is counted on.
        let mut snmp = Snmp::default();
        snmp.take(at(0), &walk(42_949_600, &[("a", u32::MAX)]));
        snmp.take(at(0), &walk(42_949_600, &[("a", 9)]));
        let mut snmp = restarted(&snmp);
        snmp.take(at(100), &walk(27, &[("a", 10)]));
        assert_eq!(total(&snmp), Some((1 << 32) + 10));
        let mut snmp = restarted(&snmp);
        snmp.take(at(160), &walk(87, &[("a", 10)]));
        assert_eq!(snmp.view.uptime.unwrap().as_secs(), 42_949_672 + 87);
    }

    #[test]
    fn what_changed_is_kept_once_a_minute_after_a_wrap_and_at_the_end() {
        let mut snmp = Snmp::default();
        let kept = |snmp: &mut Snmp, second, all| {
            let names = |kept: PersistedWalk| {
                kept.interfaces
                    .keys()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            snmp.take_dirty(&target(), at(second), MINUTE, all).map(names)
        };
        assert_eq!(kept(&mut snmp, 0, true), None, "nothing was read");
        snmp.take(at(0), &walk(10, &[("a", 1), ("b", 1)]));
        assert_eq!(kept(&mut snmp, 1, false).as_deref(), Some("a b"), "the first at once");
        snmp.take(at(30), &walk(40, &[("a", 2), ("b", 1)]));
        assert_eq!(kept(&mut snmp, 31, false), None);
        assert_eq!(kept(&mut snmp, 61, false).as_deref(), Some("a"));
        assert_eq!(kept(&mut snmp, 500, true), None, "nothing new");
        snmp.take(at(62), &walk(72, &[("a", 2), ("b", u32::MAX)]));
        assert_eq!(kept(&mut snmp, 63, false), None);
        assert_eq!(kept(&mut snmp, 63, true).as_deref(), Some("b"), "the end");
        snmp.take(at(64), &walk(74, &[("a", 2), ("b", 5)]));
        assert_eq!(kept(&mut snmp, 65, false).as_deref(), Some("b"), "a wrap");
        // One that has been gone for a day is forgotten.
        snmp.take(at(100_000), &walk(100_010, &[("a", 2)]));
        let dirty = snmp.take_dirty(&target(), at(100_000), MINUTE, false).unwrap();
        assert_eq!(dirty.interfaces, BTreeMap::from([("b".into(), None)]));
        let all = snmp.kept(&target()).unwrap();
        let counters = [PersistedCounter::Narrow(2); MEASURES.len()];
        assert_eq!(all.interfaces, BTreeMap::from([("a".into(), Some(counters))]));
    }

    #[test]
    fn names_that_change_with_every_walk_do_not_pile_up() {
        let mut snmp = Snmp::default();
        for second in 0..30 {
            let names: Vec<String> = (0..5_000).map(|number| format!("{second} {number}")).collect();
            let rows: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 0)).collect();
            snmp.take(at(second), &walk(10 + second, &rows));
            assert!(snmp.interfaces.len() <= MOST);
        }
    }
}
