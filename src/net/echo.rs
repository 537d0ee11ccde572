//! The trait of the ICMP engine: one request, one answer. Tests replace the engine by a fake.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::Failure;

/// Where an echo request goes: an address and, for link-local ones, the interface's index (0 = none).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub ip: IpAddr,
    /// The scope (RFC 4007) of a link-local address, else 0.
    pub scope: u32,
}

impl From<IpAddr> for Endpoint {
    fn from(ip: IpAddr) -> Self {
        Self { ip, scope: 0 }
    }
}

/// The ICMP identifier of a series of echo requests.
///
/// Stateful firewalls key their entries on it. After an outage an old entry can swallow every reply, so a target that
/// stays silent gets another identifier ([`Echo::renew`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow(pub u16);

/// Why there was no reply.
#[derive(Debug, thiserror::Error)]
pub enum EchoError {
    /// Nothing came back in time.
    #[error("no reply within {0:?}")]
    Timeout(Duration),
    /// An ICMP error came back (RFC 792, RFC 4443), or the kernel refused to route.
    #[error("{0}")]
    Unreachable(String),
    /// This host forbids it.
    #[error("not permitted to send to {0}: {1}")]
    Denied(IpAddr, String),
    /// This host could not send.
    #[error("cannot send to {0}: {1}")]
    Send(IpAddr, io::Error),
}

impl EchoError {
    /// The reason it counts under.
    pub const fn failure(&self) -> Failure {
        match self {
            Self::Timeout(_) => Failure::Timeout,
            Self::Unreachable(_) => Failure::Unreachable,
            Self::Denied(..) => Failure::Denied,
            Self::Send(..) => Failure::Send,
        }
    }
}

/// Sends an echo request and waits for its one answer.
pub trait Echo: Send + Sync + 'static {
    /// One echo request. The time is from sending to receiving and never zero.
    ///
    /// # Errors
    /// Why there was no reply; only [`EchoError::Timeout`] and [`EchoError::Unreachable`] are about the target.
    fn echo(
        &self,
        to: Endpoint,
        flow: Flow,
        timeout: Duration,
    ) -> impl Future<Output = Result<Duration, EchoError>> + Send;

    /// The identifier to start with.
    fn flow(&self) -> Flow;

    /// Another identifier, for a target that has been silent for a while.
    fn renew(&self, old: Flow) -> Flow;
}

#[cfg(test)]
pub mod fake {
    //! An `Echo` with scripted answers.

    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::*;

    /// Gives the scripted results in turn, then timeouts. Remembers the requests.
    #[derive(Default)]
    pub struct FakeEcho {
        /// The results to give.
        pub answers: Mutex<VecDeque<Result<Duration, EchoError>>>,
        /// The requests so far.
        pub asked: Mutex<Vec<(Endpoint, Flow)>>,
    }

    impl FakeEcho {
        /// With these results, in turn.
        pub fn answering(answers: impl IntoIterator<Item = Result<Duration, EchoError>>) -> Self {
            Self {
                answers: Mutex::new(answers.into_iter().collect()),
                asked: Mutex::default(),
            }
        }
    }

    impl Echo for FakeEcho {
        async fn echo(&self, to: Endpoint, flow: Flow, timeout: Duration) -> Result<Duration, EchoError> {
            self.asked.lock().unwrap().push((to, flow));
            self.answers
                .lock()
                .unwrap()
                .pop_front()
                .unwrap_or(Err(EchoError::Timeout(timeout)))
        }

        fn flow(&self) -> Flow {
            Flow(1)
        }

        fn renew(&self, old: Flow) -> Flow {
            Flow(old.0 + 1)
        }
    }
}
