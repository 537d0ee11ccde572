//! The phases of a run: where its time went.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::closed::closed_set;

closed_set! {
    /// A part of a run: the `phase` label.
    pub enum Phase {
        /// The name to an address.
        Resolve = "resolve",
        /// The TCP connection, or the socket of a DNS query.
        Connect = "connect",
        /// The TLS handshake.
        Tls = "tls",
        /// From the request to the first byte of the answer.
        Processing = "processing",
        /// From the first byte to the last.
        Transfer = "transfer",
        /// All of it.
        Total = "total",
    }
}

/// How long each phase took; phases that a run did not reach are absent. Phases that happen again (redirects, a second
/// address) add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases([Option<Duration>; Phase::ALL.len()]);

impl Phases {
    /// Of a run of which only the whole is known.
    pub fn total(took: Duration) -> Self {
        let mut phases = Self::default();
        phases.add(Phase::Total, took);
        phases
    }

    /// Adds time to a phase.
    pub fn add(&mut self, phase: Phase, time: Duration) {
        *self.0[phase as usize].get_or_insert(Duration::ZERO) += time;
    }

    /// What a phase took.
    pub const fn get(&self, phase: Phase) -> Option<Duration> {
        self.0[phase as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_add_up_and_keep_their_place() {
        let mut phases = Phases::default();
        phases.add(Phase::Connect, Duration::from_millis(2));
        phases.add(Phase::Connect, Duration::from_millis(3));
        assert_eq!(phases.get(Phase::Connect), Some(Duration::from_millis(5)));
        assert_eq!(phases.get(Phase::Tls), None);
        for (place, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!(phase as usize, place);
        }
    }
}
