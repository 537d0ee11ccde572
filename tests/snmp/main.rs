//! SNMP walks of the library against scripted agents: version 2c in `walks`, version 3 in `v3`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod v3;
mod walks;
