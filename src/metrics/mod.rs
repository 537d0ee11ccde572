//! What Prometheus sees: names, help, types and labels, rendered from a snapshot of the state.

/// What to expose, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The most series one collector exposes; past it whole families are left out, the least needed first.
    pub max_per_collector: usize,
    /// Whether to expose `lanpulse_icmp_rtt_seconds`.
    pub histogram: bool,
    /// Whether to expose the sliding window's gauges.
    pub window: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_per_collector: 500_000,
            histogram: true,
            window: true,
        }
    }
}
