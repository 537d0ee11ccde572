//! Bytes to nouns and back: what is read from the network, and what is written to it.
//!
//! Every function here is pure: no socket, no clock, no file. Bytes from outside are hostile, so each read is checked,
//! nothing is allocated beyond what the bytes themselves hold, and `tests/fuzz.rs` has a target for every reader.

pub mod arp;
pub mod certificate;
mod der;
pub mod dns;
pub mod icmp;
pub mod mdns;
pub mod route;
pub mod snmp;
