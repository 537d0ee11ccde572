//! One run of a check under way: what all checks have in common. A clock for the phases, a connection.
//!
//! The phases of a run follow one another without a gap, so that they add up to the total.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::names::Names;
use crate::model::{Address, Failure, Family, Phase, Reading};
use crate::net::{self, Endpoint};

/// Why a run failed: the reason, and more for people.
pub(super) type Fault = (Failure, Arc<str>);

/// A fault, said in a line.
pub(super) fn fault<T>(failure: Failure, detail: impl Into<String>) -> Result<T, Fault> {
    Err((failure, detail.into().into()))
}

/// A run under way. It outlives the future that is dropped at the time-out.
pub(super) struct Attempt<'a> {
    /// What is known so far.
    pub reading: Reading,
    /// Which IP version.
    pub family: Family,
    timeout: Duration,
    names: Names<'a>,
    started: Instant,
    phase: Option<(Phase, Instant)>,
}

impl<'a> Attempt<'a> {
    /// Begins now.
    pub fn new(family: Family, timeout: Duration, names: Names<'a>) -> Self {
        Self {
            reading: Reading::default(),
            family,
            timeout,
            names,
            started: net::monotonic(),
            phase: None,
        }
    }

    /// The phase that begins now; the one before ends.
    pub fn enter(&mut self, phase: Phase) {
        let now = net::monotonic();
        // The first phase begins with the run.
        let since = match self.phase.replace((phase, now)) {
            Some((before, since)) => {
                self.reading.phases.add(before, now - since);
                now
            }
            None => self.started,
        };
        self.phase = Some((phase, since));
    }

    /// Ends the run; `None` where the time was up.
    pub fn finish(mut self, outcome: Option<Result<(), Fault>>) -> Reading {
        let now = net::monotonic();
        let last = self.phase.take();
        if let Some((phase, since)) = last {
            self.reading.phases.add(phase, now - since);
        }
        let took = now - self.started;
        self.reading.phases.add(Phase::Total, took);
        let outcome = outcome.unwrap_or_else(|| {
            let phase = last.map_or("start", |(phase, _)| match phase {
                Phase::Resolve => "its name was looked up",
                Phase::Connect => "connecting",
                Phase::Tls => "in the TLS handshake",
                Phase::Transfer => "the answer was under way",
                Phase::Processing | Phase::Total => "waiting for the answer",
            });
            let reason = match last {
                Some((Phase::Resolve, _)) => Failure::Unresolved,
                _ => Failure::Timeout,
            };
            fault(reason, format!("not within {:?}: {phase}", self.timeout))
        });
        match outcome {
            Ok(()) => self.reading.outcome = Ok(took),
            Err((failure, detail)) => {
                self.reading.outcome = Err(failure);
                self.reading.detail = Some(detail);
            }
        }
        self.reading
    }

    /// The addresses of a target, at most one of each family: the other is for when the first refuses.
    pub async fn resolve(&mut self, address: &Address) -> Result<Vec<Endpoint>, Fault> {
        self.enter(Phase::Resolve);
        if let Address::Ip(ip) = address
            && !self.family.allows(*ip)
        {
            let text = format!("{ip} is not of the family {}", self.family.as_str());
            return fault(Failure::Unresolved, text);
        }
        let found = self.names.endpoints(address, self.family, self.timeout).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// A TCP connection to a target.
    pub async fn connect(&mut self, address: &Address, port: u16) -> Result<TcpStream, Fault> {
        let addresses = self.resolve(address).await?;
        self.enter(Phase::Connect);
        self.reading.address = addresses.first().map(|to| to.ip);
        match net::connect(&addresses, port).await {
            Ok((stream, to)) => {
                self.reading.address = Some(to.ip());
                Ok(stream)
            }
            Err(error) => {
                self.reading.address = Some(error.to.ip());
                fault(error.failure(), error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn phases_add_up_to_the_total_and_a_timeout_says_where() {
        let mut attempt = Attempt::new(Family::Any, Duration::from_secs(2), Names::Fresh);
        for (phase, ms) in [
            (Phase::Resolve, 3),
            (Phase::Connect, 5),
            (Phase::Resolve, 7),
            (Phase::Connect, 11),
            (Phase::Processing, 13),
        ] {
            attempt.enter(phase);
            tokio::time::advance(Duration::from_millis(ms)).await;
        }
        let reading = attempt.finish(None);
        let got = Phase::ALL.map(|phase| reading.phases.get(phase).map(|time| time.as_millis()));
        assert_eq!(got, [Some(10), Some(16), None, Some(13), None, Some(39)]);
        assert_eq!(reading.outcome, Err(Failure::Timeout));
        assert!(reading.detail.unwrap().contains("waiting for the answer"));
    }

    #[tokio::test]
    async fn a_literal_of_the_other_family_is_no_address() {
        let mut attempt = Attempt::new(Family::Ip6, Duration::from_secs(2), Names::Fresh);
        let address = "10.0.0.1".parse().unwrap();
        let (failure, _) = attempt.resolve(&address).await.unwrap_err();
        assert_eq!(failure, Failure::Unresolved);
    }
}
