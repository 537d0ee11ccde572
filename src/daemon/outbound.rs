//! lanpulse's own heartbeat: reports to an outside service, so that somebody notices when lanpulse itself is gone.
//!
//! Only while it works: the state answers, the store can be written, and probes run. Silence is the alarm; there is
//! nothing else to send.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::ask::Ask;
use crate::config::Outbound;
use crate::model::SecretSource;
use crate::net::{Call, call};
use crate::secret;
use crate::state::Snapshot;

/// How long the state may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the service may take.
const SERVICE: Duration = Duration::from_secs(10);
/// Probes may be late by this much beside their interval and time-out.
const LATE: Duration = Duration::from_secs(30);

/// Reports as the configuration says, and follows it. Ends with the daemon.
pub async fn run(mut settings: watch::Receiver<Option<Outbound>>, asks: mpsc::Sender<Ask>) {
    let mut said = None;
    loop {
        let Some(outbound) = settings.borrow_and_update().clone() else {
            if settings.changed().await.is_err() {
                return;
            }
            continue;
        };
        let mut every = interval_at(Instant::now(), outbound.every);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                changed = settings.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                _ = every.tick() => {
                    let outcome = once(&outbound, &asks).await;
                    // One line for each change, not one a minute.
                    if said.as_ref() != Some(&outcome) {
                        match &outcome {
                            Ok(()) => tracing::info!("the outbound heartbeat is sent"),
                            Err(problem) => tracing::warn!("the outbound heartbeat is not sent: {problem}"),
                        }
                        said = Some(outcome);
                    }
                }
            }
        }
    }
}

async fn once(outbound: &Outbound, asks: &mpsc::Sender<Ask>) -> Result<(), String> {
    let (answer, snapshot) = oneshot::channel();
    let asking = async {
        asks.send(Ask::Snapshot(answer)).await.ok()?;
        snapshot.await.ok()
    };
    let snapshot = timeout(PATIENCE, asking).await.ok().flatten();
    healthy(&snapshot.ok_or("the state does not answer")?)?;
    let source = SecretSource::File(outbound.url_file.clone());
    let url = secret::read_text_async(&source).await;
    let url = url.map_err(|error| format!("cannot read {error}"))?;
    let request = Call::new(Method::GET, url.expose_text().trim(), SERVICE);
    match call(&request).await {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
        Ok(answer) => Err(format!("the service answers with status {}", answer.status)),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether what must work does.
fn healthy(snapshot: &Arc<Snapshot>) -> Result<(), String> {
    if let Some(error) = &snapshot.health.store.error {
        return Err(format!("the store fails: {error}"));
    }
    let probes = || snapshot.devices.iter().flat_map(|device| &device.target.probes);
    let Some(shortest) = probes().map(|probe| probe.interval + probe.timeout).min() else {
        return Ok(());
    };
    let pings = snapshot.devices.iter().filter_map(|device| device.icmp.as_ref());
    let latest = pings.filter_map(|icmp| icmp.last_run).max();
    let since = latest.unwrap_or(snapshot.health.started).max(snapshot.health.started);
    let silence = snapshot.at.since(since);
    if silence > shortest * 3 + LATE {
        return Err(format!("no probe has run for {} s", silence.as_secs()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn what_fails_is_not_healthy() {
        let mut snapshot = Snapshot {
            at: Timestamp::from_secs(1_795_132_800),
            ..Snapshot::default()
        };
        assert_eq!(healthy(&Arc::new(snapshot.clone())), Ok(()));
        snapshot.health.store.error = Some("disk full".into());
        assert!(healthy(&Arc::new(snapshot)).unwrap_err().contains("disk full"));
    }
}
