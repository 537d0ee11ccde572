//! Fuzzing on stable Rust: mutated inputs for whatever reads text from outside; nothing may panic, hang or fall over.
//!
//! Each target takes `FUZZ_SECONDS` (2 in the tests, 300 with `make fuzz`). Where one fails, its input is left in the
//! system's temporary directory and named; `FUZZ_SEED` repeats a run. A new target is a corpus and a function here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod engine;
mod packets;
mod snmp;
mod texts;
