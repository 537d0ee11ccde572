//! Finds the hosts of a network: one file for each method, and the scan that runs them together.
//!
//! A scan yields `Sighting`s and, for each network and method, a `Sweep` that says whether silence means anything. Which
//! sightings are one device, and what is watched, is decided elsewhere. Everything here blocks: a scan has threads of its
//! own.
//!
//! To add a method: one file here with its `Source`, one line in `registry`, and one variant of `model::Method`.

mod arp;
mod icmp;
mod ipv6;
mod mdns;
mod neighbours;
mod networks;
mod progress;
mod registry;
mod report;
mod resolve;
mod scan;
mod settings;
mod source;

pub use networks::{
    EXCLUDED, LARGEST, LocalInterface, ScanNetwork, interfaces_in_use, matches, own_networks, scan_networks,
};
pub use progress::Progress;
pub use report::Report;
pub use scan::scan;
pub use settings::Settings;
