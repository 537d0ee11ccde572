//! The end of the daemon: which signal asks for it, and what ends in which order.
//!
//! No new jobs, then what is on its way is taken in, then the store is flushed and closed; with a deadline.

use std::io;
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::ask::Ask;
use crate::api::Reload;
use crate::store::Store;

/// How long the end may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// The signals the daemon obeys.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on none of them ends the process by itself.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits until one asks for the end. Has the configuration read again at each SIGHUP.
    pub async fn end(mut self, reloads: &mpsc::Sender<Reload>) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {
                    let (answer, _outcome) = oneshot::channel();
                    let _ = reloads.send(answer).await;
                }
            }
        }
    }
}

/// What runs, and has to end.
pub struct Running {
    /// Watches the way out.
    pub uplink: JoinHandle<()>,
    /// The outbound heartbeat.
    pub reporting: JoinHandle<()>,
    /// Reads the configuration again.
    pub reloading: JoinHandle<()>,
    /// Scans.
    pub discovering: JoinHandle<()>,
    /// The thread of echo requests.
    pub probing: thread::JoinHandle<()>,
    /// HTTP.
    pub server: JoinHandle<()>,
    /// The writer of the state.
    pub recorder: JoinHandle<()>,
}

impl Running {
    /// Ends it all in its order.
    pub async fn end(self, asks: &mpsc::Sender<Ask>, store: &Store) {
        // The scheduler ends when nobody can send it changes any more.
        self.uplink.abort();
        let _ = self.uplink.await;
        self.reporting.abort();
        self.reloading.abort();
        self.discovering.abort();
        let _ = self.reloading.await;
        let probing = self.probing;
        let farewell = async {
            let _ = tokio::task::spawn_blocking(move || probing.join()).await;
            let (done, saved) = oneshot::channel();
            let _ = asks.send(Ask::Stop(done)).await;
            let _ = saved.await;
            let _ = self.server.await;
            let _ = self.recorder.await;
        };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!("stopped before everything had ended by itself");
        }
        if !tokio::task::block_in_place(|| store.close(FAREWELL)) {
            tracing::warn!("the store could not save everything before the end");
        }
    }
}
