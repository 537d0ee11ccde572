//! What SNMP walks of one device have brought.
//!
//! Owns the counters of walks, the uptime across its wrap, and the interfaces by name: a new ifIndex moves no series.
//! Gets walks; gives a view. What the last walk did not read is not there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::interface::{Interface, InterfaceView};
use crate::model::{Failure, LabelValue, SnmpWalk, SystemFacts, Timestamp};

/// An interface that no complete walk has shown for so long is forgotten.
const FORGET: Duration = Duration::from_secs(86_400);
/// sysUpTime begins anew after so many hundredths of a second: 497 days.
const UPTIME_WRAP: u64 = 1 << 32;
/// How close to its end sysUpTime must have been for a fall to be a wrap, beside the time since it was read.
const WRAP_SLACK: u64 = 30_000;

/// What is exposed of a device's walks.
#[derive(Clone, Debug, Default)]
pub struct SnmpView {
    /// Datagrams sent.
    pub requests: u64,
    /// Those of them that repeated a question.
    pub retries: u64,
    /// Failures, in the order of [`Failure::SNMP`].
    pub failures: [u64; Failure::SNMP.len()],
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

#[derive(Default)]
pub(super) struct Snmp {
    pub view: SnmpView,
    interfaces: HashMap<LabelValue, Interface>,
    /// The last sysUpTime, when, and how often it had wrapped.
    uptime: Option<(u32, Timestamp, u64)>,
}

impl Snmp {
    /// Takes in a walk.
    pub fn take(&mut self, at: Timestamp, walk: &SnmpWalk) {
        if let Some(ticks) = walk.uptime {
            self.keep_time(at, ticks);
        }
        let mut interfaces = Vec::with_capacity(walk.interfaces.len());
        for row in &walk.interfaces {
            let interface = self.interfaces.entry(row.facts.name.clone()).or_default();
            interfaces.push(interface.take(row, at));
        }
        if walk.outcome.is_ok() {
            self.interfaces
                .retain(|_, interface| at.since(interface.seen) <= FORGET);
        }
        let view = &mut self.view;
        view.requests += walk.requests;
        view.retries += walk.retries;
        if let Err(failure) = walk.outcome
            && let Some(place) = Failure::SNMP.iter().position(|known| *known == failure)
        {
            view.failures[place] += 1;
        }
        view.up = Some(walk.outcome.is_ok());
        view.duration = walk.duration;
        view.last_run = Some(at);
        if walk.outcome.is_ok() {
            view.last_success = Some(at);
        }
        view.uptime = walk.uptime.and(self.uptime).map(|(ticks, _, wraps)| {
            let ticks = u64::from(ticks) + wraps * UPTIME_WRAP;
            Duration::from_millis(ticks * 10)
        });
        view.failure = walk.outcome.err().map(|failure| (failure, walk.detail.clone()));
        if walk.system.is_some() {
            view.system.clone_from(&walk.system);
        }
        view.interfaces = interfaces.into();
    }

    /// A fall of sysUpTime is its wrap where it was due, else a restart of the agent.
    fn keep_time(&mut self, at: Timestamp, ticks: u32) {
        let mut wraps = 0;
        if let Some((last, then, before)) = self.uptime {
            wraps = before;
            if ticks < last {
                let due = u64::from(last) + at.since(then).as_millis() as u64 / 10 + WRAP_SLACK;
                if due >= UPTIME_WRAP {
                    wraps += 1;
                } else {
                    wraps = 0;
                    self.interfaces.values_mut().for_each(Interface::restart);
                }
            }
        }
        self.uptime = Some((ticks, at, wraps));
    }
}
