//! What the recorder is asked by the daemon's other parts.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::api::HeartbeatCommand;
use crate::model::{Enrolment, Heartbeat, Link, Patch, Record, Target};
use crate::state::{Evidence, InternetSettings, PatchError, Rules, Snapshot};

/// What the recorder is asked.
pub enum Ask {
    /// Watch these targets from now on; answered when the state does.
    Adopt(Vec<Arc<Target>>, Option<Arc<InternetSettings>>, oneshot::Sender<()>),
    /// This is what has become of this host's way out.
    Link(Link),
    /// The configured targets and how presence is judged; answered with the inventory's devices.
    Configure(Vec<Arc<Target>>, Rules, oneshot::Sender<Vec<Arc<Record>>>),
    /// The inventory's devices.
    Records(oneshot::Sender<Vec<Arc<Record>>>),
    /// The addresses to be asked first.
    Known(oneshot::Sender<Vec<IpAddr>>),
    /// A scan is over.
    Learn(Box<Evidence>, oneshot::Sender<()>),
    /// A person's change of a device, and from where; answered with the device as it then is.
    Patch(u64, Box<Patch>, String, Patched),
    /// Expect these heartbeats from now on; answered when reports for them are taken.
    AdoptHeartbeats(HeartbeatSetup, oneshot::Sender<()>),
    /// Something about a heartbeat.
    Heartbeat(HeartbeatCommand),
    /// What is true now.
    Snapshot(oneshot::Sender<Arc<Snapshot>>),
    /// Save what must be saved and end.
    Stop(oneshot::Sender<()>),
}

/// Tells what came of a person's change.
pub type Patched = oneshot::Sender<Result<Arc<Record>, PatchError>>;

/// What the configuration says of heartbeats.
#[derive(Clone, Debug, Default)]
pub struct HeartbeatSetup {
    /// The configured ones.
    pub heartbeats: Vec<Arc<Heartbeat>>,
    /// Whether clients may provision more.
    pub enrolment: Option<Enrolment>,
}
