//! What came of a scan, or of one method.

use std::time::Duration;

use crate::model::{Announcement, Method, Outcome, Sighting, Sweep};

/// What came of a scan.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The addresses that were seen.
    pub sightings: Vec<Sighting>,
    /// The services that were announced.
    pub announcements: Vec<Announcement>,
    /// One for each network and method.
    pub sweeps: Vec<Sweep>,
    /// What could not be done, and what was done instead.
    pub notes: Vec<String>,
}

impl Report {
    /// Adds another report; a note that is there already is not repeated.
    pub(super) fn add(&mut self, other: Self) {
        self.sightings.extend(other.sightings);
        self.announcements.extend(other.announcements);
        self.sweeps.extend(other.sweeps);
        for note in other.notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }
}

/// What came of asking a list of addresses.
#[derive(Debug)]
pub(super) struct Replies {
    /// The addresses that replied.
    pub sightings: Vec<Sighting>,
    /// Whether every address was asked and had time to reply.
    pub outcome: Outcome,
    /// How many addresses replied.
    pub answered: u32,
    /// How many addresses were not asked.
    pub left: u32,
    /// Why the outcome is not complete.
    pub why: Option<String>,
}

impl Replies {
    /// The sweep of a network in which so many addresses were to be asked.
    pub fn sweep(&self, network: &str, method: Method, asked: usize, took: Duration) -> Sweep {
        Sweep {
            network: network.into(),
            method,
            outcome: self.outcome,
            asked: asked as u32,
            answered: self.answered,
            left: self.left,
            took,
            why: self.why.as_deref().map(Into::into),
        }
    }

    /// Nothing could be asked.
    pub fn failed(addresses: usize, why: String) -> Self {
        Self {
            sightings: Vec::new(),
            outcome: Outcome::Failed,
            answered: 0,
            left: addresses as u32,
            why: Some(why),
        }
    }
}
