//! When which probe runs. Lives on the prober's own thread, on the single-threaded runtime that `net::Pinger` needs.
//!
//! 1. Jobs are spread evenly over their interval by the golden ratio: each new job falls into the largest gap, and
//!    a reload moves nobody.
//! 2. A job keeps its place: the next run is due one interval after the last was DUE, not after it ran.
//! 3. Runs that were missed (suspended host, frozen process) are skipped, not made up for: no storm.
//! 4. A run never waits for another. What comes of it goes out in batches.
//! 5. SNMP walks and checks of services (TLS and the like cost milliseconds of CPU) run on the other runtime, so that they disturb no
//!    echo. Those of the internet look names up themselves: they are there to notice a dead DNS.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};

use super::outbox::Outbox;
use crate::model::{Job, JobKey, Reading, Run, Timestamp};
use crate::net::{Echo, Resolver, wall_clock};
use crate::source::probe::{self, Names, icmp, snmp};
use crate::targets::Diff;

/// So many requests go out before replies are read: a reply that waits for the rest of a batch to be sent looks slower
/// than it was.
const BURST: usize = 4;
/// Checks of services at once; each holds a file descriptor or two, of which a process often has 1,024.
static CHECKS: Semaphore = Semaphore::const_new(400);
/// The part of the interval between one new job's place and the next: the golden ratio's fraction.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// Runs the jobs.
pub struct Scheduler<E> {
    echo: Arc<E>,
    names: Resolver,
    checks: Handle,
    outbox: Arc<Outbox>,
    slots: HashMap<JobKey, Slot>,
    due: BinaryHeap<Reverse<Due>>,
    placed: u64,
}

/// A job and what it remembers.
struct Slot {
    job: Arc<Job>,
    memory: Arc<icmp::Memory>,
    /// What its SNMP walks remember.
    walks: Arc<snmp::Memory>,
    /// Tells this job's entries in the queue from those of a stopped one of the same name.
    ticket: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    ticket: u64,
    key: JobKey,
}

impl<E: Echo> Scheduler<E> {
    /// With nothing to do yet. `checks` is where checks of services run.
    pub fn new(echo: E, names: Resolver, checks: Handle, outbox: Arc<Outbox>) -> Self {
        Self {
            echo: Arc::new(echo),
            names,
            checks,
            outbox,
            slots: HashMap::new(),
            due: BinaryHeap::new(),
            placed: 0,
        }
    }

    /// What it pings with.
    pub fn echo(&self) -> Arc<E> {
        self.echo.clone()
    }

    /// Runs jobs as they are due and takes changes, until the sender of changes is gone.
    pub async fn run(mut self, mut changes: mpsc::Receiver<Diff>) {
        let flusher = tokio::spawn(self.outbox.clone().flush());
        loop {
            let next = self.launch();
            tokio::select! {
                biased;
                change = changes.recv() => match change {
                    Some(change) => self.change(change),
                    None => break,
                },
                () = next.come() => {}
            }
        }
        flusher.abort();
        self.outbox.send();
    }

    fn change(&mut self, diff: Diff) {
        for key in diff.stop {
            self.slots.remove(&key);
        }
        let now = Instant::now();
        for job in diff.start {
            self.placed += 1;
            let place = (self.placed as f64 * GOLDEN).fract();
            let key = job.key();
            let at = now + job.probe.interval.mul_f64(place);
            self.due.push(Reverse(Due {
                at,
                ticket: self.placed,
                key: key.clone(),
            }));
            let memory = Arc::new(icmp::Memory::new(self.echo.flow()));
            self.slots.insert(
                key,
                Slot {
                    job: Arc::new(job),
                    memory,
                    walks: Arc::default(),
                    ticket: self.placed,
                },
            );
        }
        let names = self
            .slots
            .values()
            .flat_map(|slot| slot.job.host_names().map(Arc::from));
        let names: HashSet<Arc<str>> = names.collect();
        self.names.watch(&names);
    }

    /// Starts some of what is due and says when to come back.
    fn launch(&mut self) -> Next {
        let now = Instant::now();
        for _ in 0..BURST {
            let Some(Reverse(first)) = self.due.peek() else {
                return Next::Never;
            };
            if first.at > now {
                return Next::At(first.at);
            }
            let Some(Reverse(due)) = self.due.pop() else {
                return Next::Never;
            };
            let Some(slot) = self.slots.get(&due.key).filter(|slot| slot.ticket == due.ticket) else {
                continue;
            };
            let interval = slot.job.probe.interval;
            let lag = now - due.at;
            let missed = lag.as_nanos() / interval.as_nanos().max(1);
            if missed == 0 {
                self.start(slot, lag);
            }
            let next = due.at + interval * (missed as u32).saturating_add(1);
            self.due.push(Reverse(Due { at: next, ..due }));
        }
        Next::Soon
    }

    fn start(&self, slot: &Slot, lag: Duration) {
        let job = slot.job.clone();
        let (names, outbox) = (self.names.clone(), self.outbox.clone());
        let started = Started {
            sequence: self.outbox.next_sequence(),
            at: wall_clock(),
            lag,
        };
        if job.probe.kind().is_echo() {
            let (echo, memory) = (self.echo.clone(), slot.memory.clone());
            tokio::spawn(async move {
                let reading = icmp::run(&job.probe, &job.address, &*echo, &names, &memory).await;
                outbox.put(started.ended(&job, reading));
            });
            return;
        }
        // 5.
        let walks = slot.walks.clone();
        self.checks.spawn(async move {
            let probe = &job.probe;
            // A walk is mostly waiting, and waits for its own replies: it needs no place.
            let _place = if probe.kind().is_walk() {
                None
            } else {
                let Ok(Ok(place)) = tokio::time::timeout(probe.timeout, CHECKS.acquire()).await else {
                    return outbox.put(started.ended(&job, probe::crowded_out(probe)));
                };
                Some(place)
            };
            let names = if job.subject.needs_fresh_names() {
                Names::Fresh
            } else {
                Names::Watched(&names)
            };
            let reading = probe::run(probe, &job.address, names, &walks).await;
            outbox.put(started.ended(&job, reading));
        });
    }
}

/// A run under way: when it began, and its place in the order of runs.
struct Started {
    sequence: u64,
    at: Timestamp,
    lag: Duration,
}

impl Started {
    fn ended(self, job: &Job, reading: Reading) -> Run {
        Run {
            subject: job.subject.clone(),
            probe: job.probe.name.clone(),
            kind: job.probe.kind(),
            sequence: self.sequence,
            at: self.at,
            lag: self.lag,
            reading,
        }
    }
}

/// When the scheduler has something to do again.
enum Next {
    /// As soon as the replies that are here have been read.
    Soon,
    At(Instant),
    Never,
}

impl Next {
    async fn come(self) {
        match self {
            // Comes back after the runtime has asked the kernel for news.
            Self::Soon => tokio::task::yield_now().await,
            Self::At(at) => sleep_until(at).await,
            Self::Never => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::model::{Address, Probe, Subject};
    use crate::net::FakeEcho;

    fn job(n: usize, interval: Duration) -> Job {
        Job {
            subject: Subject::Device(format!("d{n}").as_str().into()),
            address: Address::Ip([10, 0, (n / 256) as u8, (n % 256) as u8].into()),
            probe: Probe::echo("icmp", interval, Duration::from_millis(1)).into(),
        }
    }

    fn start(jobs: impl IntoIterator<Item = Job>) -> Diff {
        Diff {
            start: jobs.into_iter().collect(),
            ..Diff::default()
        }
    }

    /// Runs the scheduler in made-up time and gives what it observed.
    async fn observe(script: impl AsyncFnOnce(mpsc::Sender<Diff>)) -> Vec<Run> {
        let (out, mut batches) = mpsc::channel(100_000);
        let (changes, inbox) = mpsc::channel(10);
        let scheduler = Scheduler::new(
            FakeEcho::default(),
            Resolver::new(),
            Handle::current(),
            Arc::new(Outbox::new(out)),
        );
        let running = tokio::spawn(scheduler.run(inbox));
        script(changes).await;
        running.await.unwrap();
        let mut all = Vec::new();
        while let Ok(batch) = batches.try_recv() {
            all.extend(batch);
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn each_job_runs_once_an_interval_evenly_spread() {
        let interval = Duration::from_secs(10);
        let seen = observe(async |changes| {
            changes.send(start((0..1000).map(|n| job(n, interval)))).await.unwrap();
            for _ in 0..10 {
                // No tenth of the interval may hold much more or less than a tenth of the runs.
                sleep(interval / 10).await;
            }
            sleep(interval * 2 + Duration::from_millis(20)).await;
        })
        .await;
        assert!((2990..=3010).contains(&seen.len()), "{}", seen.len());
        let mut runs: HashMap<Subject, u32> = HashMap::new();
        for run in &seen {
            *runs.entry(run.subject.clone()).or_default() += 1;
        }
        assert_eq!(runs.len(), 1000);
        assert!(runs.values().all(|count| (2..=4).contains(count)));
        assert!(seen.iter().all(|run| run.lag <= Duration::from_millis(2)));
    }

    #[test]
    fn places_are_even() {
        let places: Vec<f64> = (1..=1000).map(|n| (f64::from(n) * GOLDEN).fract()).collect();
        for tenth in 0..10 {
            let within = places.iter().filter(|place| (**place * 10.0) as i32 == tenth).count();
            assert!((98..=102).contains(&within), "{tenth}: {within}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopped_job_stops_and_a_restarted_one_runs_once_an_interval() {
        let interval = Duration::from_secs(1);
        let seen = observe(async |changes| {
            changes.send(start([job(1, interval), job(2, interval)])).await.unwrap();
            sleep(interval * 5 + Duration::from_millis(10)).await;
            let stop = vec![job(1, interval).key(), job(2, interval).key()];
            changes
                .send(Diff {
                    start: vec![job(2, interval)],
                    stop,
                    keep: 0,
                })
                .await
                .unwrap();
            sleep(interval * 5 + Duration::from_millis(10)).await;
        })
        .await;
        let count = |name: &str| {
            seen.iter()
                .filter(|run| run.subject == Subject::Device(name.into()))
                .count()
        };
        assert_eq!(count("d1"), 5);
        assert!((9..=11).contains(&count("d2")), "{}", count("d2"));
    }

    #[tokio::test(start_paused = true)]
    async fn missed_runs_are_skipped() {
        let seen = observe(async |changes| {
            changes
                .send(start((0..100).map(|n| job(n, Duration::from_secs(1)))))
                .await
                .unwrap();
            sleep(Duration::from_secs(2)).await;
            // The process is frozen for an hour: nobody polls the scheduler.
            tokio::time::advance(Duration::from_secs(3600)).await;
            sleep(Duration::from_secs(2)).await;
        })
        .await;
        assert!((300..=500).contains(&seen.len()), "{}: no storm", seen.len());
    }
}
