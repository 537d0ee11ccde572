//! Probes: one file a kind, each with its `run` and its pure `judge`. What a probe asks is data: `model::Probe`.
//!
//! Gets sockets from `net`; gives a `Reading`. When and how often is the scheduler's business.

mod attempt;
mod dns;
mod http;
pub mod icmp;
mod names;
mod request;
mod run;
pub mod snmp;
mod tcp;
mod tls;

#[doc(hidden)]
pub use dns::read_any as read_any_answer;
pub use dns::{is_name, rcode};
pub use names::Names;
pub use request::{pretend_host, target_of};
pub use run::{crowded_out, run};
