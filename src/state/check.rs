//! One check: what its runs have brought, and what it says of its device.
//!
//! 1. `up_after` successes in a row make it good, `down_after` failures in a row that blame the target make it bad.
//! 2. `down_after` failures in a row of this host or of names make it say nothing.
//! 3. A run that was sent before one already judged counts, but is not judged: runs overlap where the time-out
//!    exceeds the interval.

use std::net::IpAddr;
use std::sync::Arc;

use crate::model::{Check, Expectation, Failure, Hysteresis, Kind, Phase, Phases, Timestamp};

/// What a check says of what it checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet.
    #[default]
    Pending,
    /// It works.
    Good,
    /// It does not.
    Bad,
    /// It cannot be told from here.
    Unknown,
}

/// Everything known of one check, and what is exposed of it.
#[derive(Clone, Debug)]
pub struct CheckView {
    /// Its name.
    pub probe: Arc<str>,
    /// Its kind.
    pub kind: Kind,
    /// Runs.
    pub runs: u64,
    /// Failures, in the order of [`Failure::ALL`].
    pub failures: [u64; Failure::ALL.len()],
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
    pub(super) verdict: Verdict,
    successes_in_row: u32,
    failures_in_row: u32,
    own_in_row: u32,
    /// When the run of failures began that goes on now.
    pub(super) failing_since: Option<Timestamp>,
}

impl CheckView {
    pub(super) fn new(expected: &Expectation) -> Self {
        Self {
            probe: expected.probe.clone(),
            kind: expected.kind,
            runs: 0,
            failures: [0; Failure::ALL.len()],
            last_run: None,
            success: None,
            phases: Phases::default(),
            last_failure: None,
            status_code: None,
            certificate_expiry: None,
            dns_answers: None,
            address: None,
            verdict: Verdict::Pending,
            successes_in_row: 0,
            failures_in_row: 0,
            own_in_row: 0,
            failing_since: None,
        }
    }

    /// Takes in a run. False where it is not to be judged (rule 3).
    pub(super) fn apply(
        &mut self,
        at: Timestamp,
        check: &Check,
        hysteresis: Hysteresis,
        timeout: std::time::Duration,
    ) -> bool {
        self.runs += 1;
        if let Err(failure) = check.outcome
            && let Some(slot) = Failure::ALL.iter().position(|known| *known == failure)
        {
            self.failures[slot] += 1;
        }
        if self.last_run.is_some_and(|last| at < last && last.since(at) <= timeout) {
            return false;
        }
        self.last_run = Some(at);
        self.success = Some(check.outcome.is_ok());
        self.phases = check.phases;
        self.last_failure = check.outcome.err().map(|failure| (failure, check.detail.clone()));
        self.status_code = check.http.map(|http| http.status);
        // While a server is down its certificate still expires: the last known date stays.
        if let Some(tls) = &check.tls {
            self.certificate_expiry = tls.earliest_expiry;
        }
        self.dns_answers = check.dns.map(|dns| dns.answers);
        self.address = check.address.or(self.address);
        self.judge(at, check.outcome, hysteresis);
        true
    }

    fn judge(&mut self, at: Timestamp, outcome: Result<(), Failure>, hysteresis: Hysteresis) {
        match outcome {
            Ok(()) => {
                (self.failures_in_row, self.own_in_row) = (0, 0);
                self.failing_since = None;
                self.successes_in_row = self.successes_in_row.saturating_add(1);
                if self.successes_in_row >= hysteresis.up_after {
                    self.verdict = Verdict::Good;
                }
            }
            Err(failure) => {
                self.successes_in_row = 0;
                self.failing_since.get_or_insert(at);
                if failure.blames_target() {
                    self.own_in_row = 0;
                    self.failures_in_row = self.failures_in_row.saturating_add(1);
                    if self.failures_in_row >= hysteresis.down_after {
                        self.verdict = Verdict::Bad;
                    }
                } else {
                    self.own_in_row = self.own_in_row.saturating_add(1);
                    if self.own_in_row >= hysteresis.down_after {
                        self.verdict = Verdict::Unknown;
                    }
                }
            }
        }
    }

    /// Nothing was heard for too long, or this host cannot tell.
    pub(super) fn forget(&mut self) {
        self.verdict = Verdict::Unknown;
        (self.successes_in_row, self.failures_in_row, self.own_in_row) = (0, 0, 0);
    }

    pub(super) fn is_pending(&self) -> bool {
        self.verdict == Verdict::Pending
    }

    /// What the last run took.
    pub fn duration(&self) -> Option<std::time::Duration> {
        self.phases.get(Phase::Total)
    }
}

/// The checks a target expects, those that stay with all they had.
pub(super) fn adopt(old: &mut Vec<CheckView>, expected: impl Iterator<Item = Expectation>) {
    let mut before = std::mem::take(old);
    for expected in expected {
        let same = before
            .iter()
            .position(|check| check.probe == expected.probe && check.kind == expected.kind);
        old.push(match same {
            Some(at) => before.swap_remove(at),
            None => CheckView::new(&expected),
        });
    }
}

/// What the checks of a device say together: up while any of them succeeds; down once all that can tell say so.
/// `None` while that is unknown.
pub(super) fn together(checks: &[CheckView]) -> Option<bool> {
    let any = |verdict| checks.iter().any(|check| check.verdict == verdict);
    if any(Verdict::Good) {
        return Some(true);
    }
    (any(Verdict::Bad) && !any(Verdict::Pending)).then_some(false)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Verdict::{Bad, Good, Pending, Unknown};
    use super::*;

    const HYSTERESIS: Hysteresis = Hysteresis {
        up_after: 2,
        down_after: 3,
    };

    fn check(outcome: Result<(), Failure>) -> Check {
        Check {
            outcome,
            ..Check::default()
        }
    }

    fn view(name: &str) -> CheckView {
        CheckView::new(&Expectation {
            probe: name.into(),
            kind: Kind::Tcp,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
        })
    }

    #[test]
    fn it_takes_some_in_a_row() {
        let (ok, bad, own) = (Ok(()), Err(Failure::Refused), Err(Failure::Unresolved));
        let mut view = view("a");
        let mut at = 100;
        for (outcome, expected) in [
            (ok, Verdict::Pending),
            (ok, Verdict::Good),
            (bad, Verdict::Good),
            (bad, Verdict::Good),
            (ok, Verdict::Good),
            (bad, Verdict::Good),
            (bad, Verdict::Good),
            (bad, Verdict::Bad),
            (own, Verdict::Bad),
            (own, Verdict::Bad),
            (own, Verdict::Unknown),
            (ok, Verdict::Unknown),
            (ok, Verdict::Good),
        ] {
            at += 5;
            assert!(view.apply(
                Timestamp::from_secs(at),
                &check(outcome),
                HYSTERESIS,
                Duration::from_secs(2)
            ));
            assert_eq!(view.verdict, expected, "at {at}");
        }
        assert_eq!((view.runs, view.failures.iter().sum::<u64>()), (13, 8));
        let late = Timestamp::from_secs(at - 1);
        assert!(!view.apply(late, &check(bad), HYSTERESIS, Duration::from_secs(2)));
        assert_eq!((view.runs, view.success), (14, Some(true)));
    }

    #[test]
    fn a_device_is_up_while_any_check_succeeds() {
        let of = |verdicts: &[Verdict]| {
            let checks: Vec<CheckView> = verdicts
                .iter()
                .map(|verdict| CheckView {
                    verdict: *verdict,
                    ..view("a")
                })
                .collect();
            together(&checks)
        };
        for (verdicts, up) in [
            (&[][..], None),
            (&[Pending], None),
            (&[Pending, Good], Some(true)),
            (&[Bad, Good], Some(true)),
            (&[Bad, Pending], None),
            (&[Bad, Unknown], Some(false)),
            (&[Unknown], None),
        ] {
            assert_eq!(of(verdicts), up, "{verdicts:?}");
        }
    }

    #[test]
    fn checks_that_stay_keep_what_they_had() {
        let mut checks = vec![view("a"), view("b")];
        checks[1].runs = 7;
        let expect = |name: &str, kind| Expectation {
            probe: name.into(),
            kind,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
        };
        adopt(
            &mut checks,
            [expect("b", Kind::Tcp), expect("a", Kind::Http)].into_iter(),
        );
        let now: Vec<_> = checks
            .iter()
            .map(|check| (&*check.probe, check.kind, check.runs))
            .collect();
        assert_eq!(now, [("b", Kind::Tcp, 7), ("a", Kind::Http, 0)]);
    }
}
