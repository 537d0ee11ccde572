//! ICMP echo (RFC 792, RFC 4443): is it there, and how far away.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::names::Names;
use crate::model::{Address, Failure, Probe, Reading};
use crate::net::{Echo, EchoError, Flow, Resolver};

/// After so many losses in a row, and again after as many more, the next request goes out under a new identifier.
const RENEW_AFTER: u32 = 5;

/// What one target's pings remember from run to run.
#[derive(Debug)]
pub struct Memory {
    flow: AtomicU32,
    losses: AtomicU32,
}

impl Memory {
    /// For a target that has not been pinged yet.
    pub fn new(flow: Flow) -> Self {
        Self {
            flow: AtomicU32::new(flow.0.into()),
            losses: AtomicU32::new(0),
        }
    }

    fn flow(&self) -> Flow {
        Flow(self.flow.load(Ordering::Relaxed) as u16)
    }

    /// Notes what came of a run and renews the identifier after a run of losses.
    fn note<E: Echo>(&self, lost: bool, echo: &E) {
        if !lost {
            self.losses.store(0, Ordering::Relaxed);
            return;
        }
        let losses = self.losses.fetch_add(1, Ordering::Relaxed) + 1;
        if losses.is_multiple_of(RENEW_AFTER) {
            self.flow.store(echo.renew(self.flow()).0.into(), Ordering::Relaxed);
        }
    }
}

/// Pings once. Everything that can go wrong is a reading.
pub async fn run<E: Echo>(probe: &Probe, address: &Address, echo: &E, names: &Resolver, memory: &Memory) -> Reading {
    let addresses = match Names::Watched(names)
        .endpoints(address, probe.family, probe.timeout)
        .await
    {
        Ok(addresses) => addresses,
        Err((failure, detail)) => {
            return Reading::failure(None, failure, detail);
        }
    };
    let mut last = None;
    for to in addresses.into_iter().flatten() {
        let result = echo.echo(to, memory.flow(), probe.timeout).await;
        let refused = matches!(&result, Err(EchoError::Denied(..) | EchoError::Send(..)));
        last = Some((to.ip, result));
        if !refused {
            break;
        }
    }
    let Some((ip, result)) = last else {
        return judge(
            None,
            Err((Failure::Unresolved, format!("{address} has no address").into())),
        );
    };
    memory.note(matches!(result, Err(EchoError::Timeout(_))), echo);
    judge(
        Some(ip),
        result.map_err(|error| (error.failure(), error.to_string().into())),
    )
}

/// Turns an answer into a reading.
fn judge(address: Option<IpAddr>, result: Result<Duration, (Failure, Arc<str>)>) -> Reading {
    match result {
        Ok(rtt) => Reading::success(address, rtt),
        Err((failure, detail)) => Reading::failure(address, failure, detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::FakeEcho;

    const RTT: Duration = Duration::from_micros(321);

    fn probe() -> Probe {
        Probe::echo("icmp", Duration::from_secs(5), Duration::from_millis(100))
    }

    async fn ping(echo: &FakeEcho, address: &str, memory: &Memory) -> (Option<IpAddr>, Result<Duration, Failure>) {
        let address = address.parse().unwrap();
        let reading = run(&probe(), &address, echo, &Resolver::new(), memory).await;
        (reading.address, reading.outcome)
    }

    #[tokio::test]
    async fn every_answer_becomes_a_reading_with_its_reason() {
        let ip = IpAddr::from([10, 0, 0, 1]);
        let echo = FakeEcho::answering([
            Ok(RTT),
            Err(EchoError::Timeout(RTT)),
            Err(EchoError::Unreachable("router says no".into())),
            Err(EchoError::Denied(ip, "no".into())),
            Err(EchoError::Send(ip, std::io::Error::other("no route"))),
        ]);
        let memory = Memory::new(echo.flow());
        for expected in [
            Ok(RTT),
            Err(Failure::Timeout),
            Err(Failure::Unreachable),
            Err(Failure::Denied),
            Err(Failure::Send),
        ] {
            assert_eq!(ping(&echo, "10.0.0.1", &memory).await, (Some(ip), expected));
        }
    }

    #[tokio::test]
    async fn a_name_nobody_knows_yet_is_unresolved_after_the_timeout() {
        let echo = FakeEcho::default();
        let memory = Memory::new(echo.flow());
        assert_eq!(ping(&echo, "nas.lan", &memory).await, (None, Err(Failure::Unresolved)));
        assert!(echo.asked.lock().unwrap().is_empty(), "nothing is sent");
    }

    #[tokio::test]
    async fn an_interface_that_is_not_there_cannot_send() {
        let echo = FakeEcho::default();
        let memory = Memory::new(echo.flow());
        assert_eq!(
            ping(&echo, "fe80::1%nosuch0", &memory).await,
            (None, Err(Failure::Send))
        );
    }

    #[tokio::test]
    async fn a_run_of_losses_renews_the_identifier_and_a_reply_ends_the_run() {
        let lost = || Err(EchoError::Timeout(RTT));
        let mut script: Vec<_> = (0..4).map(|_| lost()).collect();
        script.push(Ok(RTT));
        script.extend((0..11).map(|_| lost()));
        let echo = FakeEcho::answering(script);
        let memory = Memory::new(echo.flow());
        for _ in 0..16 {
            let _ = ping(&echo, "10.0.0.1", &memory).await;
        }
        let flows: Vec<u16> = echo.asked.lock().unwrap().iter().map(|(_, flow)| flow.0).collect();
        assert_eq!(flows, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3]);
    }
}
