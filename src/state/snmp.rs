//! What SNMP walks of one device have brought.
//!
//! Owns the counters of walks, the uptime across its wrap, and the interfaces by name: a new ifIndex moves no series.
//! Gets walks; gives a view, and what is to be kept over a restart of lanpulse. What the last walk did not read is not
//! there.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::interface::{Interface, InterfaceView};
use crate::model::{Failure, KeptUptime, KeptWalk, LabelValue, SnmpWalk, SystemFacts, Target, Timestamp};

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
    uptime: Option<KeptUptime>,
    /// When interfaces were last read.
    read: Option<Timestamp>,
    /// What of it was handed to the store, and when.
    saved: Option<(Timestamp, Timestamp)>,
    /// Forgotten since then.
    gone: Vec<LabelValue>,
    /// A 32-bit counter has wrapped since then: of several wraps after a crash only one would be known.
    wrapped: bool,
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
        if walk.outcome.is_ok() || limit.is_zero() {
            let gone = self
                .interfaces
                .extract_if(|_, interface| at.since(interface.seen) > limit);
            self.gone.extend(gone.map(|(name, _)| name));
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
        view.uptime = walk.uptime.and(self.uptime).map(|uptime| {
            let ticks = u64::from(uptime.ticks) + uptime.wraps * UPTIME_WRAP;
            Duration::from_millis(ticks * 10)
        });
        view.failure = walk.outcome.err().map(|failure| (failure, walk.detail.clone()));
        if walk.system.is_some() {
            view.system.clone_from(&walk.system);
        }
        view.interfaces = interfaces.into();
    }

    /// 1. A fall of sysUpTime is its wrap where it was due, else a restart of the agent.
    /// 2. So is one that went on, but by less than half of the time since: after a long silence the new one may be past
    ///    where the old one was. One that stands still tells nothing.
    fn keep_time(&mut self, at: Timestamp, ticks: u32) {
        let mut wraps = 0;
        if let Some(before) = self.uptime {
            let elapsed = at.since(before.at).as_millis() as u64 / 10;
            let due = u64::from(before.ticks) + elapsed;
            let passed = u64::from(ticks.wrapping_sub(before.ticks));
            let wrapped = ticks < before.ticks && due + WRAP_SLACK >= UPTIME_WRAP;
            let lags = ticks > before.ticks && passed + LAG_SLACK + elapsed / 2 < elapsed;
            if ticks < before.ticks && !wrapped || lags {
                self.interfaces.values_mut().for_each(Interface::restart);
            } else {
                wraps = before.wraps + u64::from(wrapped);
            }
        }
        self.uptime = Some(KeptUptime { ticks, at, wraps });
    }

    /// Goes on where an earlier run was. Nothing may have been read yet.
    pub fn restore(&mut self, kept: &KeptWalk) {
        self.uptime = kept.uptime;
        let interfaces = kept.interfaces.iter();
        self.interfaces = interfaces
            .filter_map(|(name, counters)| Some((name.clone(), Interface::restore(counters.as_ref()?, kept.at))))
            .collect();
    }

    /// What changed and must go to disk: with the first walk, then `every` so often, and after a wrap; where `all`,
    /// whatever changed.
    pub fn take_dirty(&mut self, target: &Target, now: Timestamp, every: Duration, all: bool) -> Option<KeptWalk> {
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
        Some(KeptWalk {
            device: target.name.clone(),
            address: target.address.to_string(),
            at,
            uptime: self.uptime,
            interfaces,
        })
    }

    /// All of it, to go on later in this run.
    pub fn kept(&self, target: &Target) -> Option<KeptWalk> {
        let of = |(name, interface): (&LabelValue, &Interface)| (name.clone(), Some(interface.kept()));
        Some(KeptWalk {
            device: target.name.clone(),
            address: target.address.to_string(),
            at: self.read?,
            uptime: self.uptime,
            interfaces: self.interfaces.iter().map(of).collect(),
        })
    }
}
