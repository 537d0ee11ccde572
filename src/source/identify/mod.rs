//! What a device is: facts from its hardware address, DNS, multicast DNS and SNMP.
//!
//! One file for each source of facts: `oui` (vendors), `names` (reverse DNS), `announced` (multicast DNS), `system` and
//! `described` (the system group of SNMP); and `class`, which concludes from the others. Each `Fact` has its origin and how
//! sure it is. Everything from the network is hostile: it is bounded in length and number, and `LabelValue` makes it safe.

mod announced;
mod class;
mod described;
mod facts;
mod names;
mod oui;
mod settings;
mod system;

pub use facts::facts;
pub use names::Names;
pub use oui::{Registry, RegistryError, data_date, pack};
pub use settings::{Settings, SnmpAccess};
pub use system::Systems;
