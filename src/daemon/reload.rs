//! Loads the configuration, and again whenever it may have changed.
//!
//! Read, check ALL, build the jobs, compare; only then does anything change. On any problem the running configuration
//! stays. The watch and the poll act on changed content only; SIGHUP and POST always re-read.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::ask::{Ask, HeartbeatSetup, command};
use super::discovery::Plan;
use super::on_demand::Modules;
use super::record::Vitals;
use super::uplink::Pace;
use super::watch::Watch;
use crate::config::{self, Config, Loaded, Outbound, Problem};
use crate::metrics;
use crate::model::{Address, Job, Record, Target};
use crate::net::wall_clock;
use crate::serve;
use crate::state::{Answer, Command};
use crate::targets::{self, Diff};

/// Editors and tools write in several steps: wait until they are through.
const SETTLE: Duration = Duration::from_millis(300);
/// But not for ever, where something else in the directory is written all the time.
const SETTLE_AT_MOST: Duration = Duration::from_secs(2);
/// For file systems that notify nobody (NFS, some container mounts).
const POLL: Duration = Duration::from_secs(30);

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Whether the user named it: then it must exist. Otherwise a missing file means the embedded defaults.
    pub named: bool,
}

impl Place {
    /// Reads it.
    pub fn load(&self) -> Loaded {
        if self.named || self.path.exists() {
            config::load(&self.path)
        } else {
            config::embedded()
        }
    }
}

/// The addresses of the targets that have a walk.
fn walked(config: &Config) -> BTreeSet<IpAddr> {
    let is_walked = |target: &&Arc<Target>| target.probes.iter().any(|probe| probe.kind().is_walk());
    let targets = config.targets.iter().filter(is_walked);
    targets
        .filter_map(|target| match target.address {
            Address::Ip(ip) => Some(ip),
            _ => None,
        })
        .collect()
}

/// Somebody wants a reload, and to know what came of it: a summary, or every problem.
pub type Request = oneshot::Sender<Result<String, Vec<String>>>;

/// Where a reload acts.
pub struct Reloader {
    /// What to read.
    pub place: Place,
    /// To the state.
    pub asks: mpsc::Sender<Ask>,
    /// To the scheduler.
    pub changes: mpsc::Sender<Diff>,
    /// To who renders metrics.
    pub series: watch::Sender<Arc<metrics::Settings>>,
    /// To who checks tokens.
    pub api: watch::Sender<Arc<serve::Settings>>,
    /// To who pings the gateway.
    pub pace: watch::Sender<Pace>,
    /// To who answers `/probe`.
    pub modules: watch::Sender<Modules>,
    /// To who reports for lanpulse itself.
    pub outbound: watch::Sender<Option<Outbound>>,
    /// Where the outcome is told.
    pub vitals: Arc<Vitals>,
    /// What runs now.
    pub jobs: Vec<Job>,
    /// The content that was last tried.
    pub digest: u64,
    /// The configuration that runs.
    pub config: Option<Config>,
    /// To the discoverer.
    pub plan: watch::Sender<Arc<Plan>>,
}

impl Reloader {
    /// Makes the first configuration run.
    pub async fn start(&mut self, loaded: Loaded) -> Result<String, Vec<String>> {
        self.apply(loaded).await
    }

    /// Runs until everybody who could ask for a reload is gone.
    pub async fn run(
        mut self,
        mut requests: mpsc::Receiver<Request>,
        mut discovered: mpsc::Receiver<()>,
        directories: Vec<PathBuf>,
    ) {
        let (hint, mut hints) = mpsc::channel(1);
        let mut watch = Watch::new(hint);
        watch.follow(&directories);
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // When what hints announce will have settled: a little after the last, but not long after the first.
        let mut settled: Option<(Instant, Instant)> = None;
        loop {
            let request = tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => Some(request),
                    None => return,
                },
                Some(()) = discovered.recv() => {
                    self.follow_discovery().await;
                    continue;
                }
                Some(()) = hints.recv() => {
                    let now = Instant::now();
                    let latest = settled.map_or(now + SETTLE_AT_MOST, |(_, latest)| latest);
                    settled = Some(((now + SETTLE).min(latest), latest));
                    continue;
                }
                () = sleep_until(settled.map_or_else(Instant::now, |(at, _)| at)), if settled.is_some() => None,
                _ = poll.tick() => None,
            };
            settled = None;
            let loaded = self.read().await;
            watch.follow(&loaded.directories);
            if request.is_none() && loaded.digest == self.digest {
                continue;
            }
            let outcome = self.apply(loaded).await;
            if let Some(request) = request {
                let _ = request.send(outcome);
            }
        }
    }

    async fn read(&self) -> Loaded {
        let place = self.place.clone();
        // Reading 10,000 targets takes a while; do not hold up the others.
        match tokio::task::spawn_blocking(move || place.load()).await {
            Ok(loaded) => loaded,
            Err(error) => {
                // A defect in a library that reads YAML must not end the daemon.
                let message = format!("reading it failed inside lanpulse, please report this: {error}");
                let file = self.place.path.clone();
                let (line, column, path, hint) = (None, None, String::new(), None);
                let problem = Problem {
                    file,
                    line,
                    column,
                    path,
                    message,
                    hint,
                };
                Loaded {
                    files: vec![],
                    directories: vec![],
                    digest: self.digest,
                    result: Err(vec![problem]),
                }
            }
        }
    }

    async fn apply(&mut self, loaded: Loaded) -> Result<String, Vec<String>> {
        self.digest = loaded.digest;
        let config = match loaded.result {
            Ok(config) => config,
            Err(problems) => return Err(self.refuse(problems.iter().map(ToString::to_string).collect())),
        };
        let configured = config.targets.clone();
        let rules = config.discovery.rules.clone();
        let records = match command(&self.asks, Command::Configure(configured, rules)).await {
            Some(Answer::Records(records)) => records,
            _ => Vec::new(),
        };
        let summary = self.watch(&config, &records).await;
        let setup = HeartbeatSetup {
            heartbeats: config.heartbeats.clone(),
            enrolment: config.enrolment.clone(),
        };
        let (done, adopted) = oneshot::channel();
        let _ = self.asks.send(Ask::AdoptHeartbeats(setup, done)).await;
        let _ = adopted.await;
        self.outbound.send_if_modified(|current| {
            let changed = *current != config.outbound;
            current.clone_from(&config.outbound);
            changed
        });
        self.series.send_replace(Arc::new(config.series.clone()));
        self.api.send_replace(Arc::new(config.api.clone()));
        let plan = Plan {
            discovery: config.discovery.clone(),
            identify: config.identify.clone(),
            walked: walked(&config),
        };
        self.plan.send_if_modified(|old| {
            let new = **old != plan;
            *old = Arc::new(plan);
            new
        });
        let pace = config
            .internet
            .as_ref()
            .map(|internet| (internet.interval, internet.timeout));
        self.pace.send_replace(pace);
        self.modules.send_replace(config.modules.clone());
        self.config = Some(config);
        let mut reload = self.vitals.reload.lock().unwrap_or_else(PoisonError::into_inner);
        reload.successful = true;
        reload.success_at = wall_clock();
        reload.problems = Arc::new([]);
        drop(reload);
        tracing::info!(file = %self.place.path.display(), "configuration loaded: {summary}");
        Ok(summary)
    }

    /// Watches the configured targets and these devices from now on.
    async fn watch(&mut self, config: &Config, records: &[Arc<Record>]) -> String {
        let all = targets::all(config, records);
        let jobs = targets::jobs(config, &all);
        let diff = targets::diff(&self.jobs, &jobs);
        let summary = format!(
            "{} targets; probes: {} started, {} stopped, {} kept",
            all.len(),
            diff.start.len(),
            diff.stop.len(),
            diff.keep
        );
        // The state must know a target before its first reading arrives.
        let _ = command(&self.asks, Command::Watch(all, config.internet.clone())).await;
        let _ = self.changes.send(diff).await;
        self.jobs = jobs;
        summary
    }

    /// Discovery has news: the same configuration, perhaps other devices.
    async fn follow_discovery(&mut self) {
        let (answer, records) = oneshot::channel();
        let _ = self.asks.send(Ask::Records(answer)).await;
        if let (Some(config), Ok(records)) = (self.config.take(), records.await) {
            let summary = self.watch(&config, &records).await;
            self.config = Some(config);
            tracing::debug!("after a scan: {summary}");
        }
    }

    fn refuse(&self, problems: Vec<String>) -> Vec<String> {
        for problem in &problems {
            tracing::error!("{problem}");
        }
        tracing::error!(
            problems = problems.len(),
            "configuration refused; the running one stays"
        );
        let mut reload = self.vitals.reload.lock().unwrap_or_else(PoisonError::into_inner);
        reload.successful = false;
        reload.problems = problems.clone().into();
        problems
    }
}
