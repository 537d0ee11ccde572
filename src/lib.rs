//! lanpulse: a Prometheus-native network monitor.
//!
//! The rooms and the floors they stand on are drawn in `docs/ARCHITECTURE.md`; imports go downstairs only
//! (`tests/house/floors.rs` sees to it).
//!
//! No room but `net` and `daemon` reads a clock: a function that needs the time takes it as a parameter, so that tests need
//! not wait (`.config/clippy.toml` has the list).
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

pub mod api;
pub mod cli;
pub mod config;
#[allow(clippy::disallowed_methods, reason = "it tells the other rooms the time")]
pub mod daemon;
pub mod metrics;
pub mod model;
#[allow(clippy::disallowed_methods, reason = "it has the clocks")]
pub mod net;
pub mod pace;
pub mod secret;
pub mod serve;
pub mod source;
pub mod state;
#[allow(
    clippy::disallowed_methods,
    reason = "retries and deadlines of the writer count real time"
)]
pub mod store;
pub mod targets;
pub mod wire;
pub mod yaml;
