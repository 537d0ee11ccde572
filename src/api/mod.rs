//! The HTTP API: pages, JSON, `/metrics`, `/probe`, heartbeat reports, live events and the OpenAPI document.
//!
//! `routes` is the table of it all: a route is one row there and its handler. Handlers get the application state
//! (`App`) and the request. They read snapshots of the state, and change nothing themselves: they send `commands` to the
//! daemon.

mod admin;
mod app;
mod audit;
mod commands;
mod device;
mod events;
mod heartbeat;
mod landing;
mod openapi;
mod outages;
mod overview;
mod probe;
mod query;
mod reason;
mod rendering;
mod routes;
mod scans;
mod schemas;
mod scrape;
mod scrape_timeout;
mod sd;
mod status;
mod targets;
mod time;

pub use app::{App, HeartbeatApp};
pub use commands::{
    AuditQuery, Audits, DiscoveryCommand, HeartbeatCommand, HeartbeatCommands, Outcome, ProbeAnswer, ProbeRefusal,
    ProbeRequest, Probes, Probing, Reload, ScanRefusal, ScanRequest, Sent, SignalHistory, Snapshots,
};
pub use heartbeat::auth::{ReportAuth, ReportTokens};
pub use rendering::Renderings;
pub use routes::ROUTES;
