//! From single outcomes to a verdict: the one hysteresis of devices, checks and the gateway.
//!
//! 1. `up_after` successes in a row make the verdict good, `down_after` failures in a row that blame the target bad.
//! 2. Failures of this host (no permission, no route, no name) say nothing about the target: `down_after` of them in a
//!    row make the verdict unknown, never bad.

use crate::model::{Failure, Hysteresis};

/// What the outcomes so far say of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
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

impl Verdict {
    /// Up or down, where that is known.
    pub const fn up(self) -> Option<bool> {
        match self {
            Self::Good => Some(true),
            Self::Bad => Some(false),
            Self::Pending | Self::Unknown => None,
        }
    }

    /// The verdict of a target that was last known to be up or down.
    pub const fn of(up: Option<bool>) -> Self {
        match up {
            Some(true) => Self::Good,
            Some(false) => Self::Bad,
            None => Self::Pending,
        }
    }
}

/// A verdict, and what counts towards the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Judge {
    verdict: Verdict,
    /// In a row, ending now: successes, failures that blame the target, failures of this host.
    successes: u32,
    failures: u32,
    own_failures: u32,
}

impl Judge {
    /// Goes on from a verdict.
    pub(super) fn new(verdict: Verdict) -> Self {
        Self {
            verdict,
            ..Self::default()
        }
    }

    pub(super) const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Takes in an outcome.
    pub(super) fn take(&mut self, outcome: Result<(), Failure>, hysteresis: Hysteresis) -> Verdict {
        match outcome {
            Ok(()) => {
                (self.failures, self.own_failures) = (0, 0);
                self.successes = self.successes.saturating_add(1);
                if self.successes >= hysteresis.up_after {
                    self.verdict = Verdict::Good;
                }
            }
            Err(failure) if failure.blames_target() => {
                (self.successes, self.own_failures) = (0, 0);
                self.failures = self.failures.saturating_add(1);
                if self.failures >= hysteresis.down_after {
                    self.verdict = Verdict::Bad;
                }
            }
            Err(_) => {
                self.successes = 0;
                self.own_failures = self.own_failures.saturating_add(1);
                if self.own_failures >= hysteresis.down_after {
                    self.verdict = Verdict::Unknown;
                }
            }
        }
        self.verdict
    }

    /// Counts anew; the verdict stays.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.verdict);
    }

    /// Nothing was heard for too long, or this host cannot tell.
    pub(super) fn forget(&mut self) {
        *self = Self::new(Verdict::Unknown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_some_in_a_row() {
        let hysteresis = Hysteresis {
            up_after: 2,
            down_after: 3,
        };
        let (ok, bad, own) = (Ok(()), Err(Failure::Refused), Err(Failure::Unresolved));
        let mut judge = Judge::default();
        for (step, (outcome, expected)) in [
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
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(judge.take(outcome, hysteresis), expected, "step {step}");
        }
    }
}
