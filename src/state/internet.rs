//! Is the internet up, since when, and whose fault is it if not?
//!
//! 1. Up while at least `quorum` checks are good, each with its own hysteresis (`hysteresis.rs`); down once so few are good
//!    or still to be judged that this cannot be. In between it stays what it was.
//! 2. While this host's own link is down the internet is down, at once. Afterwards it takes fresh successes.
//! 3. An outage begins when the check failed first without which there was no quorum, not when that was certain.
//! 4. The fault is the nearest that explains what is seen: link (no carrier, or no route), gateway (it used to answer, or
//!    this host cannot find it), dns (addresses answer, but no name resolves, or no DNS server answers and no name shows
//!    otherwise), else the provider. DNS can be at fault while the internet is up, where addresses alone make the quorum.
//! 5. An outage keeps the nearest fault that was seen in it: when the link is back, what is behind it is late, and when
//!    the provider is, the first check to succeed must not make it look as if DNS had been to blame.

use std::sync::Arc;
use std::time::Duration;

use super::hysteresis::{Judge, Verdict};
use super::probe::{self, Effect, ProbeView};
use crate::model::{
    Address, Failure, Fault, Hysteresis, InternetChange, Job, LOCAL_AGENT, Link, Outage, Run, Timestamp,
};

/// So many outages are kept in memory and shown.
const KEEP: usize = 500;

/// What the user wants to know of the internet.
#[derive(Clone, Debug, PartialEq)]
pub struct InternetSettings {
    /// Time from one run of a check to the next, unless the check says otherwise.
    pub interval: Duration,
    /// How long a run may take, unless the check says otherwise.
    pub timeout: Duration,
    /// So many good checks make it up.
    pub quorum: usize,
    /// For each check.
    pub hysteresis: Hysteresis,
    /// The checks.
    pub checks: Vec<Job>,
}

/// What is exposed.
#[derive(Clone, Debug)]
pub struct InternetView {
    /// What was configured.
    pub settings: Arc<InternetSettings>,
    /// The checks, in its order.
    pub checks: Vec<ProbeView>,
    /// Up or down; unknown at first.
    pub up: Option<bool>,
    /// Since when.
    pub since: Timestamp,
    /// Outages that began while this daemon ran.
    pub outages_total: u64,
    /// Whose fault it is.
    pub fault: Fault,
    /// This host's way out.
    pub link: Link,
    /// Whether the gateway answers; absent where there is none or it never has.
    pub gateway_reachable: Option<bool>,
}

/// The state of the internet.
#[derive(Debug)]
pub(super) struct Internet {
    settings: Arc<InternetSettings>,
    checks: Vec<ProbeView>,
    up: Option<bool>,
    since: Timestamp,
    outages_total: u64,
    link: Link,
    gateway: Gateway,
    /// The outage that goes on now.
    current: Option<Outage>,
    /// It is to be saved.
    dirty: bool,
    /// Those that ended since the last save.
    ended: Vec<Outage>,
    /// Rule 3: when the link went down.
    cut_off_since: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Gateway {
    answered_once: bool,
    judge: Judge,
}

impl Gateway {
    fn apply(&mut self, outcome: Result<(), Failure>, hysteresis: Hysteresis) {
        let hysteresis = Hysteresis {
            up_after: 1,
            ..hysteresis
        };
        match outcome {
            Ok(()) => {
                self.answered_once = true;
                self.judge.take(outcome, hysteresis);
            }
            // A gateway that never answers a ping may work all the same; one that ARP does not find does not. What
            // keeps this host from reaching it counts, too.
            Err(failure) if self.answered_once || failure.is_reported_unreachable() => {
                self.judge.take(Err(Failure::Unreachable), hysteresis);
            }
            Err(_) => {}
        }
    }

    /// Whether it answers; absent where it never has.
    const fn reachable(&self) -> Option<bool> {
        self.judge.verdict().up()
    }
}

impl Internet {
    /// With the outage that went on when the daemon ended, if one did.
    pub fn new(settings: Arc<InternetSettings>, open: Option<Outage>, now: Timestamp) -> Self {
        let mut internet = Self {
            checks: Vec::new(),
            up: open.as_ref().map(|_| false),
            since: open.as_ref().map_or(now, |outage| outage.start),
            outages_total: 0,
            link: Link::default(),
            gateway: Gateway::default(),
            current: open,
            dirty: false,
            ended: Vec::new(),
            cut_off_since: None,
            settings: settings.clone(),
        };
        internet.adopt(settings);
        internet
    }

    /// Takes on changed settings; checks that stay keep what they had.
    pub fn adopt(&mut self, settings: Arc<InternetSettings>) {
        probe::adopt(&mut self.checks, settings.checks.iter().map(|job| &job.probe));
        self.settings = settings;
    }

    /// Ends it: nobody wants to know any more.
    pub fn close(mut self, now: Timestamp) -> Option<Outage> {
        let mut outage = self.current.take()?;
        outage.end = Some(now);
        Some(outage)
    }

    /// Takes in a run of a check. True where it came to another outcome than the time before.
    pub fn check(&mut self, run: &Run) -> (bool, Option<InternetChange>) {
        let hysteresis = self.settings.hysteresis;
        let Some(view) = self.checks.iter_mut().find(|view| view.probe == run.probe) else {
            return (false, None);
        };
        match view.apply(run, hysteresis) {
            Effect::Late => (false, None),
            effect => (effect == Effect::Changed, self.settle(run.at)),
        }
    }

    /// Takes in a ping of the gateway.
    pub fn gateway(&mut self, run: &Run) -> Option<InternetChange> {
        let outcome = run.reading.outcome.map(|_| ());
        self.gateway.apply(outcome, self.settings.hysteresis);
        self.settle(run.at)
    }

    /// Takes in what has become of this host's way out.
    pub fn link(&mut self, link: Link, now: Timestamp) -> Option<InternetChange> {
        if link.gateway != self.link.gateway {
            self.gateway = Gateway::default();
        }
        if link.up == Some(false) && self.cut_off_since.is_none() {
            self.cut_off_since = Some(now);
            self.checks.iter_mut().for_each(ProbeView::forget);
        }
        if link.up != Some(false) {
            self.cut_off_since = None;
        }
        self.link = link;
        self.settle(now)
    }

    /// Rules 1 and 2.
    fn judge(&self) -> Option<bool> {
        let count = |verdict| self.checks.iter().filter(|check| check.verdict() == verdict).count();
        if self.cut_off_since.is_some() {
            return Some(false);
        }
        let good = count(Verdict::Good);
        if good >= self.settings.quorum {
            return Some(true);
        }
        (good + count(Verdict::Pending) < self.settings.quorum).then_some(false)
    }

    fn settle(&mut self, now: Timestamp) -> Option<InternetChange> {
        let up = self.judge().or(self.up);
        let before = self.up;
        let mut change = None;
        if up != before {
            let began = if up == Some(false) { self.began(now) } else { now };
            let after = began.since(self.since);
            self.up = up;
            self.since = began;
            let fault = match (up, self.current.take()) {
                (Some(true), Some(mut outage)) => {
                    outage.end = Some(now);
                    let fault = outage.fault;
                    self.ended.push(outage);
                    fault
                }
                _ => self.fault(),
            };
            if up == Some(false) {
                self.outages_total += 1;
                self.dirty = true;
                self.current = Some(Outage {
                    agent: LOCAL_AGENT.into(),
                    start: began,
                    end: None,
                    fault,
                    failed_checks: Vec::new(),
                    gateway_reachable: self.gateway.reachable(),
                });
            }
            change = up.map(|up| InternetChange {
                up,
                first: before.is_none(),
                fault,
                after,
            });
        }
        self.note();
        change
    }

    /// Rule 5, and which checks failed.
    fn note(&mut self) {
        let fault = self.fault();
        let Some(outage) = &mut self.current else { return };
        let nearness = |fault| match fault {
            Fault::None => 0,
            Fault::Dns => 1,
            Fault::Provider => 2,
            Fault::Gateway => 3,
            Fault::Link => 4,
        };
        if nearness(fault) > nearness(outage.fault) {
            outage.fault = fault;
            self.dirty = true;
        }
        if self.gateway.reachable() == Some(false) && outage.gateway_reachable != Some(false)
            || outage.gateway_reachable.is_none() && self.gateway.reachable().is_some()
        {
            outage.gateway_reachable = self.gateway.reachable();
            self.dirty = true;
        }
        let failed = |check: &&ProbeView| check.success == Some(false);
        for check in self.checks.iter().filter(failed) {
            if !outage.failed_checks.contains(&check.probe) {
                outage.failed_checks.push(check.probe.clone());
                self.dirty = true;
            }
        }
    }

    /// Rule 3.
    fn began(&self, now: Timestamp) -> Timestamp {
        if let Some(at) = self.cut_off_since {
            return at;
        }
        let mut failing: Vec<Timestamp> = self.checks.iter().filter_map(|check| check.failing_since).collect();
        failing.sort_unstable();
        let too_many = self.checks.len().saturating_sub(self.settings.quorum);
        failing.get(too_many).copied().unwrap_or(now).min(now)
    }

    /// Rule 4.
    fn fault(&self) -> Fault {
        let dns = self.dns_is_dead();
        if self.up != Some(false) {
            return if dns { Fault::Dns } else { Fault::None };
        }
        let nothing_leaves = |check: &ProbeView| {
            check
                .last_failure
                .as_ref()
                .is_some_and(|(failure, _)| failure.is_unsent())
        };
        let routeless = self.link.gateway.is_none() && self.checks.iter().all(nothing_leaves);
        if self.link.up == Some(false) || routeless {
            Fault::Link
        } else if self.gateway.reachable() == Some(false) {
            Fault::Gateway
        } else if dns {
            Fault::Dns
        } else {
            Fault::Provider
        }
    }

    fn dns_is_dead(&self) -> bool {
        let good = |check: &ProbeView| check.verdict() == Verdict::Good;
        let judged_bad = |check: &ProbeView| matches!(check.verdict(), Verdict::Bad | Verdict::Unknown);
        let unresolved =
            |check: &ProbeView| judged_bad(check) && matches!(check.last_failure, Some((Failure::Unresolved, _)));
        let (named, unnamed): (Vec<_>, Vec<_>) = self
            .checks
            .iter()
            .zip(&self.settings.checks)
            .partition(|(_, job)| matches!(job.address, Address::Name(_)));
        let resolver = !named.is_empty()
            && named.iter().all(|(check, _)| unresolved(check))
            && (unnamed.is_empty() || unnamed.iter().any(|(check, _)| good(check)));
        let (servers, others): (Vec<_>, Vec<_>) = self.checks.iter().partition(|check| check.kind.is_dns());
        // A check that found its address by name shows that some server answers.
        let servers = !servers.is_empty()
            && servers.iter().all(|check| judged_bad(check))
            && !named.iter().any(|(check, _)| good(check))
            && others.iter().any(|check| good(check));
        resolver || servers
    }

    /// The outages that must go to disk, in their order.
    pub fn take_dirty(&mut self) -> Vec<Outage> {
        let mut outages = std::mem::take(&mut self.ended);
        if std::mem::take(&mut self.dirty) {
            outages.extend(self.current.clone());
        }
        outages
    }

    /// The outages that may be newer than what was saved.
    pub fn unsaved(&self) -> impl Iterator<Item = &Outage> {
        self.ended.iter().chain(&self.current)
    }

    pub fn view(&self) -> InternetView {
        InternetView {
            settings: self.settings.clone(),
            checks: self.checks.clone(),
            up: self.up,
            since: self.since,
            outages_total: self.outages_total,
            fault: self.fault(),
            link: self.link.clone(),
            gateway_reachable: self.gateway.reachable(),
        }
    }
}

/// Puts an outage among the others, newest first.
pub(super) fn keep(outages: &mut Vec<Outage>, outage: Outage) {
    match outages.iter_mut().find(|known| known.start == outage.start) {
        Some(known) => *known = outage,
        None => outages.insert(0, outage),
    }
    outages.truncate(KEEP);
}

#[cfg(test)]
mod tests;
