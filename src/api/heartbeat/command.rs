//! Commands about heartbeats: sent to the daemon, and answered once they are on disk.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::api::app::App;
use crate::api::commands::{HeartbeatCommand, Outcome};
use crate::serve::Error;

/// How long a command may wait for the disk. After that, the client should try again.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// When a client should try again.
const RETRY: Duration = Duration::from_secs(2);

/// Sends a command and waits until it is on disk.
///
/// # Errors
/// 503 if it could not be stored in time.
pub async fn carry_out(
    app: &App,
    command: impl FnOnce(oneshot::Sender<Outcome>) -> HeartbeatCommand,
) -> Result<Outcome, Error> {
    let (done, outcome) = oneshot::channel();
    let command = command(done);
    let stored = async {
        (app.heartbeats.commands)(command).await;
        outcome.await.ok()
    };
    let outcome = timeout(STORE_TIMEOUT, stored).await.ok().flatten();
    outcome.ok_or_else(|| unavailable("it could not be stored; try again"))
}

/// 503, with the time after which the client should try again.
pub fn unavailable(message: &str) -> Error {
    Error::unavailable(message).retry_after(RETRY)
}

/// 404 for an unknown heartbeat and for a wrong token alike, so that the answer does not tell which names there are.
pub fn no_heartbeat() -> Error {
    Error::missing("there is no such heartbeat, or the token is not its token")
}
