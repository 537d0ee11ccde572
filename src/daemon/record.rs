//! The single writer of the state: applies observations, keeps time, answers who asks for a snapshot.
//!
//! Nobody else touches the state, so there is no lock between a probe and a scrape.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use tokio::time::{MissedTickBehavior, interval};

use super::ask::Ask;
use super::heartbeats::{self, Keeper};
use super::process;
use super::schedule::{Outbox, wall_clock};
use crate::http::{self, Gate};
use crate::model::{Event, Failure, Pretty, Row, Run, Status, Subject, SystemReading, Timestamp, Transition};
use crate::source::identify::{self, Registry, data_date};
use crate::state::{Health, News, PatchError, ReloadState, State, StoreHealth};
use crate::store::Store;

/// How often the state keeps time.
const SWEEP: Duration = Duration::from_secs(1);

/// What the daemon's parts tell about themselves, gathered for the snapshot.
pub struct Vitals {
    /// When the daemon started.
    pub started: Timestamp,
    /// How the last load of the configuration went.
    pub reload: Mutex<ReloadState>,
    /// The web configuration.
    pub web: Arc<http::Web>,
    /// Observations on their way.
    pub outbox: Arc<Outbox>,
    /// Series left out of scrapes so far.
    pub series_over_limit: Arc<std::sync::atomic::AtomicU64>,
    /// The sockets, in words.
    pub sockets: Arc<[String]>,
    /// The store.
    pub store: Store,
    /// To who listens to events.
    pub events: broadcast::Sender<Event>,
    /// Counts refused reports.
    pub gate: Arc<Gate>,
}

impl Vitals {
    fn health(&self) -> Health {
        let store = self.store.health();
        let mut reload = self.reload.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let of_web = self.web.problems();
        if !of_web.is_empty() {
            reload.successful = false;
            reload.problems = reload.problems.iter().cloned().chain(of_web).collect();
        }
        Health {
            started: self.started,
            reload,
            store: StoreHealth {
                writes: store.writes_total,
                failures: store.failures_total,
                size_bytes: store.size_bytes,
                error: store.last_error,
            },
            observations_dropped: self.outbox.dropped(),
            series_over_limit: self.series_over_limit.load(std::sync::atomic::Ordering::Relaxed),
            registry_date: registry_date(),
            process: process::figures(self.started),
            heartbeats_rejected: self.gate.rejected(),
            sockets: self.sockets.clone(),
        }
    }
}

/// When the built-in registry of hardware addresses was published; never, should that be unreadable.
fn registry_date() -> Timestamp {
    let day = data_date()
        .parse::<jiff::civil::Date>()
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC));
    day.map_or_else(
        |_| Timestamp::default(),
        |day| Timestamp::from_secs(day.timestamp().as_second().cast_unsigned()),
    )
}

/// Runs until it is asked to stop or everybody who could ask is gone.
pub async fn run(
    mut state: State,
    mut keeper: Keeper,
    vitals: Arc<Vitals>,
    mut batches: mpsc::Receiver<Vec<Run>>,
    mut asks: mpsc::Receiver<Ask>,
) {
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(batch) = batches.recv() => {
                for run in &batch {
                    if let Some(transition) = state.apply(run) {
                        announce(&mut state, &transition);
                    }
                    describe(&mut state, run);
                }
                publish(&mut state, &vitals);
                state.take_news().iter().for_each(tell);
            }
            _ = sweep.tick() => {
                let now = wall_clock();
                state.sweep(now).iter().for_each(|transition| announce(&mut state, transition));
                for change in keeper.sweep(&mut state.heartbeats, now) {
                    state.inventory.publish("heartbeat", now, &heartbeats::event(&change));
                }
                publish(&mut state, &vitals);
                save(&mut state, &vitals, now, false);
            }
            ask = asks.recv() => match ask {
                Some(Ask::Adopt(targets, internet, done)) => {
                    state.adopt(&targets, wall_clock()).iter().for_each(log);
                    state.adopt_internet(internet, wall_clock());
                    let _ = done.send(());
                }
                Some(ask @ (Ask::Configure(..) | Ask::Records(_) | Ask::Known(_) | Ask::Learn(..) | Ask::Patch(..))) => {
                    inventory(&mut state, ask);
                    publish(&mut state, &vitals);
                }
                Some(Ask::Link(link)) => {
                    state.link(&link, wall_clock()).iter().for_each(log);
                    state.take_news().iter().for_each(tell);
                }
                Some(Ask::AdoptHeartbeats(setup, done)) => {
                    keeper.adopt(&mut state.heartbeats, setup, done, wall_clock()).await;
                }
                Some(Ask::Heartbeat(ask)) => keeper.answer(&mut state.heartbeats, ask, wall_clock()),
                Some(Ask::Snapshot(answer)) => {
                    let now = wall_clock();
                    keeper.tick(&mut state.heartbeats, now);
                    let _ = answer.send(Arc::new(state.snapshot(now, vitals.health())));
                }
                Some(Ask::Stop(done)) => {
                    while let Ok(batch) = batches.try_recv() {
                        for run in &batch {
                            state.apply(run);
                        }
                    }
                    keeper.end(&mut state.heartbeats, wall_clock());
                    save(&mut state, &vitals, wall_clock(), true);
                    let _ = done.send(());
                    return;
                }
                None => return,
            },
        }
    }
}

/// What a walk says of its device is known of it in the inventory too.
fn describe(state: &mut State, run: &Run) {
    let (Subject::Device(device), Some(walk)) = (&run.subject, run.reading.walk()) else {
        return;
    };
    let Some(facts) = &walk.system else { return };
    let uptime = walk.uptime.map(|ticks| Duration::from_millis(u64::from(ticks) * 10));
    let reading = SystemReading {
        facts: (**facts).clone(),
        uptime,
        at: run.at,
    };
    let told = || identify::facts(&Registry::built_in(), None, None, &[], Some(facts), run.at);
    state.inventory.describe(device, reading, told);
}

/// What is asked about the inventory.
fn inventory(state: &mut State, ask: Ask) {
    let now = wall_clock();
    let records = |state: &State| state.inventory.devices().cloned().collect();
    match ask {
        Ask::Configure(targets, rules, answer) => {
            state.inventory.set_rules(rules);
            state.inventory.configure(&targets, now);
            let _ = answer.send(records(state));
        }
        Ask::Records(answer) => drop(answer.send(records(state))),
        Ask::Known(answer) => drop(answer.send(state.inventory.known_addresses())),
        Ask::Learn(evidence, done) => {
            state.learn(&evidence, now);
            let _ = done.send(());
        }
        Ask::Patch(id, patch, by, answer) => {
            let outcome = state.inventory.patch(id, &patch, &by, now);
            let changed = outcome.and_then(|()| state.inventory.get(id).ok_or(PatchError::Unknown(id)));
            let _ = answer.send(changed);
        }
        Ask::Adopt(..)
        | Ask::AdoptHeartbeats(..)
        | Ask::Heartbeat(_)
        | Ask::Link(_)
        | Ask::Snapshot(_)
        | Ask::Stop(_) => {}
    }
}

/// A transition is logged, and told to who listens.
fn announce(state: &mut State, transition: &Transition) {
    log(transition);
    let kind = match transition.to {
        Status::Down => "device_down",
        Status::Up if transition.from == Status::Down => "device_up",
        Status::Degraded => "latency",
        _ => return,
    };
    let detail = serde_json::json!({
        "device": transition.device.as_str(),
        "from": transition.from.as_str(),
        "to": transition.to.as_str(),
        "reason": transition.reason.map(Failure::as_str),
    });
    state.inventory.publish(kind, transition.at, &detail);
}

/// Hands what happened to the store and to who listens.
fn publish(state: &mut State, vitals: &Vitals) {
    let rows = state.inventory.take_rows();
    if rows.is_empty() {
        return;
    }
    for row in &rows {
        if let Row::Event(event) = row {
            // Nobody listening is no failure.
            let _ = vitals.events.send(event.clone());
        }
    }
    vitals.store.keep(rows);
}

fn save(state: &mut State, vitals: &Vitals, now: Timestamp, all: bool) {
    let mut rows: Vec<Row> = state.dirty(now, all).into_iter().map(Row::Device).collect();
    rows.extend(state.dirty_walks(now, all).into_iter().map(Row::Walk));
    rows.extend(state.dirty_outages().into_iter().map(Row::Outage));
    if !rows.is_empty() {
        vitals.store.keep(rows);
    }
}

/// One line for each change, none for what stays as it is.
fn tell(news: &News) {
    match news {
        News::Check {
            subject,
            probe,
            outcome,
            detail,
        } => {
            let (device, probe) = (subject.label(), &**probe);
            let text = detail.as_deref().unwrap_or_default();
            match outcome {
                // An outage has a line of its own.
                Ok(()) if !subject.is_device() => tracing::debug!(device, probe, "check succeeds again"),
                Ok(()) => tracing::info!(device, probe, "check succeeds again"),
                Err(failure) if !subject.is_device() => {
                    tracing::debug!(device, probe, reason = failure.as_str(), "check fails: {text}");
                }
                Err(failure) => tracing::warn!(device, probe, reason = failure.as_str(), "check fails: {text}"),
            }
        }
        News::Internet(change) => {
            let after = Pretty(Duration::from_secs(change.after.as_secs()));
            let fault = change.fault.as_str();
            match (change.up, change.first) {
                (true, true) => tracing::debug!("the internet is up"),
                (true, false) => tracing::info!(%after, fault, "the internet is back"),
                (false, true) => tracing::info!(fault, "the internet is down"),
                (false, false) => tracing::warn!(%after, fault, "the internet is down"),
            }
        }
        News::Link(true) => tracing::info!("this host's own link is back"),
        News::Link(false) => {
            tracing::warn!("this host's own link is down: nothing can be told of devices until it is back");
        }
    }
}

/// One line for what a person must know: what went down, came back or can no longer be measured. The rest is detail.
fn log(transition: &Transition) {
    let device = transition.device.as_str();
    let (from, to) = (transition.from.as_str(), transition.to.as_str());
    let after = Pretty(Duration::from_secs(transition.after.as_secs()));
    let reason = transition.reason.map_or("no readings", Failure::as_str);
    match (transition.from, transition.to) {
        (_, Status::Down) => tracing::warn!(device, from, %after, reason, "device is down"),
        (Status::Down, Status::Up | Status::Degraded) => tracing::info!(device, %after, to, "device is back"),
        (Status::Unknown, _) => tracing::debug!(device, to, "device is measured"),
        (_, Status::Unknown) => tracing::warn!(device, from, reason, "device can no longer be measured"),
        _ => tracing::debug!(device, from, to, %after, "device changed"),
    }
}
