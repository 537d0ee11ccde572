//! Heartbeats: reports come in by name or by healthchecks' URLs, states go out, pauses are set.

pub(super) mod auth;
mod body;
mod command;
mod handlers;
mod ping;
mod report;
mod view;

pub use handlers::{change, delete, list, show};
pub use report::{by_name, by_ping};
pub use view::{down, down_reason, summary};
