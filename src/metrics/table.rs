//! The table: every family of `/metrics`, in the order of the exposition. A new metric of known state is one row in one
//! of the files named here.

use super::family::Family;
use super::{device, heartbeat, icmp, interface, internet, inventory, probe, process, self_metrics, snmp};

/// Families that share one limit on their series.
#[derive(Clone, Copy, Debug)]
pub struct Collector {
    /// Its rows, by file.
    pub rows: &'static [&'static [Family]],
    /// Whether a family is declared even while it has no series.
    pub declares_empty: bool,
}

impl Collector {
    /// Its families, in the order of the exposition.
    pub fn families(&self) -> impl Iterator<Item = &'static Family> + use<> {
        self.rows.iter().copied().flatten()
    }
}

/// Every collector, in the order of the exposition.
pub static COLLECTORS: [Collector; 4] = [
    Collector {
        rows: &[
            device::FAMILIES,
            icmp::FAMILIES,
            probe::FAMILIES,
            snmp::FAMILIES,
            interface::FAMILIES,
        ],
        declares_empty: true,
    },
    Collector {
        rows: &[internet::FAMILIES],
        declares_empty: true,
    },
    // Many users have no heartbeats: 13 declarations would only be in their way.
    Collector {
        rows: &[heartbeat::FAMILIES],
        declares_empty: false,
    },
    Collector {
        rows: &[self_metrics::FAMILIES, inventory::FAMILIES, process::FAMILIES],
        declares_empty: true,
    },
];
