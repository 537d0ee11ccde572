//! The configuration as a user meets it: files in, a `Config` or the exact list of problems out.
//!
//! Each `tests/bad_configs/NAME.yaml` stands beside a `NAME.expected` with the text that `check-config` prints. After a
//! wanted change, `LANPULSE_BLESS=1 cargo test --test config` writes these files again; read the difference.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy.toml allows it in tests, but not in what they share"
)]

mod files;
mod mutations;
mod texts;
mod tools;
mod values;
