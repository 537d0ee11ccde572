//! A scripted device, and the walker that reads it.

use std::sync::Arc;
use std::time::Duration;

use lanpulse::model::{Credentials, Measure, SecretSource};

use crate::support::agent::{Agent, Script, octets};
use crate::support::{Walked, Walker};

/// A device, the agent that plays it, and what its walks remember.
pub(super) struct Bench {
    pub(super) agent: Agent,
    pub(super) walker: Walker,
}

impl Bench {
    pub(super) fn new(script: Script) -> Self {
        let agent = Agent::start("127.0.0.1:0", script);
        let walker = Walker::new(
            agent.address,
            Duration::from_secs(1),
            Arc::new(Credentials::Community {
                v1: false,
                community: SecretSource::Inline("public".into()),
            }),
        );
        Self { agent, walker }
    }

    pub(super) fn v1(mut self) -> Self {
        self.walker.settings.credentials = Arc::new(Credentials::Community {
            v1: true,
            community: SecretSource::Inline("public".into()),
        });
        self
    }

    pub(super) fn walk(&self) -> Walked {
        self.walker.walk()
    }
}

pub(super) fn names(walk: &Walked) -> Vec<&str> {
    walk.interfaces.iter().map(|row| row.facts.name.as_str()).collect()
}

/// A fault and its name.
pub(super) type Case = (&'static str, fn(&mut Script));

/// Every cell of a device made by [`Script::device`], from its 64-bit columns.
#[track_caller]
pub(super) fn assert_whole(walk: &Walked, interfaces: u32) {
    assert_eq!((walk.outcome, &walk.detail), (Ok(()), &None));
    assert_eq!(walk.interfaces.len(), interfaces as usize);
    for (row, index) in walk.interfaces.iter().zip(1..) {
        assert_eq!(row.facts.name.as_str(), format!("eth{index}"));
        assert_eq!(
            (row.up, row.enabled, row.facts.speed),
            (Some(true), Some(true), Some(1_000_000_000))
        );
        let wide = |measure: Measure, column: u32| {
            assert_eq!(
                row.samples[measure as usize].wide,
                Some((1 << 33) + octets(column, index)),
                "{measure:?}"
            );
        };
        wide(Measure::ReceiveBytes, 6);
        wide(Measure::TransmitBytes, 10);
        wide(Measure::ReceivePackets, 7);
        wide(Measure::TransmitPackets, 11);
        let narrow = |measure: Measure, column: u32| {
            assert_eq!(
                row.samples[measure as usize].narrow,
                Some(octets(column, index) as u32),
                "{measure:?}"
            );
        };
        narrow(Measure::ReceiveErrors, 14);
        narrow(Measure::TransmitErrors, 20);
        narrow(Measure::ReceiveDiscards, 13);
        narrow(Measure::TransmitDiscards, 19);
    }
}
