//! What Prometheus sees: names, help, types and labels, rendered from a snapshot of the state.
//!
//! Owns: the table of families (`table.rs`, a file of rows for each subject), which of them an exposition has room for
//! (`plan.rs`), the text formats (`encode.rs`, `classic.rs`) and what `/probe` exposes (`blackbox.rs`).
//! Gets a `Snapshot`; gives samples to a [`Sink`]: a counter, a text encoder, or an encoder of another room.
//! Remembers nothing: what stops being true stops being exposed.

mod blackbox;
mod classic;
mod device;
mod emit;
mod encode;
mod family;
mod format;
mod heartbeat;
mod icmp;
mod interface;
mod internet;
mod inventory;
mod plan;
mod probe;
mod process;
mod scope;
mod self_metrics;
mod series;
mod sink;
mod snmp;
mod table;
mod value;

pub use blackbox::blackbox;
pub use encode::render;
pub use family::{Family, MetricKind, Priority};
pub use format::{Encoding, Format};
pub use plan::{Plan, Settings};
pub use scope::Scope;
pub use sink::{EachLabel, Label, Labels, Sink};
pub use value::Value;

#[cfg(test)]
mod tests;
