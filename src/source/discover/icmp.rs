//! The ICMP sweep (RFC 792): an echo request to each address, with sockets of its own.
//!
//! For networks behind a router, and where ARP frames cannot be sent. No request goes to the address of the network or to
//! its broadcast address: every host would reply to it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::progress::Progress;
use super::report::{Replies, Report};
use super::source::{BURST, Context, Remaining, Run, Source};
use crate::model::{Method, Outcome, Sighting, Timestamp};
use crate::net::{Echo, EchoError, Flow, Pinger, monotonic, wall_clock};
use crate::pace::{Limiter, Rate};

pub(super) const SOURCE: Source = Source {
    method: Method::Icmp,
    run: Run::Network(run),
};

/// How long the first and the second request wait for their reply.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];
/// Requests under way at once. The kernel has room for some 1,000 neighbours that do not reply, and needs it for others too.
const UNDER_WAY: usize = 256;
/// How long the sweep waits for a reply before it looks around again.
const LOOK: Duration = Duration::from_millis(20);

/// Asks the addresses that no method before has seen.
fn run(context: &Context<'_>, remaining: &mut Remaining<'_>) -> Report {
    let mut report = Report::default();
    if remaining.addresses.is_empty() {
        return report;
    }
    let addresses: Vec<IpAddr> = remaining.addresses.iter().copied().map(IpAddr::V4).collect();
    let start = monotonic();
    // A second look does not count as progress.
    let uncounted = Progress::default();
    let progress = if remaining.swept { &uncounted } else { context.progress };
    let replies = sweep(&addresses, context.settings.icmp_rate, context.deadline, progress);
    if !replies.outcome.is_usable() {
        report.notes.extend(replies.why.clone());
    }
    // After a whole ARP sweep this is a second look, not a sweep of its own.
    if !remaining.swept {
        let network = remaining.network.network.to_string();
        report
            .sweeps
            .push(replies.sweep(&network, Method::Icmp, addresses.len(), start.elapsed()));
    }
    report.sightings = replies.sightings;
    report
}

/// Sweeps these addresses, each with at most two requests. Blocks.
fn sweep(addresses: &[IpAddr], rate: u32, deadline: Instant, progress: &Progress) -> Replies {
    let failed = |why: String| Replies::failed(addresses.len(), why);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(error.to_string()),
    };
    runtime.block_on(async {
        let (pinger, [v4, _]) = Pinger::open();
        match v4.socket {
            Ok(_) => Requests::new(pinger, addresses).run(rate, deadline, progress).await,
            Err(advice) => failed(advice),
        }
    })
}

/// A request that has ended: its address, how many requests came before, and what came of it, when.
type Ended = (IpAddr, usize, Result<Duration, EchoError>, Timestamp);

/// The requests of a sweep.
struct Requests<E> {
    echo: Arc<E>,
    flow: Flow,
    /// Addresses to ask, first once and then again, each with the number of requests before.
    first: VecDeque<(IpAddr, usize)>,
    again: VecDeque<(IpAddr, usize)>,
    under_way: JoinSet<Ended>,
    addresses: u32,
    asked: u32,
    sightings: Vec<Sighting>,
    /// The last trouble of this host, and how many addresses could not be asked because of such.
    trouble: Option<String>,
    not_sent: u32,
}

impl<E: Echo> Requests<E> {
    fn new(echo: E, addresses: &[IpAddr]) -> Self {
        Self {
            flow: echo.flow(),
            echo: Arc::new(echo),
            first: addresses.iter().map(|address| (*address, 0)).collect(),
            again: VecDeque::new(),
            under_way: JoinSet::new(),
            addresses: addresses.len() as u32,
            asked: 0,
            sightings: Vec::new(),
            trouble: None,
            not_sent: 0,
        }
    }

    async fn run(mut self, rate: u32, deadline: Instant, progress: &Progress) -> Replies {
        let mut limiter = Limiter::starting(Rate::even(rate, BURST), monotonic());
        let why = loop {
            let now = monotonic();
            if progress.is_stopped() {
                break Some("it was stopped".to_owned());
            }
            if now >= deadline {
                break Some("its time was over".to_owned());
            }
            self.send(&mut limiter, now, progress);
            let waiting = self.first.len() + self.again.len();
            if waiting == 0 && self.under_way.is_empty() {
                break None;
            }
            let pause = if waiting > 0 && self.under_way.len() < UNDER_WAY {
                limiter.wait(now).max(Duration::from_millis(1))
            } else {
                LOOK
            };
            match tokio::time::timeout(pause, self.under_way.join_next()).await {
                Ok(Some(Ok(ended))) => self.take(ended, progress),
                // Nothing is under way, so nothing was waited for.
                Ok(_) if self.under_way.is_empty() => tokio::time::sleep(pause).await,
                Ok(_) | Err(_) => {}
            }
        };
        self.replies(why)
    }

    /// Sends as many requests as the rate allows.
    fn send(&mut self, limiter: &mut Limiter, now: Instant, progress: &Progress) {
        while self.under_way.len() < UNDER_WAY && limiter.is_ready(now) {
            let Some((address, times)) = self.first.pop_front().or_else(|| self.again.pop_front()) else {
                break;
            };
            let _ = limiter.take(now);
            self.asked += u32::from(times == 0);
            progress.asked(u32::from(times == 0));
            let (echo, flow) = (self.echo.clone(), self.flow);
            self.under_way.spawn(async move {
                let outcome = echo.echo(address.into(), flow, WAITS[times.min(1)]).await;
                (address, times, outcome, wall_clock())
            });
        }
    }

    /// Takes in the end of a request.
    fn take(&mut self, (address, times, outcome, at): Ended, progress: &Progress) {
        match outcome {
            Ok(_) => {
                progress.answered(1);
                self.sightings.push(Sighting {
                    method: Method::Icmp,
                    address,
                    mac: None,
                    at,
                    alive: true,
                });
            }
            Err(EchoError::Timeout(_)) if times == 0 => self.again.push_back((address, 1)),
            Err(EchoError::Timeout(_) | EchoError::Unreachable(_)) => {}
            Err(error) => {
                self.trouble = Some(error.to_string());
                if times == 0 {
                    self.again.push_back((address, 1));
                } else {
                    self.not_sent += 1;
                }
            }
        }
    }

    fn replies(self, why: Option<String>) -> Replies {
        let why = why.or_else(|| self.trouble.filter(|_| self.not_sent > 0));
        let outcome = match &why {
            None => Outcome::Complete,
            Some(_) if self.not_sent >= self.addresses => Outcome::Failed,
            Some(_) => Outcome::Partial,
        };
        Replies {
            outcome,
            answered: self.sightings.len() as u32,
            sightings: self.sightings,
            left: self.addresses - self.asked,
            why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::FakeEcho;

    fn timeout() -> Result<Duration, EchoError> {
        Err(EchoError::Timeout(Duration::ZERO))
    }

    async fn swept(answers: Vec<Result<Duration, EchoError>>, count: u8) -> Replies {
        let addresses: Vec<IpAddr> = (1..=count).map(|last| [10, 0, 0, last].into()).collect();
        let deadline = Instant::now() + Duration::from_secs(5);
        Requests::new(FakeEcho::answering(answers), &addresses)
            .run(1000, deadline, &Progress::default())
            .await
    }

    #[tokio::test]
    async fn silent_addresses_are_asked_twice() {
        let replies = swept(
            vec![
                timeout(),
                Ok(Duration::from_millis(1)),
                timeout(),
                Ok(Duration::from_millis(1)),
            ],
            3,
        )
        .await;
        assert_eq!(
            (replies.sightings.len(), replies.outcome, replies.left),
            (2, Outcome::Complete, 0),
            "{replies:?}"
        );
    }

    #[tokio::test]
    async fn failures_of_this_host_make_it_partial_or_failed() {
        let denied = || Err(EchoError::Denied([10, 0, 0, 1].into(), "no".into()));
        let replies = swept(vec![denied(), Ok(Duration::from_millis(1)), denied()], 2).await;
        assert_eq!(replies.outcome, Outcome::Partial);
        let replies = swept(vec![denied(), denied(), denied(), denied()], 2).await;
        assert_eq!(replies.outcome, Outcome::Failed);
    }
}
