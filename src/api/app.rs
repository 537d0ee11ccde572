//! The application state: what all handlers share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};

use super::commands::{Audits, DiscoveryCommand, HeartbeatCommands, Probes, Reload, SignalHistory, Snapshots};
use super::heartbeat::auth::ReportAuth;
use super::rendering::Renderings;
use crate::metrics;
use crate::model::EventRecord;
use crate::serve::Error;
use crate::state::Snapshot;

/// Shown while there is no state to answer from.
pub const STATELESS: &str = "lanpulse is starting or stopping; try again in a moment";

/// What all handlers share.
pub struct App {
    /// Asks for a snapshot of the state.
    pub snapshots: Snapshots,
    /// Runs probes.
    pub probes: Probes,
    /// Asks for a reload.
    pub reloads: mpsc::Sender<Reload>,
    /// What to expose.
    pub series: watch::Receiver<Arc<metrics::Settings>>,
    /// Whether the state is loaded and jobs run.
    pub ready: watch::Receiver<bool>,
    /// How many series did not fit into a scrape, so far.
    pub series_over_limit: Arc<AtomicU64>,
    /// Expositions that are rendered now, or next.
    pub renderings: Renderings,
    /// Sends commands to discovery.
    pub discovery: mpsc::Sender<DiscoveryCommand>,
    /// What happens, for the clients of `/api/v1/events`.
    pub events: broadcast::Sender<EventRecord>,
    /// Places for clients of `/api/v1/events`.
    pub listeners: Arc<Semaphore>,
    /// Reads the audit.
    pub audits: Audits,
    /// Heartbeats.
    pub heartbeats: HeartbeatApp,
}

/// What the routes of heartbeats need.
pub struct HeartbeatApp {
    /// Says who may report.
    pub auth: Arc<ReportAuth>,
    /// Sends commands.
    pub commands: HeartbeatCommands,
    /// Reads the latest reports of a heartbeat.
    pub history: SignalHistory,
}

impl App {
    /// A snapshot of the state as it is now.
    ///
    /// # Errors
    /// 503 while the daemon starts or stops.
    pub async fn snapshot(&self) -> Result<Arc<Snapshot>, Error> {
        let (answer, snapshot) = oneshot::channel();
        (self.snapshots)(answer).await;
        snapshot.await.map_err(|_| Error::unavailable(STATELESS))
    }

    /// Whether the state is loaded and jobs run.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }
}
