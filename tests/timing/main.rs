//! Tests that compare times or count losses. Other tests running at the same time would falsify their results, so this
//! binary has the machine to itself: `.config/nextest.toml` says so to cargo-nextest, and `cargo test` runs binaries one
//! after another.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod icmp;
