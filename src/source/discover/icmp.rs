//! The ICMP sweep (RFC 792): an echo request to each address, with sockets of its own.
//!
//! For networks behind a router, and where ARP frames cannot be sent. Never to a network's own or broadcast address:
//! one request there makes everybody answer.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::progress::{BURST, Progress};
use crate::model::{Method, Outcome, Sighting};
use crate::net::{Echo, EchoError, Pinger, wall_clock};
use crate::pace::{Limiter, Rate};

/// How long the first and second request wait for their reply.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];
/// Requests under way: the kernel has room for some 1,000 neighbours that do not answer, and others need it too.
const UNDER_WAY: usize = 256;

/// What came of a sweep.
#[derive(Debug)]
pub struct Answer {
    /// Who answered.
    pub sightings: Vec<Sighting>,
    /// Whether everybody was asked and had time to answer.
    pub outcome: Outcome,
    /// Addresses never asked.
    pub left: u32,
    /// Why it is not complete.
    pub why: Option<String>,
}

/// Sweeps these addresses, known ones first, each at most twice. Blocks.
pub fn sweep(addresses: &[IpAddr], rate: u32, deadline: Instant, progress: &Progress) -> Answer {
    let failed = |why: String| Answer {
        sightings: Vec::new(),
        outcome: Outcome::Failed,
        left: addresses.len() as u32,
        why: Some(why),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(error.to_string()),
    };
    runtime.block_on(async {
        let (pinger, [v4, _]) = Pinger::open();
        match v4.socket {
            Ok(_) => run(pinger, addresses, rate, deadline, progress).await,
            Err(advice) => failed(advice),
        }
    })
}

async fn run<E: Echo>(echo: E, addresses: &[IpAddr], rate: u32, deadline: Instant, progress: &Progress) -> Answer {
    let echo = std::sync::Arc::new(echo);
    let flow = echo.flow();
    let mut fresh: VecDeque<(IpAddr, usize)> = addresses.iter().map(|ip| (*ip, 0)).collect();
    let mut again: VecDeque<(IpAddr, usize)> = VecDeque::new();
    let mut limiter = Limiter::starting(Rate::even(rate, BURST), Instant::now());
    let mut under_way = JoinSet::new();
    let (mut sightings, mut own_failures, mut asked) = (Vec::new(), 0_u32, 0_u32);
    let mut failure = None;
    let why = loop {
        let now = Instant::now();
        if progress.is_stopped() {
            break Some("it was stopped".to_owned());
        }
        if now >= deadline {
            break Some("its time was over".to_owned());
        }
        while under_way.len() < UNDER_WAY && limiter.is_ready(now) {
            let Some((ip, times)) = fresh.pop_front().or_else(|| again.pop_front()) else {
                break;
            };
            let _ = limiter.take(now);
            asked += u32::from(times == 0);
            progress.asked(u32::from(times == 0));
            let echo = echo.clone();
            under_way.spawn(async move {
                let outcome = echo.echo(ip.into(), flow, WAITS[times.min(1)]).await;
                (ip, times, outcome, wall_clock())
            });
        }
        let waiting = fresh.len() + again.len();
        if waiting == 0 && under_way.is_empty() {
            break None;
        }
        let pause = if waiting > 0 && under_way.len() < UNDER_WAY {
            limiter.wait(now).max(Duration::from_millis(1))
        } else {
            Duration::from_millis(20)
        };
        let done = tokio::time::timeout(pause, under_way.join_next()).await;
        let Ok(Some(Ok((ip, times, outcome, at)))) = done else {
            if under_way.is_empty() {
                tokio::time::sleep(pause).await;
            }
            continue;
        };
        match outcome {
            Ok(_) => {
                progress.answered(1);
                sightings.push(Sighting {
                    method: Method::Icmp,
                    address: ip,
                    mac: None,
                    at,
                    alive: true,
                });
            }
            Err(EchoError::Timeout(_)) if times == 0 => again.push_back((ip, 1)),
            Err(EchoError::Timeout(_) | EchoError::Unreachable(_)) => {}
            Err(error) if times == 0 => {
                failure = Some(error.to_string());
                again.push_back((ip, 1));
            }
            Err(error) => {
                failure = Some(error.to_string());
                own_failures += 1;
            }
        }
    };
    let why = why.or_else(|| failure.filter(|_| own_failures > 0));
    let outcome = match &why {
        None => Outcome::Complete,
        Some(_) if own_failures as usize >= addresses.len() => Outcome::Failed,
        Some(_) => Outcome::Partial,
    };
    Answer {
        sightings,
        outcome,
        left: addresses.len() as u32 - asked,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::FakeEcho;

    fn timeout() -> Result<Duration, EchoError> {
        Err(EchoError::Timeout(Duration::ZERO))
    }

    async fn swept(answers: Vec<Result<Duration, EchoError>>, count: u8) -> Answer {
        let addresses: Vec<IpAddr> = (1..=count).map(|last| [10, 0, 0, last].into()).collect();
        let deadline = Instant::now() + Duration::from_secs(5);
        run(
            FakeEcho::answering(answers),
            &addresses,
            1000,
            deadline,
            &Progress::default(),
        )
        .await
    }

    #[tokio::test]
    async fn the_silent_are_asked_twice() {
        let answer = swept(
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
            (answer.sightings.len(), answer.outcome, answer.left),
            (2, Outcome::Complete, 0),
            "{answer:?}"
        );
    }

    #[tokio::test]
    async fn failures_of_this_host_make_it_partial_or_failed() {
        let denied = || Err(EchoError::Denied([10, 0, 0, 1].into(), "no".into()));
        let answer = swept(vec![denied(), Ok(Duration::from_millis(1)), denied()], 2).await;
        assert_eq!(answer.outcome, Outcome::Partial);
        let answer = swept(vec![denied(), denied(), denied(), denied()], 2).await;
        assert_eq!(answer.outcome, Outcome::Failed);
    }
}
