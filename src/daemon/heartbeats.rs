//! Heartbeats between the rooms: reports from HTTP to the state and the store, and the keys to whom may report.
//!
//! Nothing is acknowledged before it is on disk. What was stored is loaded before anything is stored: while the store
//! cannot be read reports change the state, but are not acknowledged.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, interval};

use super::ask::{Ask, HeartbeatSetup};
use crate::api::{HeartbeatApp, HeartbeatCommand, Outcome, ReportAuth, ReportTokens};
use crate::model::{
    Heartbeat, HeartbeatChange, LabelValue, Row, SecretSource, Signal, SignalRecord, Timestamp, Token, TokenDigest,
};
use crate::secret;
use crate::state::Heartbeats;
use crate::store::Store;

/// How often it is noted that lanpulse lives: its next start may take it for absent that much longer.
const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// How often it is tried to read what is stored, where that failed.
const LOAD_EVERY: Duration = Duration::from_secs(5);
/// How often token files are read again.
const TOKENS_EVERY: Duration = Duration::from_secs(5);
/// A step of the clock of less than this within a snapshot's tick is left to the next sweep.
const LEAST_TICK: Duration = Duration::from_millis(100);

/// All that may report now, and who waits to know that it does.
type Roster = (HeartbeatSetup, Option<oneshot::Sender<()>>);

/// The recorder's part.
pub struct Keeper {
    store: Store,
    setup: HeartbeatSetup,
    rosters: mpsc::Sender<Roster>,
    /// Whether the store's rows are in the state.
    loaded: bool,
    /// Whether the directory of who may report is behind the state.
    stale: bool,
    tried: Option<Instant>,
    ticked: Option<Instant>,
    noted: Option<Instant>,
}

/// Reads what is stored, and starts the task that keeps the directory of tokens.
pub fn start(store: Store) -> (Keeper, watch::Receiver<Arc<ReportTokens>>) {
    let (rosters, inbox) = mpsc::channel(16);
    let (directory, published) = watch::channel(Arc::default());
    tokio::spawn(keep_tokens(inbox, directory));
    let keeper = Keeper {
        store,
        setup: HeartbeatSetup::default(),
        rosters,
        loaded: false,
        stale: false,
        tried: None,
        ticked: None,
        noted: None,
    };
    (keeper, published)
}

impl Keeper {
    /// Takes in what is stored, as soon as it can be read.
    fn load(&mut self, heartbeats: &mut Heartbeats, now: Timestamp) {
        let wanted = !self.setup.heartbeats.is_empty() || self.setup.enrolment.is_some();
        if self.loaded || !wanted {
            return;
        }
        self.tried = Some(Instant::now());
        match self.store.heartbeats() {
            Ok(saved) => {
                heartbeats.restore(saved.rows, saved.alive_until, now);
                self.loaded = true;
            }
            Err(error) => tracing::warn!(%error, "heartbeats are not acknowledged until the store can be read"),
        }
    }

    /// Expects what the configuration says, and what clients have provisioned where they may.
    pub async fn adopt(
        &mut self,
        heartbeats: &mut Heartbeats,
        setup: HeartbeatSetup,
        done: oneshot::Sender<()>,
        now: Timestamp,
    ) {
        self.setup = setup;
        self.load(heartbeats, now);
        let roster = self.roster(heartbeats);
        for heartbeat in &roster.heartbeats {
            if heartbeat.token != Token::Enrolment && crate::state::upcoming(heartbeat, now, 1).is_empty() {
                let heartbeat = heartbeat.name.as_str();
                tracing::warn!(
                    heartbeat,
                    "no slot of its schedule lies within its hours: it is never expected"
                );
            }
        }
        heartbeats.adopt(&roster.heartbeats, now);
        self.flush(heartbeats);
        let _ = self.rosters.send((roster, Some(done))).await;
    }

    /// The configured ones, and provisioned ones whose name is not configured.
    fn roster(&self, heartbeats: &Heartbeats) -> HeartbeatSetup {
        let mut roster = self.setup.clone();
        if roster.enrolment.is_some() {
            let taken: HashSet<&LabelValue> = self.setup.heartbeats.iter().map(|heartbeat| &heartbeat.name).collect();
            let more = heartbeats
                .provisioned()
                .into_iter()
                .filter(|(name, ..)| !taken.contains(name))
                .map(|(name, every, grace)| Arc::new(Heartbeat::provisioned(name, every, grace)));
            roster.heartbeats.extend(more);
        }
        roster
    }

    /// Answers from the state, once the store has it.
    pub fn answer(&mut self, heartbeats: &mut Heartbeats, ask: HeartbeatCommand, now: Timestamp) {
        self.tick(heartbeats, now);
        match ask {
            HeartbeatCommand::Report {
                name,
                signal,
                create,
                done,
            } => self.report(heartbeats, name, *signal, create, done, now),
            HeartbeatCommand::Delete { name, done } => match heartbeats.forget(&name) {
                Some(true) => {
                    tracing::info!(heartbeat = name.as_str(), "a provisioned heartbeat is deleted");
                    self.stale = true;
                    self.publish(heartbeats);
                    if self.loaded {
                        self.store
                            .keep_then(vec![Row::ForgetHeartbeat(name)], answer(done, Outcome::Stored));
                    }
                }
                Some(false) => {
                    let _ = done.send(Outcome::Configured);
                }
                None => {
                    let _ = done.send(Outcome::Unknown);
                }
            },
            HeartbeatCommand::Pause { name, paused, done } => {
                let Some(row) = heartbeats.pause(&name, paused, now) else {
                    let _ = done.send(Outcome::Unknown);
                    return;
                };
                tracing::info!(heartbeat = name.as_str(), paused, "heartbeat paused or resumed");
                if self.loaded {
                    let row = Row::Heartbeat(name, Box::new(row));
                    self.store.keep_then(vec![row], answer(done, Outcome::Stored));
                }
            }
        }
    }

    fn report(
        &mut self,
        heartbeats: &mut Heartbeats,
        name: LabelValue,
        signal: Signal,
        create: Option<Arc<Heartbeat>>,
        done: oneshot::Sender<Outcome>,
        now: Timestamp,
    ) {
        let mut outcome = Outcome::Stored;
        if let Some(heartbeat) = create.filter(|_| !heartbeats.contains(&name)) {
            let most = self.setup.enrolment.as_ref().map_or(0, |enrolment| enrolment.max);
            if heartbeats.provisioned().len() >= most {
                let _ = done.send(Outcome::Full);
                return;
            }
            heartbeats.provision(&heartbeat, now);
            tracing::info!(heartbeat = name.as_str(), "a client has provisioned a heartbeat");
            self.stale = true;
            self.publish(heartbeats);
            outcome = Outcome::Created;
        }
        let Some(row) = heartbeats.signal(&name, &signal, now) else {
            let _ = done.send(Outcome::Unknown);
            return;
        };
        let record = SignalRecord {
            heartbeat: name.clone(),
            at: now,
            signal,
        };
        if self.loaded {
            let rows = vec![Row::Heartbeat(name, Box::new(row)), Row::Signal(record)];
            self.store.keep_then(rows, answer(done, outcome));
        }
    }

    /// Makes known who may report; again later where that is not possible now.
    fn publish(&mut self, heartbeats: &Heartbeats) {
        if self.stale {
            self.stale = self.rosters.try_send((self.roster(heartbeats), None)).is_err();
        }
    }

    /// Tells the state how much time has passed by both clocks.
    pub fn tick(&mut self, heartbeats: &mut Heartbeats, now: Timestamp) {
        let clock = Instant::now();
        let elapsed = self.ticked.map_or(Duration::ZERO, |ticked| clock - ticked);
        if self.ticked.is_none() || elapsed >= LEAST_TICK {
            self.ticked = Some(clock);
            heartbeats.tick(now, elapsed);
        }
    }

    /// Does what only time does; gives what changed.
    pub fn sweep(&mut self, heartbeats: &mut Heartbeats, now: Timestamp) -> Vec<HeartbeatChange> {
        self.tick(heartbeats, now);
        if !self.loaded && self.tried.is_none_or(|tried| tried.elapsed() >= LOAD_EVERY) {
            self.load(heartbeats, now);
        }
        let changes = heartbeats.sweep(now);
        self.publish(heartbeats);
        self.flush(heartbeats);
        if self.noted.is_none_or(|noted| noted.elapsed() >= ALIVE_EVERY) {
            self.note(heartbeats, now);
        }
        changes
    }

    /// The last things: what changed, and until when lanpulse lived.
    pub fn end(&mut self, heartbeats: &mut Heartbeats, now: Timestamp) {
        self.flush(heartbeats);
        self.note(heartbeats, now);
    }

    fn note(&mut self, heartbeats: &Heartbeats, now: Timestamp) {
        // Moved deadlines go first: until they are stored, the absence that moved them must not be forgotten.
        if self.loaded && !heartbeats.is_empty() {
            self.store.keep(vec![Row::Alive(now)]);
            self.noted = Some(Instant::now());
        }
    }

    fn flush(&mut self, heartbeats: &mut Heartbeats) {
        if self.loaded {
            let rows = heartbeats.dirty();
            if !rows.is_empty() {
                let row = |(name, row)| Row::Heartbeat(name, Box::new(row));
                self.store.keep(rows.into_iter().map(row).collect());
            }
        }
    }
}

/// Tells who waits, if somebody still does.
fn answer(done: oneshot::Sender<Outcome>, outcome: Outcome) -> impl FnOnce() + Send + 'static {
    move || {
        let _ = done.send(outcome);
    }
}

/// How the API reaches the recorder and the store.
pub fn app(auth: Arc<ReportAuth>, asks: mpsc::Sender<Ask>, store: Store) -> HeartbeatApp {
    HeartbeatApp {
        auth,
        commands: Box::new(move |command| {
            let asks = asks.clone();
            Box::pin(async move {
                let _ = asks.send(Ask::Heartbeat(command)).await;
            })
        }),
        history: Box::new(move |name, most, answer| {
            let store = store.clone();
            Box::pin(async move {
                let read = tokio::task::spawn_blocking(move || store.signals(&name, most));
                match read.await {
                    Ok(Ok(signals)) => drop(answer.send(signals)),
                    Ok(Err(error)) => tracing::warn!(%error, "cannot read the reports of a heartbeat"),
                    Err(_) => {}
                }
            })
        }),
    }
}

/// Publishes who may report: at each change, and whenever a token file has another content.
async fn keep_tokens(mut rosters: mpsc::Receiver<Roster>, directory: watch::Sender<Arc<ReportTokens>>) {
    let mut setup = HeartbeatSetup::default();
    let mut poll = interval(TOKENS_EVERY);
    let mut unreadable = HashSet::new();
    loop {
        let mut done = None;
        tokio::select! {
            roster = rosters.recv() => match roster {
                Some((roster, waiting)) => {
                    setup = roster;
                    done = waiting;
                }
                None => return,
            },
            _ = poll.tick() => {
                let key = setup.enrolment.as_ref().map(|enrolment| &enrolment.key);
                let mut tokens = setup.heartbeats.iter().map(|heartbeat| &heartbeat.token).chain(key);
                if !tokens.any(|token| matches!(token, Token::File(_))) {
                    continue;
                }
            }
        }
        let current = setup.clone();
        let Ok((built, missing)) = tokio::task::spawn_blocking(move || build(&current)).await else {
            continue;
        };
        for (what, problem) in &missing {
            if !unreadable.contains(what) {
                tracing::error!("cannot read the token of {what}: {problem}; its reports are refused");
            }
        }
        unreadable = missing.into_iter().map(|(what, _)| what).collect();
        directory.send_replace(Arc::new(built));
        if let Some(done) = done {
            let _ = done.send(());
        }
    }
}

/// The directory, and which tokens could not be read.
fn build(setup: &HeartbeatSetup) -> (ReportTokens, Vec<(String, String)>) {
    let mut missing = Vec::new();
    let mut known = |what: String, token: &Token| {
        token_digest(token).unwrap_or_else(|problem| {
            missing.push((what, problem));
            None
        })
    };
    let heartbeats: Vec<_> = setup
        .heartbeats
        .iter()
        .map(|heartbeat| {
            let what = format!("heartbeat {:?}", heartbeat.name.as_str());
            (heartbeat.clone(), known(what, &heartbeat.token))
        })
        .collect();
    let enrolment = setup.enrolment.clone().and_then(|enrolment| {
        let key = known("heartbeat_enrolment".to_owned(), &enrolment.key)?;
        Some((enrolment, key))
    });
    (ReportTokens::new(heartbeats, enrolment), missing)
}

fn token_digest(token: &Token) -> Result<Option<TokenDigest>, String> {
    match token {
        Token::Digest(digest) => Ok(Some(*digest)),
        Token::Enrolment => Ok(None),
        Token::File(path) => match secret::read_token(&SecretSource::File(path.clone())) {
            Ok(digest) => Ok(Some(digest)),
            Err(error) => Err(error.to_string()),
        },
    }
}
