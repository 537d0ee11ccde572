//! One session with one device, over a UDP socket of its own: a late reply to an older session goes nowhere.
//!
//! It owns the socket, the request ids, the deadline and, in version 3, what is known of the device's engine. Rules:
//! 1. A reply counts only if its request is still open; late, doubled and foreign replies are ignored.
//! 2. Each attempt at a request has an id of its own, and a reply to any attempt is the reply to the request. So a device
//!    slower than the timeout is heard in the end.
//! 3. After an attempt without a reply, the next one waits longer by half. Where the reply to an earlier attempt comes
//!    during a later one, the device is slow: from then on each first attempt waits longer by half.
//! 4. When an engine reports that the request had the wrong clock or engine id (it was idle, rebooted or was replaced), the
//!    request is corrected and sent again at once. This does not count as an attempt, and happens at most three times a
//!    request.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::model::LabelValue;
use crate::wire::snmp::{
    Access, Engine, Envelope, Head, Malformed, Op, Query, Reply, Report, User, community_request, discovery,
    read_community_reply, status_name,
};

/// How often one request is corrected (rule 4).
const MOST_CORRECTIONS: u32 = 3;
/// The largest UDP datagram.
const DATAGRAM: usize = 65_535;
/// The error-status for a variable that the user may not see.
const AUTHORIZATION_ERROR: i64 = 16;
/// The pause after a refused attempt: the SNMP agent may be starting.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(200);

/// Why a request or a walk failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnmpError {
    /// No reply in time.
    #[error("no reply from {0} within {1:?}")]
    Timeout(SocketAddr, Duration),
    /// No agent listens there, or a router says that it cannot be reached.
    #[error("{0} is unreachable: {1}")]
    Unreachable(SocketAddr, String),
    /// This host cannot send.
    #[error("cannot send to {0}: {1}")]
    Send(SocketAddr, String),
    /// The device refuses the credentials.
    #[error("{0} refuses the credentials: {1}")]
    Authentication(SocketAddr, String),
    /// The replies cannot be read.
    #[error("{0} sends replies that cannot be understood: {1}")]
    Malformed(SocketAddr, String),
    /// The device replies with an error.
    #[error("{0} answers with an error: {1}")]
    Status(SocketAddr, String),
    /// A table does not end: a variable is not after the one before it.
    #[error("{0} loops: after {1} comes {2}")]
    Loop(SocketAddr, String, String),
    /// The time for the whole session is over.
    #[error("the walk of {0} took longer than {1:?}")]
    Deadline(SocketAddr, Duration),
}

/// How long a session waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the reply to a first attempt.
    pub reply: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// For the whole session.
    pub session: Duration,
}

/// A session with one device.
pub struct Session {
    peer: SocketAddr,
    socket: UdpSocket,
    access: Access,
    timeouts: Timeouts,
    started: Instant,
    end: Instant,
    engine: Option<Engine>,
    buffer: Box<[u8]>,
    next_id: i32,
    /// The ids of the attempts at the present request.
    open: Vec<i32>,
    /// Why a datagram that came instead of a reply could not be read.
    malformed: Option<Malformed>,
    corrections: u32,
    /// The last reply was to an earlier attempt (rule 3).
    was_late: bool,
    /// The device has sent at least one datagram that could be read.
    heard: bool,
    /// Datagrams sent.
    pub requests: u64,
    /// Those of them that repeated a request.
    pub retries: u64,
}

/// What a datagram is.
enum Datagram {
    /// The reply to the present request.
    Reply(Reply),
    /// A report after which the request is corrected and sent again.
    SendAgain,
    /// Neither.
    Ignored,
}

/// Why a datagram is no reply.
enum Unusable {
    Malformed(Malformed),
    Refused(String),
}

impl From<Malformed> for Unusable {
    fn from(problem: Malformed) -> Self {
        Self::Malformed(problem)
    }
}

impl Session {
    /// Opens a session. `engine` is what [`Session::into_engine`] gave at the end of an earlier one.
    ///
    /// # Errors
    /// This host has no way to the device.
    pub async fn open(
        peer: SocketAddr,
        access: Access,
        timeouts: Timeouts,
        engine: Option<Engine>,
    ) -> Result<Self, SnmpError> {
        let any: SocketAddr = match peer {
            SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
            SocketAddr::V6(_) => ([0; 16], 0).into(),
        };
        let opened = async {
            let socket = UdpSocket::bind(any).await?;
            socket.connect(peer).await?;
            Ok::<_, std::io::Error>(socket)
        };
        let socket = opened.await.map_err(|error| send_error(peer, &error))?;
        let random = RandomState::new().hash_one(peer);
        let started = Instant::now();
        Ok(Self {
            peer,
            socket,
            access,
            timeouts,
            started,
            end: started + timeouts.session,
            engine,
            buffer: vec![0; DATAGRAM].into_boxed_slice(),
            // Positive, with room before it wraps.
            next_id: (random as u32 >> 2).cast_signed(),
            open: Vec::new(),
            malformed: None,
            corrections: 0,
            was_late: false,
            heard: false,
            requests: 0,
            retries: 0,
        })
    }

    /// The device's address.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// When the session began.
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// Whether this is version 1.
    pub const fn is_v1(&self) -> bool {
        matches!(self.access, Access::Community { v1: true, .. })
    }

    /// Whether the last reply was to an earlier attempt than the last. Then the device was slow, not overwhelmed.
    pub const fn was_late(&self) -> bool {
        self.was_late
    }

    /// How many attempts there may be after the first.
    pub const fn retries_allowed(&self) -> u32 {
        self.timeouts.retries
    }

    /// The id of the device's engine, in version 3.
    pub fn engine_id(&self) -> Option<LabelValue> {
        self.engine.as_ref().map(Engine::id_text)
    }

    /// What is known of the device's engine, for the next session.
    pub fn into_engine(self) -> Option<Engine> {
        self.engine
    }

    /// Sends a request until there is a reply or no attempt is left.
    pub async fn request(&mut self, query: Query<'_>) -> Result<Reply, SnmpError> {
        self.begin_request();
        let mut attempt = 0;
        loop {
            match self.attempt(query, attempt).await {
                Err(SnmpError::Timeout(..) | SnmpError::Unreachable(..)) if attempt < self.timeouts.retries => {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// Begins a new request: replies to earlier ones do not count any more.
    pub fn begin_request(&mut self) {
        self.open.clear();
        self.malformed = None;
        self.corrections = 0;
    }

    /// Makes one attempt at the present request; `attempt` is 0 for the first.
    pub async fn attempt(&mut self, query: Query<'_>, attempt: u32) -> Result<Reply, SnmpError> {
        if attempt > 0 {
            self.retries += 1;
        }
        let factor = 1.5_f64.powi(attempt.min(8).cast_signed());
        let timeout = self.timeouts.reply.mul_f64(factor);
        loop {
            // Counted anew after a correction: keys may have been derived, and the request is another message.
            let until = (Instant::now() + timeout).min(self.end);
            self.send(query).await?;
            let Some(reply) = self.receive(until, timeout).await? else {
                continue;
            };
            if reply.status == AUTHORIZATION_ERROR {
                let text = status_name(reply.status).to_owned();
                return Err(SnmpError::Authentication(self.peer, text));
            }
            self.was_late = self.open.last().is_some_and(|last| i64::from(*last) != reply.id);
            if self.was_late {
                let longer = self.timeouts.reply.mul_f64(1.5);
                self.timeouts.reply = longer.min(self.timeouts.session / 4).max(self.timeouts.reply);
            }
            return Ok(reply);
        }
    }

    /// Waits for the reply to an attempt; `None` where the request must be corrected and sent again.
    async fn receive(&mut self, until: Instant, timeout: Duration) -> Result<Option<Reply>, SnmpError> {
        let discovering = matches!(self.access, Access::User(_)) && self.engine.is_none();
        loop {
            if Instant::now() >= self.end {
                return Err(self.no_reply(timeout));
            }
            let length = match timeout_at(until, self.socket.recv(&mut self.buffer)).await {
                Err(_) => return Err(self.no_reply(timeout)),
                Ok(Err(error)) => {
                    sleep_until((Instant::now() + PAUSE_AFTER_REFUSAL).min(until)).await;
                    return Err(SnmpError::Unreachable(self.peer, error.to_string()));
                }
                Ok(Ok(length)) => length,
            };
            match self.read(length).await {
                Ok(Datagram::Reply(reply)) if !discovering => {
                    self.heard = true;
                    return Ok(Some(reply));
                }
                Ok(Datagram::SendAgain) => {
                    self.heard = true;
                    return Ok(None);
                }
                Ok(Datagram::Reply(_) | Datagram::Ignored) => {}
                Err(Unusable::Malformed(problem)) => self.malformed = Some(problem),
                Err(Unusable::Refused(text)) => return Err(SnmpError::Authentication(self.peer, text)),
            }
        }
    }

    /// The error of an attempt that ended without a reply.
    fn no_reply(&self, timeout: Duration) -> SnmpError {
        let over = Instant::now() >= self.end;
        match self.malformed {
            // Only a device that has replied before is too slow; one that never replied has timed out.
            _ if over && self.heard => SnmpError::Deadline(self.peer, self.timeouts.session),
            Some(problem) => SnmpError::Malformed(self.peer, problem.to_string()),
            None if over => SnmpError::Timeout(self.peer, self.timeouts.session),
            None => SnmpError::Timeout(self.peer, timeout),
        }
    }

    async fn send(&mut self, query: Query<'_>) -> Result<(), SnmpError> {
        let id = self.next_id;
        self.next_id = if id == i32::MAX { 1 } else { id + 1 };
        let bytes = match (&self.access, &self.engine) {
            (Access::Community { v1, community }, _) => community_request(*v1, community.expose(), id, query),
            (Access::User(_), None) => discovery(id),
            (Access::User(_), Some(engine)) => engine.request(id, query, Instant::now().into_std()),
        };
        let bytes = bytes.map_err(|problem| SnmpError::Send(self.peer, problem.to_string()))?;
        self.open.push(id);
        self.requests += 1;
        // The kernel reports an ICMP error about an earlier datagram at the next call, once: send again.
        let mut sent = self.socket.send(&bytes).await;
        if matches!(&sent, Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused) {
            sent = self.socket.send(&bytes).await;
        }
        sent.map(|_| ()).map_err(|error| send_error(self.peer, &error))
    }

    async fn read(&mut self, length: usize) -> Result<Datagram, Unusable> {
        let bytes = &self.buffer[..length];
        let user = match &self.access {
            Access::Community { v1, .. } => {
                let reply = read_community_reply(*v1, bytes)?;
                let ours = reply.op == Op::Response && self.is_open(reply.id);
                return Ok(if ours {
                    Datagram::Reply(reply)
                } else {
                    Datagram::Ignored
                });
            }
            Access::User(user) => user,
        };
        let head = Head::read(bytes)?;
        if !self.is_open(head.message_id) {
            return Ok(Datagram::Ignored);
        }
        let envelope = head.open(user, self.engine.as_ref())?;
        if envelope.reply.op == Op::Report {
            let user = user.clone();
            return self.read_report(user, envelope).await;
        }
        let Some(engine) = &mut self.engine else {
            return Ok(Datagram::Ignored);
        };
        let now = Instant::now().into_std();
        if user.auth.is_some() && !engine.is_timely(&envelope, now) {
            return Err(Malformed("a reply from the past").into());
        }
        engine.adjust(&envelope, now);
        Ok(if self.is_open(envelope.reply.id) {
            Datagram::Reply(envelope.reply)
        } else {
            Datagram::Ignored
        })
    }

    /// Whether an attempt at the present request has this id.
    fn is_open(&self, id: i64) -> bool {
        self.open.iter().any(|open| i64::from(*open) == id)
    }

    /// Rule 4.
    async fn read_report(&mut self, user: User, envelope: Envelope) -> Result<Datagram, Unusable> {
        let report = Report::of(&envelope.reply);
        self.corrections += 1;
        if self.corrections > MOST_CORRECTIONS {
            return Err(Unusable::Refused(report.explain().to_owned()));
        }
        match (&mut self.engine, report) {
            (None, _) if !envelope.engine_id.is_empty() => {
                let now = Instant::now().into_std();
                // Hashing passwords takes milliseconds, so it must not run on a thread that others share.
                let derive = move || Engine::new(&user, &envelope.engine_id, envelope.clock, now);
                let derived = tokio::task::spawn_blocking(derive).await;
                let derived = derived.map_err(|_| Malformed("the engine id"))?;
                self.engine = Some(derived.map_err(Unusable::Refused)?);
                // A late report to another discovery says nothing about the engine that is known now.
                self.open.clear();
                Ok(Datagram::SendAgain)
            }
            (None, _) => Err(Malformed("a report without an engine id").into()),
            (Some(engine), Report::NotInTimeWindow) => {
                engine.adjust(&envelope, Instant::now().into_std());
                Ok(Datagram::SendAgain)
            }
            // Another device has this address now, or this one was set up anew: discover its engine.
            (Some(_), Report::UnknownEngine) => {
                self.engine = None;
                Ok(Datagram::SendAgain)
            }
            (Some(_), report) => {
                // The device may have been replaced by one with another engine: the next session discovers it.
                self.engine = None;
                Err(Unusable::Refused(report.explain().to_owned()))
            }
        }
    }
}

/// The error of a send.
fn send_error(peer: SocketAddr, error: &std::io::Error) -> SnmpError {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable => SnmpError::Unreachable(peer, error.to_string()),
        _ => SnmpError::Send(peer, error.to_string()),
    }
}
