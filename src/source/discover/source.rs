//! What a discovery method is to the scan: a row of `registry`.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::networks::{LocalInterface, ScanNetwork};
use super::progress::Progress;
use super::report::Report;
use super::settings::Settings;
use crate::model::{Method, Outcome, Sweep};

/// How much time a sweep makes up for when it could not send: its loop wakes up no more often.
pub(super) const BURST: Duration = Duration::from_millis(5);

/// A discovery method.
pub(super) struct Source {
    /// Its name in the configuration and in labels.
    pub method: Method,
    /// When it runs, and the function that does it.
    pub run: Run,
}

/// When a method runs. Within one of these, methods run in the order of the registry.
pub(super) enum Run {
    /// For each network. Interfaces are scanned side by side and the networks of one interface in turn, because a rate
    /// counts for the interface.
    Network(fn(&Context<'_>, &mut Remaining<'_>) -> Report),
    /// Once, while networks are scanned.
    Meanwhile(fn(&Context<'_>) -> Report),
    /// Once, after all networks.
    After(fn(&Context<'_>) -> Report),
}

/// What every method gets.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// The `discovery` section.
    pub settings: &'a Settings,
    /// This host's interfaces in the networks that are scanned, each once.
    pub interfaces: &'a [&'a LocalInterface],
    /// When the scan must end.
    pub deadline: Instant,
    /// Counts addresses, and says whether the scan is to stop.
    pub progress: &'a Progress,
}

impl Context<'_> {
    /// Whether a method is in use.
    pub fn uses(&self, method: Method) -> bool {
        self.settings.methods.contains(&method)
    }

    /// The names of the interfaces, separated by commas: the `network` of a sweep that is not about one network.
    pub fn interface_names(&self) -> String {
        let mut names: Vec<&str> = self.interfaces.iter().map(|at| at.name.as_str()).collect();
        names.sort_unstable();
        names.join(",")
    }

    /// The sweep of a method that asks all interfaces at once.
    pub fn sweep(&self, method: Method, answered: usize, took: Duration, error: Option<String>) -> Sweep {
        Sweep {
            network: self.interface_names().into(),
            method,
            outcome: if error.is_none() {
                Outcome::Complete
            } else {
                Outcome::Failed
            },
            asked: 1,
            answered: answered as u32,
            left: 0,
            took,
            why: error.map(Into::into),
        }
    }
}

/// The addresses of a network that are still to be asked.
pub(super) struct Remaining<'a> {
    /// The network.
    pub network: &'a ScanNetwork,
    /// Known devices first.
    pub addresses: Vec<Ipv4Addr>,
    /// How many of `addresses` are known devices.
    pub known: usize,
    /// A method has asked every address already; asking again is a second look, not a sweep.
    pub swept: bool,
}
