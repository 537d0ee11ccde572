//! What the recorder is asked by the daemon's other parts.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::api::HeartbeatCommand;
use crate::model::{Enrolment, Heartbeat, Record};
use crate::state::{Answer, Command, Input, Snapshot};

/// What the recorder is asked.
pub enum Ask {
    /// A command to the state.
    Command(Command, oneshot::Sender<Answer>),
    /// What was seen; answered when the state has it.
    Input(Input, oneshot::Sender<()>),
    /// The inventory's devices.
    Records(oneshot::Sender<Vec<Arc<Record>>>),
    /// The addresses to be asked first.
    Known(oneshot::Sender<Vec<IpAddr>>),
    /// Expect these heartbeats from now on; answered when reports for them are taken.
    AdoptHeartbeats(HeartbeatSetup, oneshot::Sender<()>),
    /// Something about a heartbeat.
    Heartbeat(HeartbeatCommand),
    /// What is true now.
    Snapshot(oneshot::Sender<Arc<Snapshot>>),
    /// Save what must be saved and end.
    Stop(oneshot::Sender<()>),
}

/// Asks for a command and gives the state's answer; nothing where the daemon ends.
pub async fn command(asks: &mpsc::Sender<Ask>, command: Command) -> Option<Answer> {
    let (answer, answered) = oneshot::channel();
    asks.send(Ask::Command(command, answer)).await.ok()?;
    answered.await.ok()
}

/// Hands over what was seen and waits until the state has it. False where the daemon ends.
pub async fn input(asks: &mpsc::Sender<Ask>, input: Input) -> bool {
    let (done, taken) = oneshot::channel();
    asks.send(Ask::Input(input, done)).await.is_ok() && taken.await.is_ok()
}

/// What the configuration says of heartbeats.
#[derive(Clone, Debug, Default)]
pub struct HeartbeatSetup {
    /// The configured ones.
    pub heartbeats: Vec<Arc<Heartbeat>>,
    /// Whether clients may provision more.
    pub enrolment: Option<Enrolment>,
}
