//! The sliding window: what the last minute of pings says.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::Timestamp;

/// The latest readings that say something about the target.
#[derive(Clone, Debug)]
pub struct Window {
    span: Duration,
    /// When sent, and the round-trip time or a loss. Sorted by time, but for a step of the clock.
    readings: VecDeque<(Timestamp, Option<Duration>)>,
}

/// Statistics over a window. Times are absent while the window holds no reply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowStats {
    /// Lost over sent, 0 to 1.
    pub loss: f64,
    /// How many were lost.
    pub lost: u32,
    /// Of the round-trip times: least, mean, most.
    pub rtt: Option<[Duration; 3]>,
    /// Mean difference of consecutive round-trip times (the inter-packet delay variation of RFC 3393, without its
    /// sign); absent below two replies.
    pub jitter: Option<Duration>,
}

impl Window {
    /// An empty window of this length.
    pub fn new(span: Duration) -> Self {
        Self {
            span,
            readings: VecDeque::new(),
        }
    }

    /// Makes it longer or shorter.
    pub fn resize(&mut self, span: Duration) {
        self.span = span;
    }

    /// Adds a reading and drops what has left the window: what is older than its span, and what lies in the future
    /// because the clock was set back.
    pub fn push(&mut self, at: Timestamp, rtt: Option<Duration>) {
        // Overlapping pings finish out of order: the one sent first may time out after the second has come back.
        let position = self.readings.partition_point(|(sent, _)| *sent <= at);
        let newest = self.readings.back().map_or(at, |(sent, _)| (*sent).max(at));
        if newest.since(at) > self.span {
            self.readings.clear();
            self.readings.push_back((at, rtt));
            return;
        }
        self.readings.insert(position, (at, rtt));
        let oldest = newest.minus(self.span);
        while self.readings.front().is_some_and(|(sent, _)| *sent <= oldest) {
            self.readings.pop_front();
        }
    }

    /// What the readings sent after `from` and not after `now` say; `None` where there are none.
    pub fn stats(&self, from: Timestamp, now: Timestamp) -> Option<WindowStats> {
        let oldest = now.minus(self.span).max(from);
        let (mut sent, mut lost) = (0_u32, 0_u32);
        let (mut least, mut most, mut sum) = (Duration::MAX, Duration::ZERO, Duration::ZERO);
        let (mut previous, mut differences, mut pairs) = (None::<Duration>, Duration::ZERO, 0_u32);
        for (at, rtt) in &self.readings {
            if *at <= oldest || *at > now {
                continue;
            }
            sent += 1;
            let Some(rtt) = *rtt else {
                lost += 1;
                continue;
            };
            least = least.min(rtt);
            most = most.max(rtt);
            sum += rtt;
            if let Some(previous) = previous.replace(rtt) {
                differences += previous.abs_diff(rtt);
                pairs += 1;
            }
        }
        let replies = sent - lost;
        (sent > 0).then(|| WindowStats {
            loss: f64::from(lost) / f64::from(sent),
            lost,
            rtt: (replies > 0).then(|| [least, sum / replies, most]),
            jitter: (pairs > 0).then(|| differences / pairs),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(60);
    const NEVER: Timestamp = Timestamp::from_secs(0);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + seconds)
    }

    #[allow(clippy::unnecessary_wraps)] // reads better in the tables below
    fn ms(ms: u64) -> Option<Duration> {
        Some(Duration::from_millis(ms))
    }

    #[test]
    fn statistics() {
        let mut window = Window::new(SPAN);
        for (second, rtt) in [(0, ms(10)), (5, ms(14)), (10, None), (15, ms(12))] {
            window.push(at(second), rtt);
        }
        let stats = window.stats(NEVER, at(15)).unwrap();
        assert_eq!(stats.rtt, Some([10, 12, 14].map(Duration::from_millis)));
        assert_eq!(stats.jitter, ms(3), "(4 + 2) / 2, across the loss");
        assert!((stats.loss - 0.25).abs() < 1e-9 && stats.lost == 1);
    }

    #[test]
    fn readings_leave_by_age() {
        let mut window = Window::new(SPAN);
        window.push(at(0), None);
        window.push(at(59), ms(1));
        assert_eq!(window.stats(NEVER, at(59)).unwrap().lost, 1);
        assert_eq!(
            window.stats(NEVER, at(60)).unwrap().lost,
            0,
            "by the time of the question"
        );
        window.push(at(61), ms(1));
        assert_eq!(window.readings.len(), 2, "and for good");
        assert_eq!(window.stats(NEVER, at(200)), None);
        assert_eq!(
            window.stats(at(59), at(61)).unwrap().rtt.map(|rtt| rtt[1]),
            ms(1),
            "only those after from"
        );
    }

    #[test]
    fn only_losses_have_no_times() {
        let mut window = Window::new(SPAN);
        window.push(at(0), None);
        let stats = window.stats(NEVER, at(1)).unwrap();
        assert_eq!((stats.rtt, stats.jitter, stats.lost), (None, None, 1));
        assert!((stats.loss - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_late_loss_goes_where_it_was_sent() {
        let mut window = Window::new(SPAN);
        window.push(at(1), ms(5));
        window.push(at(0), None);
        window.push(at(2), ms(7));
        let order: Vec<_> = window.readings.iter().map(|(_, rtt)| *rtt).collect();
        assert_eq!(order, [None, ms(5), ms(7)]);
    }

    #[test]
    fn a_clock_set_back_starts_anew() {
        let mut window = Window::new(SPAN);
        window.push(at(7200), None);
        window.push(at(0), ms(5));
        assert_eq!(window.stats(NEVER, at(0)).unwrap().lost, 0);
        window.push(at(5), ms(5));
        assert_eq!(window.readings.len(), 2);
    }
}
