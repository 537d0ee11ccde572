//! lanpulse: a Prometheus-native network monitor.
//!
//! The rooms and the floors they stand on are drawn in `docs/ARCHITECTURE.md`; imports go downstairs only
//! (`tests/house/floors.rs` sees to it).

pub mod api;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod metrics;
pub mod model;
pub mod net;
pub mod pace;
pub mod secret;
pub mod serve;
pub mod source;
pub mod state;
pub mod store;
pub mod targets;
pub mod wire;
pub mod yaml;
