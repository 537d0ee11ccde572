//! What a device's pings have brought: counters, buckets, the sliding window.

use std::time::Duration;

use super::histogram::{Histogram, RTT_BOUNDS};
use super::snapshot::IcmpView;
use super::window::Window;
use crate::model::{FailureCounts, Kind, Run, Timestamp};

/// What pings have brought.
pub(super) struct Icmp {
    requests: u64,
    replies: u64,
    failures: FailureCounts,
    rtt: Histogram,
    /// The latest results.
    pub(super) window: Window,
    /// When the latest ping was sent.
    pub(super) last_run: Option<Timestamp>,
    last_rtt: Option<Duration>,
    /// The sequence of the last one that was judged.
    judged: Option<u64>,
    /// The window is judged from here on (rule 4 of `device.rs`).
    pub(super) judge_from: Timestamp,
}

impl Icmp {
    /// With a window of this span.
    pub(super) fn new(span: Duration) -> Self {
        Self {
            requests: 0,
            replies: 0,
            failures: FailureCounts::new(Kind::Icmp),
            rtt: Histogram::new(&RTT_BOUNDS),
            window: Window::new(span),
            last_run: None,
            last_rtt: None,
            judged: None,
            judge_from: Timestamp::default(),
        }
    }

    /// Takes in one ping, and says whether it came late: after one that was sent later.
    pub(super) fn take(&mut self, run: &Run) -> bool {
        let (at, outcome) = (run.at, run.reading.outcome);
        let late = self.judged.is_some_and(|judged| run.sequence < judged);
        self.requests += 1;
        if !late {
            self.judged = Some(run.sequence);
            self.last_run = Some(at);
            self.last_rtt = outcome.ok();
        }
        match outcome {
            Ok(rtt) => {
                self.replies += 1;
                self.rtt.observe(rtt);
                self.window.push(at, Some(rtt));
            }
            Err(failure) => {
                self.failures.add(failure);
                if failure.blames_target() {
                    self.window.push(at, None);
                }
            }
        }
        late
    }

    /// What is exposed.
    pub(super) fn view(&self, now: Timestamp) -> IcmpView {
        IcmpView {
            requests: self.requests,
            replies: self.replies,
            failures: self.failures.clone(),
            rtt: self.rtt.buckets(),
            window: self.window.stats(Timestamp::default(), now),
            last_run: self.last_run,
            last_rtt: self.last_rtt,
        }
    }
}
