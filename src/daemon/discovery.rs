//! Scans when it is time, and when somebody asks; has the findings identified, and gives both to the state.
//!
//! 1. A scan a period, from its start; the first as soon as the daemon runs. No two scans of the same network at once.
//! 2. Scans run on threads of their own and delay nobody.
//! 3. What was found is named and told before anybody sees it: identification is a part of the scan.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::ask::{Ask, command, input};
use crate::api::{DiscoveryCommand, ScanRefusal, ScanRequest};
use crate::config::Discovery;
use crate::model::{Announcement, LOCAL_AGENT, Mac, Outcome, Scan, Sweep, SystemReading, Timestamp};
use crate::net::wall_clock;
use crate::source::discover::{self, LocalInterface, Progress, Report, ScanNetwork};
use crate::source::identify::{self, Names, Registry, Systems};
use crate::state::{Answer, Command, Evidence, Finding, Input};

/// Scans that are remembered for who asks after them.
const REMEMBERED: usize = 100;
/// How long a scan may take, unless somebody says otherwise or the period is longer.
const LONGEST: Duration = Duration::from_secs(300);
/// How long names are waited for.
const NAMING: Duration = Duration::from_secs(5);
/// How long devices are asked by SNMP.
const ASKING: Duration = Duration::from_secs(10);

/// What the discoverer goes by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The configuration's `discovery`.
    pub discovery: Discovery,
    /// And its `identify`.
    pub identify: identify::Settings,
    /// Addresses of targets that are walked by SNMP anyway, perhaps with other credentials.
    pub walked: BTreeSet<IpAddr>,
}

/// Runs scans.
pub struct Discoverer {
    plan: watch::Receiver<Arc<Plan>>,
    asks: mpsc::Sender<Ask>,
    /// Tells the reloader that other devices may have to be watched.
    changed: mpsc::Sender<()>,
    tools: Arc<Mutex<Tools>>,
    running: HashMap<u64, (Vec<ScanNetwork>, Arc<Progress>, Timestamp)>,
    finished: VecDeque<Arc<Scan>>,
    done: mpsc::Sender<Scan>,
    told: Told,
}

/// What identification remembers.
struct Tools {
    names: Names,
    systems: Systems,
    registry: Registry,
    settings: identify::Settings,
}

impl Discoverer {
    /// Runs until everybody who could ask is gone.
    pub async fn run(
        plan: watch::Receiver<Arc<Plan>>,
        asks: mpsc::Sender<Ask>,
        changed: mpsc::Sender<()>,
        mut requests: mpsc::Receiver<DiscoveryCommand>,
    ) {
        let (done, mut finished) = mpsc::channel(16);
        let mut this = Self {
            plan,
            asks,
            changed,
            tools: Arc::new(Mutex::new(Tools {
                names: Names::default(),
                systems: Systems::default(),
                registry: Registry::built_in(),
                settings: identify::Settings::default(),
            })),
            running: HashMap::new(),
            finished: VecDeque::new(),
            done,
            told: Told::default(),
        };
        let mut due = Instant::now();
        let mut interval = this.plan.borrow().discovery.scan.interval;
        loop {
            tokio::select! {
                () = sleep_until(due) => {
                    let plan = this.plan.borrow_and_update().clone();
                    interval = plan.discovery.scan.interval;
                    due = Instant::now() + interval;
                    if !plan.discovery.scan.is_off() {
                        let _ = this.start(&plan, &ScanRequest::default()).await;
                    }
                }
                Ok(()) = this.plan.changed() => {
                    // Another period counts from the last scan; other networks are scanned at once.
                    let plan = this.plan.borrow_and_update().clone();
                    due = due.min(Instant::now() + plan.discovery.scan.interval);
                    if plan.discovery.scan.interval == interval {
                        due = Instant::now();
                    }
                    interval = plan.discovery.scan.interval;
                }
                Some(scan) = finished.recv() => {
                    this.running.remove(&scan.id);
                    this.finished.push_back(Arc::new(scan));
                    if this.finished.len() > REMEMBERED {
                        this.finished.pop_front();
                    }
                }
                request = requests.recv() => match request {
                    Some(DiscoveryCommand::Scan(order, answer)) => {
                        let plan = this.plan.borrow().clone();
                        let _ = answer.send(this.start(&plan, &order).await);
                    }
                    Some(DiscoveryCommand::Look(id, answer)) => drop(answer.send(this.look(id))),
                    Some(DiscoveryCommand::Running(answer)) => {
                        let mut running: Vec<Scan> = this.running.keys().filter_map(|id| this.look(*id)).collect();
                        running.sort_unstable_by_key(|scan| scan.id);
                        let _ = answer.send(running);
                    }
                    Some(DiscoveryCommand::Patch(id, patch, by, answer)) => {
                        let done = command(&this.asks, Command::Patch(id, patch, by)).await;
                        if let Some(Answer::Patched(outcome)) = done {
                            let _ = answer.send(outcome);
                            let _ = this.changed.try_send(());
                        }
                    }
                    None => break,
                },
            }
        }
    }

    /// Starts a scan, unless one of the same network runs.
    async fn start(&mut self, plan: &Plan, order: &ScanRequest) -> Result<u64, ScanRefusal> {
        let mut settings = plan.discovery.scan.clone();
        if let Some(methods) = &order.methods {
            settings.methods.clone_from(methods);
        }
        if let Some(networks) = &order.networks {
            settings.networks = Some(networks.clone());
        }
        if order.interfaces.is_some() {
            // Who names an interface means it, also one that is left alone otherwise, and its own networks.
            settings.exclude.clear();
            settings.networks.clone_from(&order.networks);
        }
        let (mut networks, mut left_out) = settings.networks_now();
        if let Some(interfaces) = &order.interfaces {
            let on = |interface: &LocalInterface| interfaces.contains(&interface.name);
            networks.retain(|scanned| scanned.interface.as_ref().is_some_and(on));
            left_out.retain(|line| interfaces.iter().any(|name| line.contains(&format!(" on {name} "))));
            if networks.is_empty() && left_out.is_empty() {
                let names = interfaces.join(", ");
                left_out.push(format!(
                    "{names}: no such interface is up with an IPv4 network to be scanned"
                ));
            }
        }
        if networks.is_empty() {
            for line in self.told.news(left_out.clone()) {
                tracing::warn!("not scanned: {line}");
            }
            return Err(ScanRefusal::Nothing(left_out));
        }
        let busy = self.running.iter().find(|(_, (running, ..))| {
            let overlaps = |scanned: &ScanNetwork| {
                running
                    .iter()
                    .any(|other| other.network.covers(scanned.network) || scanned.network.covers(other.network))
            };
            networks.iter().any(overlaps)
        });
        if let Some((id, _)) = busy {
            return Err(ScanRefusal::Busy(*id));
        }
        let (answer, known) = oneshot::channel();
        let _ = self.asks.send(Ask::Known(answer)).await;
        let known = known.await.unwrap_or_default();
        let started = wall_clock();
        // Rising over restarts too, without a look into the store.
        let id = (started.micros() / 1000).max(self.running.keys().max().map_or(0, |id| id + 1));
        let progress = Arc::new(Progress::default());
        self.running.insert(id, (networks.clone(), progress.clone(), started));
        let timeout = order.timeout.unwrap_or(LONGEST.max(settings.interval));
        let (tools, plan) = (self.tools.clone(), plan.clone());
        let (asks, changed, done) = (self.asks.clone(), self.changed.clone(), self.done.clone());
        let told = self.told.clone();
        tokio::spawn(async move {
            let work = move || {
                let mut report = discover::scan(&settings, &networks, &known, timeout, &progress);
                report.notes.extend(left_out);
                let findings = tools
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .identify(&plan, &report);
                (report, findings, progress)
            };
            let outcome = tokio::task::spawn_blocking(work).await;
            // Whatever happened, the network must not count as being scanned for ever.
            let (report, findings, progress) = outcome.unwrap_or_else(|error| {
                tracing::error!(%error, scan = id, "a scan broke off");
                let mut report = Report::default();
                report.notes.push("it broke off by a mistake of lanpulse's".to_owned());
                (report, Vec::new(), Arc::default())
            });
            let scan = Scan {
                id,
                agent: LOCAL_AGENT.into(),
                started,
                ended: Some(wall_clock()),
                sweeps: report.sweeps.clone(),
                notes: report.notes.clone(),
                counts: progress.counts(),
            };
            // That the end of the daemon cuts a scan short is no news.
            if !progress.is_stopped() {
                told.log(&scan);
            }
            let evidence = Evidence {
                scan: scan.clone(),
                sightings: report.sightings,
                findings,
            };
            input(&asks, Input::Scanned(Box::new(evidence))).await;
            let _ = changed.try_send(());
            let _ = done.send(scan).await;
        });
        Ok(id)
    }

    /// How a scan is going, or went.
    fn look(&self, id: u64) -> Option<Scan> {
        if let Some((_, progress, started)) = self.running.get(&id) {
            return Some(Scan {
                id,
                agent: LOCAL_AGENT.into(),
                started: *started,
                ended: None,
                sweeps: Vec::new(),
                notes: Vec::new(),
                counts: progress.counts(),
            });
        }
        self.finished
            .iter()
            .find(|scan| scan.id == id)
            .map(|scan| (**scan).clone())
    }
}

/// Scans end soon when nobody waits for them any more: the daemon stops.
impl Drop for Discoverer {
    fn drop(&mut self) {
        for (_, progress, _) in self.running.values() {
            progress.stop();
        }
    }
}

impl Tools {
    /// What can be said of everybody who was seen. Blocks.
    fn identify(&mut self, plan: &Plan, report: &Report) -> Vec<Finding> {
        let settings = &plan.identify;
        if self.settings != *settings {
            self.registry = match &settings.oui_file {
                None => Registry::built_in(),
                Some(path) => Registry::read(path).unwrap_or_else(|error| {
                    tracing::warn!("{error}; the built-in one is used");
                    Registry::built_in()
                }),
            };
            self.settings = settings.clone();
        }
        let at = wall_clock();
        let mut seen: HashMap<IpAddr, Option<Mac>> = HashMap::new();
        for sighting in report.sightings.iter().filter(|sighting| sighting.alive) {
            let mac = seen.entry(sighting.address).or_default();
            *mac = mac.or(sighting.mac);
        }
        for sighting in &report.sightings {
            if let Some(mac) = seen.get_mut(&sighting.address) {
                *mac = mac.or(sighting.mac);
            }
        }
        let v4: Vec<IpAddr> = seen.keys().copied().filter(IpAddr::is_ipv4).collect();
        let names = self.names.look_up(&v4, NAMING);
        let systems = self.ask(plan, report, at);
        let mut announced: HashMap<IpAddr, Vec<&Announcement>> = HashMap::new();
        for announcement in &report.announcements {
            announced.entry(announcement.address).or_default().push(announcement);
        }
        let none = Vec::new();
        let finding = |(address, mac): (IpAddr, Option<Mac>)| Finding {
            address,
            facts: identify::facts(
                &self.registry,
                mac,
                names.get(&address).map(AsRef::as_ref),
                announced.get(&address).unwrap_or(&none),
                systems.get(&address).map(|reading| &reading.facts),
                at,
            ),
            system: systems.get(&address).cloned(),
        };
        seen.into_iter()
            .map(finding)
            .filter(|finding| !finding.facts.is_empty() || finding.system.is_some())
            .collect()
    }

    /// What devices say of themselves by SNMP. Asked are those that were heard of on the network itself, each once: an
    /// announcement may name any address, and nobody's credentials are sent there.
    fn ask(&mut self, plan: &Plan, report: &Report, at: Timestamp) -> HashMap<IpAddr, Arc<SystemReading>> {
        let heard = report
            .sightings
            .iter()
            .filter(|sighting| sighting.alive && sighting.address.is_ipv4() && sighting.method.proves_address());
        let mut who: BTreeMap<IpAddr, Option<Mac>> = BTreeMap::new();
        for sighting in heard.filter(|sighting| !plan.walked.contains(&sighting.address)) {
            let mac = who.entry(sighting.address).or_default();
            *mac = mac.or(sighting.mac);
        }
        let mut asked = HashSet::new();
        who.retain(|_, mac| mac.is_none_or(|mac| asked.insert(mac)));
        let who: Vec<_> = who.into_iter().collect();
        Handle::current().block_on(self.systems.ask(&plan.identify.snmp, &who, ASKING, at))
    }
}

/// What the log was told by the latest scan: a scan every ten minutes that goes like the one before is no news.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<HashSet<String>>>);

impl Told {
    /// Those of these lines that were not there the last time.
    fn news(&self, lines: Vec<String>) -> Vec<String> {
        let now: HashSet<String> = lines.iter().cloned().collect();
        let before = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), now);
        lines.into_iter().filter(|line| !before.contains(line)).collect()
    }

    fn log(&self, scan: &Scan) {
        let line = |sweep: &Sweep| {
            let why = sweep.why.as_deref().unwrap_or_default();
            format!(
                "{} {} {} {why}",
                sweep.network,
                sweep.method.as_str(),
                sweep.outcome.as_str()
            )
        };
        let news = self.news(scan.notes.iter().cloned().chain(scan.sweeps.iter().map(line)).collect());
        for note in scan.notes.iter().filter(|note| news.contains(note)) {
            tracing::warn!(scan = scan.id, "discovery: {note}");
        }
        for sweep in &scan.sweeps {
            let (network, method) = (&sweep.network, sweep.method.as_str());
            let seconds = (sweep.took.as_secs_f64() * 1e3).round() / 1e3;
            let (answered, left) = (sweep.answered, sweep.left);
            let why = sweep.why.as_deref().unwrap_or_default();
            match sweep.outcome {
                _ if !news.contains(&line(sweep)) => {
                    tracing::debug!(%network, method, answered, left, seconds, why, "scan {}", sweep.outcome.as_str());
                }
                Outcome::Complete => tracing::info!(%network, method, answered, seconds, "scan complete"),
                outcome => tracing::warn!(%network, method, answered, left, why, "scan {}", outcome.as_str()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_once_and_again_after_it_was_gone() {
        let told = Told::default();
        let lines = |lines: &[&str]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told.news(lines(&["a", "b"])), ["a", "b"]);
        assert_eq!(told.news(lines(&["a", "c"])), ["c"]);
        assert_eq!(told.news(lines(&["b"])), ["b"]);
    }
}
