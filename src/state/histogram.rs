//! A classic Prometheus histogram over durations.

use std::time::Duration;

/// Upper bounds of `lanpulse_icmp_rtt_seconds`, in seconds: a wired LAN to a satellite link.
pub static RTT_BOUNDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];
/// Upper bounds of `lanpulse_schedule_lag_seconds`, in seconds.
pub static LAG_BOUNDS: [f64; 8] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.25, 1.0];

/// Counts durations by upper bound.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One more than bounds: the last counts what is past all of them.
    counts: Box<[u64]>,
    /// Nanoseconds.
    sum: u128,
}

/// A histogram's figures, as exposed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets {
    /// Upper bounds in seconds, without the infinite one.
    pub bounds: &'static [f64],
    /// How many fell into each bucket (not cumulative), the infinite one last.
    pub counts: Box<[u64]>,
    /// Sum in seconds.
    pub sum: f64,
}

impl Buckets {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Histogram {
    /// An empty one with these upper bounds, in seconds and rising.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.len() + 1].into(),
            sum: 0,
        }
    }

    /// Counts one. A bound belongs to its bucket (`le`).
    pub fn observe(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
            self.sum += duration.as_nanos();
        }
    }

    /// The figures.
    pub fn buckets(&self) -> Buckets {
        Buckets {
            bounds: self.bounds,
            counts: self.counts.clone(),
            sum: self.sum as f64 / 1e9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_their_bucket() {
        let mut histogram = Histogram::new(&RTT_BOUNDS);
        for micros in [1, 500, 501, 1_000, 1_000_000, 1_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let buckets = histogram.buckets();
        assert_eq!(*buckets.counts, [2, 2, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(buckets.count(), 6);
        assert!((buckets.sum - 2.002_003).abs() < 1e-9);
    }
}
