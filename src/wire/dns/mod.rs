//! DNS messages and names, for the DNS probe and for multicast DNS (`mdns`).

mod message;
mod name;

pub use message::{Answer, RCODES, Record, answer, query, rcode_name};
pub(super) use message::{question, row};
pub use name::Name;
