//! The `discovery` section, and what it says to scan now.

use std::time::Duration;

use super::networks::{EXCLUDED, ScanNetwork, interfaces_in_use, own_networks, scan_networks};
use crate::model::{Method, Network};
use crate::net::interfaces;

/// How to discover.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The time from the start of one scan to the start of the next.
    pub interval: Duration,
    /// The methods in use.
    pub methods: Vec<Method>,
    /// The networks to scan; `None` means the host's own.
    pub networks: Option<Vec<Network>>,
    /// Interfaces that are left alone: names, or patterns with `*`.
    pub exclude: Vec<String>,
    /// ARP requests a second on each interface.
    pub arp_rate: u32,
    /// Echo requests a second on each interface.
    pub icmp_rate: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(600),
            methods: Method::ALL.to_vec(),
            networks: None,
            exclude: EXCLUDED.map(str::to_owned).to_vec(),
            arp_rate: 1000,
            icmp_rate: 1000,
        }
    }
}

impl Settings {
    /// Whether discovery is off.
    pub fn is_off(&self) -> bool {
        self.methods.is_empty() || self.networks.as_ref().is_some_and(Vec::is_empty)
    }

    /// The networks to scan now, and for each network that is left out a line that says why.
    pub fn networks_now(&self) -> (Vec<ScanNetwork>, Vec<String>) {
        let all = interfaces();
        let usable = interfaces_in_use(&all, &self.exclude);
        match &self.networks {
            None => own_networks(&usable),
            Some(networks) => {
                let parts = networks.iter().flat_map(|network| scan_networks(*network, &usable));
                (parts.collect(), Vec::new())
            }
        }
    }
}
