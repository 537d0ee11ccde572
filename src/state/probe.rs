//! One probe of a device or of the internet: what its runs have brought, and what they say of the target.
//!
//! A run that was started before one already judged counts, but is not judged (rule of late readings): runs overlap
//! where the time-out exceeds the interval, and a remote agent delivers what it saw while the line was down. What
//! decides is the order in which the agent started the runs, never a clock.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::hysteresis::{Judge, Verdict};
use crate::model::{Failure, FailureCounts, Hysteresis, Kind, Phase, Phases, Probe, Run, Timestamp};

/// Everything known of one probe, and what is exposed of it.
#[derive(Clone, Debug)]
pub struct ProbeView {
    /// Its name.
    pub probe: Arc<str>,
    /// Its kind.
    pub kind: Kind,
    /// Runs.
    pub runs: u64,
    /// Failures by reason.
    pub failures: FailureCounts,
    /// When the last one was sent.
    pub last_run: Option<Timestamp>,
    /// Whether the last one succeeded; absent before the first.
    pub success: Option<bool>,
    /// Where the last one's time went.
    pub phases: Phases,
    /// Why the last one failed, if it did.
    pub last_failure: Option<(Failure, Option<Arc<str>>)>,
    /// The last HTTP status, while the last run got one.
    pub status_code: Option<u16>,
    /// The earliest expiry among the certificates of the last run.
    pub certificate_expiry: Option<Timestamp>,
    /// The records of the last DNS answer.
    pub dns_answers: Option<u32>,
    /// The address asked last.
    pub address: Option<IpAddr>,
    judge: Judge,
    /// The sequence of the last run that was judged.
    judged: Option<u64>,
    /// When the first of the failures in a row was that goes on now.
    pub(super) failing_since: Option<Timestamp>,
}

/// What a run did to its probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It came late: it was counted and says nothing about now.
    Late,
    /// It went like the run before.
    Same,
    /// It came to another outcome than the run before.
    Changed,
}

impl ProbeView {
    pub(super) fn new(probe: &Probe) -> Self {
        Self {
            probe: probe.name.clone(),
            kind: probe.kind(),
            runs: 0,
            failures: FailureCounts::new(probe.kind()),
            last_run: None,
            success: None,
            phases: Phases::default(),
            last_failure: None,
            status_code: None,
            certificate_expiry: None,
            dns_answers: None,
            address: None,
            judge: Judge::default(),
            judged: None,
            failing_since: None,
        }
    }

    /// Takes in a run.
    pub(super) fn apply(&mut self, run: &Run, hysteresis: Hysteresis) -> Effect {
        let reading = &run.reading;
        let outcome = reading.shows_life();
        self.runs += 1;
        if let Err(failure) = outcome {
            self.failures.add(failure);
        }
        if self.judged.is_some_and(|judged| run.sequence < judged) {
            return Effect::Late;
        }
        self.judged = Some(run.sequence);
        let before = self
            .success
            .map(|_| self.last_failure.as_ref().map(|(failure, _)| *failure));
        self.last_run = Some(run.at);
        self.success = Some(outcome.is_ok());
        self.phases = reading.phases;
        self.last_failure = outcome.err().map(|failure| (failure, reading.detail.clone()));
        self.status_code = reading.http().map(|http| http.status);
        // While a server is down its certificate still expires: the last known date stays.
        if let Some(tls) = reading.tls() {
            self.certificate_expiry = tls.earliest_expiry;
        }
        self.dns_answers = reading.dns().map(|dns| dns.answers);
        self.address = reading.address.or(self.address);
        match outcome {
            Ok(()) => self.failing_since = None,
            Err(_) => {
                self.failing_since.get_or_insert(run.at);
            }
        }
        self.judge.take(outcome, hysteresis);
        let changed = match before {
            None => outcome.is_err(),
            Some(failure) => failure != outcome.err(),
        };
        if changed { Effect::Changed } else { Effect::Same }
    }

    /// What its runs say.
    pub const fn verdict(&self) -> Verdict {
        self.judge.verdict()
    }

    /// Nothing was heard for too long, or this host cannot tell.
    pub(super) fn forget(&mut self) {
        self.judge.forget();
    }

    pub(super) fn is_pending(&self) -> bool {
        matches!(self.verdict(), Verdict::Pending)
    }

    /// What the last run took.
    pub fn duration(&self) -> Option<Duration> {
        self.phases.get(Phase::Total)
    }
}

/// The probes that are expected to report; those that stay keep all they had.
pub(super) fn adopt<'a>(old: &mut Vec<ProbeView>, expected: impl Iterator<Item = &'a Arc<Probe>>) {
    let mut before = std::mem::take(old);
    for expected in expected {
        let same = before
            .iter()
            .position(|view| view.probe == expected.name && view.kind == expected.kind());
        old.push(match same {
            Some(at) => before.swap_remove(at),
            None => ProbeView::new(expected),
        });
    }
}

/// What the probes of a device say together: up while any of them succeeds; down once all that can tell say so.
/// `None` while that is unknown.
pub(super) fn together(views: &[ProbeView]) -> Option<bool> {
    let any = |verdict| views.iter().any(|view| view.verdict() == verdict);
    if any(Verdict::Good) {
        return Some(true);
    }
    (any(Verdict::Bad) && !any(Verdict::Pending)).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Bad, Good, Pending, Unknown};
    use super::*;
    use crate::model::{Reading, Service, Subject, TcpProbe};

    const HYSTERESIS: Hysteresis = Hysteresis {
        up_after: 1,
        down_after: 3,
    };

    fn probe(name: &str) -> Arc<Probe> {
        let tcp = TcpProbe {
            port: 22,
            tls: None,
            send: None,
            expect: None,
        };
        Arc::new(Probe {
            service: Service::Tcp(tcp),
            ..Probe::echo(name, Duration::from_secs(5), Duration::from_secs(2))
        })
    }

    fn run(sequence: u64, outcome: Result<(), Failure>) -> Run {
        Run {
            subject: Subject::Device("a".into()),
            probe: "a".into(),
            kind: Kind::Tcp,
            sequence,
            at: Timestamp::from_secs(100 + sequence),
            lag: Duration::ZERO,
            reading: Reading {
                outcome: outcome.map(|()| Duration::ZERO),
                ..Reading::default()
            },
        }
    }

    #[test]
    fn a_late_run_counts_and_is_not_judged() {
        let mut view = ProbeView::new(&probe("a"));
        let bad = Err(Failure::Refused);
        assert_eq!(view.apply(&run(1, Ok(())), HYSTERESIS), Effect::Same);
        assert_eq!(view.apply(&run(9, bad), HYSTERESIS), Effect::Changed);
        assert_eq!(view.apply(&run(10, Ok(())), HYSTERESIS), Effect::Changed);
        // half an hour of failures, delivered afterwards
        for sequence in 2..9 {
            assert_eq!(view.apply(&run(sequence, bad), HYSTERESIS), Effect::Late);
        }
        assert_eq!((view.runs, view.failures.get(Failure::Refused)), (10, 8));
        assert_eq!((view.success, view.verdict()), (Some(true), Good));
    }

    #[test]
    fn a_device_is_up_while_any_check_succeeds() {
        for (verdicts, up) in [
            (&[][..], None),
            (&[Pending], None),
            (&[Pending, Good], Some(true)),
            (&[Bad, Good], Some(true)),
            (&[Bad, Pending], None),
            (&[Bad, Unknown], Some(false)),
            (&[Unknown], None),
        ] {
            let view = |verdict: &Verdict| ProbeView {
                judge: Judge::new(*verdict),
                ..ProbeView::new(&probe("a"))
            };
            let views: Vec<ProbeView> = verdicts.iter().map(view).collect();
            assert_eq!(together(&views), up, "{verdicts:?}");
        }
    }

    #[test]
    fn probes_that_stay_keep_what_they_had() {
        let mut views = vec![ProbeView::new(&probe("a")), ProbeView::new(&probe("b"))];
        views[1].runs = 7;
        let other_kind = Probe::echo("a", Duration::from_secs(5), Duration::from_secs(2));
        adopt(&mut views, [probe("b"), Arc::new(other_kind)].iter());
        let now: Vec<_> = views.iter().map(|view| (&*view.probe, view.kind, view.runs)).collect();
        assert_eq!(now, [("b", Kind::Tcp, 7), ("a", Kind::Icmp, 0)]);
    }
}
