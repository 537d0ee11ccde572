//! What is known of every device: the one place where runs, scans and reports become status, counters and statistics.
//!
//! Pure: no clock, no I/O; the time is a parameter. The state as a whole is in `doors`.

mod carriers;
mod device;
mod doors;
mod heartbeat;
mod heartbeats;
mod histogram;
mod hysteresis;
mod icmp;
mod interface;
mod internet;
mod inventory;
mod probe;
mod scan_state;
mod schedule;
mod snapshot;
mod snmp;
#[cfg(test)]
mod tests;
mod window;

pub use carriers::{Answer, Command, Input, Output};
pub use doors::State;
pub use heartbeat::{Due, HeartbeatView};
pub use heartbeats::Heartbeats;
pub use histogram::{Buckets, Histogram, LAG_BOUNDS, RTT_BOUNDS};
pub use interface::InterfaceView;
pub use internet::{InternetSettings, InternetView};
pub use inventory::{Evidence, Finding, Inventory, InventoryView, MOST_DEVICES, PatchError, Rules, SweepView};
pub use probe::ProbeView;
pub use scan_state::scan_state;
pub use schedule::upcoming;
pub use snapshot::{DeviceView, Health, IcmpView, Process, ReloadState, Snapshot, StoreHealth};
pub use snmp::SnmpView;
pub use window::WindowStats;
