//! The single writer of the state: applies observations, keeps time, answers who asks for a snapshot.
//!
//! Nobody else touches the state, so there is no lock between a probe and a scrape.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use tokio::time::{MissedTickBehavior, interval};

use super::ask::Ask;
use super::event_log;
use super::heartbeats::Keeper;
use super::outbox::Outbox;
use super::process;
use crate::api::ReportAuth;
use crate::model::{Event, EventRecord, Run, Subject, SystemReading, Timestamp};
use crate::net::wall_clock;
use crate::serve;
use crate::source::identify::{self, Registry, data_date};
use crate::state::{Health, Input, ReloadState, State, StoreHealth};
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
    pub web: Arc<serve::Web>,
    /// Observations on their way.
    pub outbox: Arc<Outbox>,
    /// Series left out of scrapes so far.
    pub series_over_limit: Arc<std::sync::atomic::AtomicU64>,
    /// The sockets, in words.
    pub sockets: Arc<[String]>,
    /// The store.
    pub store: Store,
    /// To who listens to events.
    pub events: broadcast::Sender<EventRecord>,
    /// Counts refused reports.
    pub auth: Arc<ReportAuth>,
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
            heartbeats_rejected: self.auth.rejected(),
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

/// Runs until it is asked to stop or everybody who could ask is gone: takes what comes in, then hands on what happened.
pub async fn run(
    mut state: State,
    mut keeper: Keeper,
    vitals: Arc<Vitals>,
    mut batches: mpsc::Receiver<Vec<Run>>,
    mut asks: mpsc::Receiver<Ask>,
) {
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running = true;
    while running {
        tokio::select! {
            Some(batch) = batches.recv() => take(&mut state, batch),
            _ = sweep.tick() => {
                let now = wall_clock();
                state.tick(now);
                for change in keeper.sweep(&mut state.heartbeats, now) {
                    state.tell(Event::Heartbeat(change), now);
                }
            }
            ask = asks.recv() => match ask {
                Some(Ask::Stop(done)) => {
                    while let Ok(batch) = batches.try_recv() {
                        take(&mut state, batch);
                    }
                    let now = wall_clock();
                    keeper.end(&mut state.heartbeats, now);
                    state.finish(now);
                    hand_on(&mut state, &vitals);
                    let _ = done.send(());
                    running = false;
                }
                Some(ask) => answer(&mut state, &mut keeper, &vitals, ask).await,
                None => running = false,
            },
        }
        hand_on(&mut state, &vitals);
    }
}

/// Takes in what probes saw. What a walk says of its device is known of it in the inventory too.
fn take(state: &mut State, batch: Vec<Run>) {
    for run in batch {
        let (at, described) = (run.at, described(state, &run));
        state.take(&Input::Ran(run), at);
        if let Some(input) = described {
            state.take(&input, at);
        }
    }
}

fn described(state: &State, run: &Run) -> Option<Input> {
    let (Subject::Device(device), Some(walk)) = (&run.subject, run.reading.walk()) else {
        return None;
    };
    let facts = walk.system.as_ref()?;
    // Not at each walk: what is known already is not written to disk again.
    if state.knows_system(device, facts) {
        return None;
    }
    let reading = SystemReading {
        facts: (**facts).clone(),
        uptime: walk.uptime.map(|ticks| Duration::from_millis(u64::from(ticks) * 10)),
        at: run.at,
    };
    Some(Input::Described {
        device: device.clone(),
        reading,
        facts: identify::facts(&Registry::built_in(), None, None, &[], Some(facts), run.at),
    })
}

async fn answer(state: &mut State, keeper: &mut Keeper, vitals: &Vitals, ask: Ask) {
    let now = wall_clock();
    match ask {
        Ask::Command(command, answer) => drop(answer.send(state.command(command, now))),
        Ask::Input(input, done) => {
            state.take(&input, now);
            let _ = done.send(());
        }
        Ask::Records(answer) => drop(answer.send(state.records())),
        Ask::Known(answer) => drop(answer.send(state.known_addresses())),
        Ask::AdoptHeartbeats(setup, done) => keeper.adopt(&mut state.heartbeats, setup, done, now).await,
        Ask::Heartbeat(ask) => keeper.answer(&mut state.heartbeats, ask, now),
        Ask::Snapshot(answer) => {
            keeper.tick(&mut state.heartbeats, now);
            let _ = answer.send(Arc::new(state.snapshot(now, vitals.health())));
        }
        // The loop ends with it.
        Ask::Stop(_) => {}
    }
}

/// Logs what happened, tells the clients of the event stream, and has it stored.
fn hand_on(state: &mut State, vitals: &Vitals) {
    let output = state.drain();
    output.events.iter().for_each(event_log::log);
    for event in output.published {
        // Nobody listening is no failure.
        let _ = vitals.events.send(event);
    }
    if !output.rows.is_empty() {
        vitals.store.keep(output.rows);
    }
}
