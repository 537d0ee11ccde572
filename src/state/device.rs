//! One device: from readings to up and down, status, counters and statistics.
//!
//! The rules, by number in the code:
//! 1. `up_after` successes in a row make it up, `down_after` failures in a row that blame the target make it down.
//! 2. Failures of this host (no permission, no route, no name) say nothing about the target: `down_after` of them in
//!    a row make it unknown, never down.
//! 3. A run that was started before one already judged (pings overlap where the time-out exceeds the interval, a remote
//!    agent delivers late) counts in counters and window, not for up and down.
//! 4. Degraded is judged on replies only, over the window since it last came up: a device that dies goes from up to
//!    down without passing yellow, one that returns is not yellow for an outage that is over.
//! 5. One lost ping is no loss rate: degraded by loss takes two.
//! 6. Maintenance covers the status, not `up`, which stays true to what is measured.
//! 7. When no reading arrives for three intervals the device is unknown. A step of the clock is not silence.
//! 8. The first status after a first start is no change.
//! 9. A device that is not pinged is up while any of its checks succeeds (`check.rs`).
//! 10. While this host's own link is down nothing can be told of anybody: unknown, never down, and no reading counts
//!     for up and down. This host itself (loopback) is no matter of the link.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::hysteresis::{Judge, Verdict};
use super::icmp::Icmp;
use super::probe::{self, Effect, ProbeView};
use super::snapshot::DeviceView;
use super::snmp::Snmp;
use crate::model::{
    Address, Device, Failure, LOCAL_AGENT, LabelValue, PersistedWalk, Probe, Run, Status, StatusChange, Target,
    Timestamp,
};

/// More than this between two sweeps is a step of the clock or a suspended host.
const STEP: Duration = Duration::from_secs(10);
/// On top of three intervals before silence means anything: a busy host is no dead prober.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything known of one device.
#[allow(clippy::struct_excessive_bools)] // each answers another question; no two make an enum
pub(super) struct DeviceState {
    target: Arc<Target>,
    status: Status,
    status_since: Timestamp,
    changes: u64,
    /// Rule 8: whether the status has ever been anything but unknown.
    determined: bool,
    up: Option<bool>,
    up_since: Timestamp,
    /// Of its pings; `up` follows it.
    judge: Judge,
    degraded: bool,
    in_maintenance: bool,
    first_seen: Option<Timestamp>,
    last_seen: Option<Timestamp>,
    address: Option<IpAddr>,
    last_failure: Option<(Failure, Option<Arc<str>>)>,
    icmp: Option<Icmp>,
    /// In the order of the target's probes.
    checks: Vec<ProbeView>,
    snmp: Option<Snmp>,
    /// Rule 10.
    link_down: bool,
    /// Rule 7: silence is counted from here at the earliest.
    listening_since: Timestamp,
    last_sweep: Timestamp,
    saved: Option<Timestamp>,
    dirty: bool,
}

impl DeviceState {
    /// A device that is watched from now on, with what the store remembers of it.
    pub(super) fn new(target: Arc<Target>, known: Option<&Device>, now: Timestamp) -> Self {
        let status = known.map_or(Status::Unknown, |device| device.status);
        Self {
            status,
            status_since: known.map_or(now, |device| device.status_since),
            changes: 0,
            determined: status != Status::Unknown,
            up: known.and_then(|device| device.up),
            up_since: known.map_or(now, |device| device.up_since),
            judge: Judge::new(Verdict::of(known.and_then(|device| device.up))),
            degraded: status == Status::Degraded,
            in_maintenance: status == Status::Maintenance,
            first_seen: known.and_then(|device| device.first_seen),
            last_seen: known.and_then(|device| device.last_seen),
            address: None,
            last_failure: None,
            icmp: None,
            checks: Vec::new(),
            snmp: None,
            link_down: false,
            listening_since: now,
            last_sweep: now,
            saved: None,
            dirty: known.is_none(),
            target,
        }
    }

    pub(super) fn name(&self) -> &LabelValue {
        &self.target.name
    }

    /// Takes on a changed target; counters and history stay.
    pub(super) fn adopt(&mut self, target: Arc<Target>) {
        match (&mut self.icmp, target.echo().is_some()) {
            (Some(icmp), true) => icmp.window.resize(target.window),
            (None, true) => self.icmp = Some(Icmp::new(target.window)),
            (_, false) => self.icmp = None,
        }
        let checks = target.probes.iter().filter(|probe| !probe.kind().is_echo());
        probe::adopt(&mut self.checks, checks);
        if self.target.address != target.address {
            self.address = None;
            self.snmp = None;
        }
        let walked = target.probes.iter().any(|probe| probe.kind().is_walk());
        self.snmp = self.snmp.take().or_else(|| Some(Snmp::default())).filter(|_| walked);
        self.target = target;
    }

    /// Takes in a run, and says whether a check came to another outcome than the time before.
    pub(super) fn run(&mut self, run: &Run) -> (bool, Option<StatusChange>) {
        if let Some(snmp) = self.snmp.as_mut().filter(|_| run.kind.is_walk()) {
            snmp.take(run.at, &run.reading);
        }
        if run.reading.shows_life().is_ok() {
            self.first_seen.get_or_insert(run.at);
            self.last_seen = self.last_seen.max(Some(run.at));
        }
        if run.kind.is_echo() {
            (false, self.ping(run))
        } else {
            self.check(run)
        }
    }

    fn ping(&mut self, run: &Run) -> Option<StatusChange> {
        let (at, reading) = (run.at, &run.reading);
        let late = self.icmp.as_mut()?.take(run);
        self.address = reading.address.or(self.address);
        if late {
            // 3.
            return None;
        }
        self.last_failure = reading.outcome.err().map(|failure| (failure, reading.detail.clone()));
        if self.is_cut_off() {
            return None;
        }
        self.decide(at, reading.outcome.map(|_| ()));
        self.settle(at)
    }

    fn check(&mut self, run: &Run) -> (bool, Option<StatusChange>) {
        let hysteresis = self.target.hysteresis;
        let Some(view) = self.checks.iter_mut().find(|view| view.probe == run.probe) else {
            return (false, None);
        };
        let effect = view.apply(run, hysteresis);
        if effect == Effect::Late {
            return (false, None);
        }
        // Walks tell of their failures themselves.
        let changed = effect == Effect::Changed && !run.kind.is_walk();
        if self.icmp.is_some() {
            return (changed, None);
        }
        let address = run.reading.address.filter(|_| self.checks.len() == 1);
        self.address = address.or(self.address);
        self.last_failure = self.checks.iter().find_map(|view| view.last_failure.clone());
        if self.is_cut_off() {
            return (changed, None);
        }
        // 9.
        let up = probe::together(&self.checks);
        let pending = up.is_none() && self.checks.iter().any(ProbeView::is_pending);
        if up != self.up && !pending {
            self.set_up(up, run.at);
        }
        (changed, self.settle(run.at))
    }

    /// Rule 10.
    pub(super) fn link(&mut self, down: bool, now: Timestamp) -> Option<StatusChange> {
        if self.link_down != down {
            self.link_down = down;
            // Outcomes from before the gap or within it say nothing about the time after it.
            self.judge.restart();
            self.listening_since = now;
        }
        if !self.is_cut_off() || self.up.is_none() {
            return None;
        }
        self.last_failure = Some((Failure::Send, Some("this host's own link is down".into())));
        self.checks.iter_mut().for_each(ProbeView::forget);
        self.set_up(None, now);
        self.settle(now)
    }

    fn is_cut_off(&self) -> bool {
        let address = match &self.target.address {
            Address::Ip(ip) => Some(*ip),
            Address::Scoped(..) => None,
            Address::Name(_) => self.address,
        };
        self.link_down && !address.is_some_and(|ip| ip.is_loopback())
    }

    /// Rules 1, 2 and 4.
    fn decide(&mut self, at: Timestamp, outcome: Result<(), Failure>) {
        let before = self.judge.verdict();
        let verdict = self.judge.take(outcome, self.target.hysteresis);
        if verdict != before && verdict.up() != self.up {
            self.set_up(verdict.up(), at);
        }
        if outcome.is_ok() {
            self.degraded = self.up == Some(true) && self.exceeds_limits(at);
        }
    }

    fn set_up(&mut self, up: Option<bool>, at: Timestamp) {
        if up.is_none() {
            self.judge.forget();
        }
        self.up = up;
        self.up_since = at;
        self.dirty = true;
        if up != Some(true) {
            self.degraded = false;
        } else if let Some(icmp) = &mut self.icmp {
            icmp.judge_from = at.minus(Duration::from_micros(1));
        }
    }

    /// Rule 5.
    fn exceeds_limits(&mut self, now: Timestamp) -> bool {
        let limits = self.target.limits;
        let Some(icmp) = &mut self.icmp else { return false };
        icmp.judge_from = icmp.judge_from.min(now);
        icmp.window.stats(icmp.judge_from, now).is_some_and(|stats| {
            let slow = stats.rtt.is_some_and(|[_, mean, _]| mean > limits.latency);
            slow || (stats.lost >= 2 && stats.loss > limits.loss)
        })
    }

    /// Rules 6 and 8: from up, degraded and maintenance to the one status.
    fn settle(&mut self, now: Timestamp) -> Option<StatusChange> {
        let status = match self.up {
            _ if self.in_maintenance => Status::Maintenance,
            None => Status::Unknown,
            Some(false) => Status::Down,
            Some(true) if self.degraded => Status::Degraded,
            Some(true) => Status::Up,
        };
        if status == self.status {
            return None;
        }
        let transition = StatusChange {
            device: self.target.name.clone(),
            from: self.status,
            to: status,
            at: now,
            after: now.since(self.status_since),
            reason: self.last_failure.as_ref().map(|(failure, _)| *failure),
        };
        self.changes += u64::from(self.determined);
        self.determined = true;
        self.status = status;
        self.status_since = now;
        self.dirty = true;
        Some(transition)
    }

    /// What time alone does.
    pub(super) fn sweep(&mut self, now: Timestamp) -> Option<StatusChange> {
        if now < self.last_sweep || now.since(self.last_sweep) > STEP {
            self.listening_since = now;
        }
        self.last_sweep = now;
        // Nothing can have been in the future: the clock was wrong then, and was put right.
        self.last_seen = self.last_seen.map(|at| at.min(now));
        self.first_seen = self.first_seen.map(|at| at.min(now));
        self.status_since = self.status_since.min(now);
        self.up_since = self.up_since.min(now);
        self.in_maintenance = self.target.maintenance.iter().any(|calendar| calendar.contains(now));
        // 7.
        let since = self.listening_since;
        let silent = |probe: &Probe, heard: Option<Timestamp>| {
            now.since(heard.unwrap_or_default().max(since)) > probe.interval * 3 + probe.timeout + PATIENCE
        };
        let silent = if let Some(probe) = self.target.echo() {
            silent(probe, self.icmp.as_ref().and_then(|icmp| icmp.last_run))
        } else {
            for view in &mut self.checks {
                let probe = self.target.probe(&view.probe);
                if !view.is_pending() && probe.is_some_and(|probe| silent(probe, view.last_run)) {
                    view.forget();
                }
            }
            probe::together(&self.checks).is_none() && !self.checks.iter().any(ProbeView::is_pending)
        };
        if silent && self.up.is_some() {
            self.last_failure = None;
            self.set_up(None, now);
        }
        self.settle(now)
    }

    /// Goes on with the walks of an earlier run, if they were of this device and there are none yet.
    pub(super) fn recall(&mut self, kept: &PersistedWalk) {
        let same = kept.address == self.target.address.to_string();
        if let Some(snmp) = self.snmp.as_mut().filter(|snmp| same && snmp.view.last_run.is_none()) {
            snmp.restore(kept);
        }
    }

    /// What of its walks must go to disk.
    pub(super) fn dirty_walk(&mut self, now: Timestamp, every: Duration, all: bool) -> Option<PersistedWalk> {
        self.snmp.as_mut()?.take_dirty(&self.target, now, every, all)
    }

    /// All that is to be remembered of its walks.
    pub(super) fn kept_walk(&self) -> Option<PersistedWalk> {
        self.snmp.as_ref()?.kept(&self.target)
    }

    /// What the store keeps.
    pub(super) fn record(&self) -> Device {
        Device {
            agent: LOCAL_AGENT.into(),
            name: self.target.name.clone(),
            status: self.status,
            status_since: self.status_since,
            up: self.up,
            up_since: self.up_since,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
        }
    }

    /// The row, if it must go to disk: after a change, and now and then for `last_seen`.
    pub(super) fn take_dirty(&mut self, now: Timestamp, every: Duration, all: bool) -> Option<Device> {
        let seen_since = self.last_seen > self.saved;
        let old = self.saved.is_none_or(|saved| now < saved || now.since(saved) >= every);
        if !(self.dirty || seen_since && (old || all)) {
            return None;
        }
        self.dirty = false;
        self.saved = Some(now);
        Some(self.record())
    }

    /// What is exposed.
    pub(super) fn view(&self, now: Timestamp) -> DeviceView {
        DeviceView {
            target: self.target.clone(),
            record: None,
            discovered: false,
            gateway: None,
            address: self.address.or(match self.target.address {
                Address::Ip(ip) => Some(ip),
                _ => None,
            }),
            status: self.status,
            status_since: self.status_since,
            changes: self.changes,
            up: self.up,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            last_failure: self.last_failure.clone(),
            icmp: self.icmp.as_ref().map(|icmp| icmp.view(now)),
            checks: self.checks.clone(),
            snmp: self.snmp.as_ref().map(|snmp| snmp.view.clone()),
        }
    }
}
