//! Drives the real binary from outside: configuration in, HTTP requests and signals, `/metrics` out. A file per topic.
//!
//! Each test makes its own network namespace (`support::Lan`, `support::loopback`) in its own thread, so all of them may
//! run at the same time. What measures times or losses is in `tests/timing`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "a test that cannot go on fails, and some print what they measured"
)]

#[path = "../support/mod.rs"]
mod support;

mod alert;
mod checks;
mod crowd;
mod dashboards;
mod discovery;
mod dns;
mod faults;
mod harness;
mod heartbeat;
mod hostile;
mod internet;
mod mdns;
mod metrics;
mod notify;
mod openapi;
mod presence;
mod probe;
mod receivers;
mod recordings;
mod reload;
mod restart;
mod scan;
mod snmp;
mod start;
mod web;
