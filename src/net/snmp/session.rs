//! One conversation with one device, over a UDP socket of its own: a late reply to an older conversation goes nowhere.
//!
//! Owns the socket, request ids, the deadline and the engine of version 3. Gets questions; gives the one answer that
//! belongs to them. Rules:
//! 1. A reply counts only for a request that is still waited for; late, doubled and foreign ones are passed over.
//! 2. Every attempt at one question has an id of its own, and a reply to any of them answers it: a device slower than
//!    the time-out is heard in the end.
//! 3. An attempt that had no answer is followed by one that waits longer, by half. Where the answer to an earlier attempt
//!    comes during a later one, the device is slow: from then on every first attempt waits longer, by half.
//! 4. What a device's engine reports about its clock or id (idle, reboot, replaced device) is mended at once and without
//!    being counted as an attempt, three times a question.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::credentials::{Access, User};
use super::message::{self, Op, Query, Reply};
use super::usm::{self, Engine, Envelope, Head, Report};
use super::value::Malformed;
use crate::model::LabelValue;

/// How often the engine is mended for one question.
const MENDS: u32 = 3;
/// The largest UDP datagram.
const DATAGRAM: usize = 65_535;
/// The error-status of who may not see what is asked for.
const AUTHORIZATION_ERROR: i64 = 16;
/// A refused attempt is followed by the next after this; the agent may be starting.
const REFUSED: Duration = Duration::from_millis(200);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnmpError {
    /// Silence.
    #[error("no reply from {0} within {1:?}")]
    Timeout(SocketAddr, Duration),
    /// Nobody listens there, or a router says there is no way.
    #[error("{0} is unreachable: {1}")]
    Unreachable(SocketAddr, String),
    /// This host cannot send.
    #[error("cannot send to {0}: {1}")]
    Send(SocketAddr, String),
    /// The device does not let us in.
    #[error("{0} refuses the credentials: {1}")]
    Authentication(SocketAddr, String),
    /// It answers what is no answer.
    #[error("{0} sends replies that cannot be understood: {1}")]
    Malformed(SocketAddr, String),
    /// It says that it cannot answer.
    #[error("{0} answers with an error: {1}")]
    Status(SocketAddr, String),
    /// A table went backwards.
    #[error("{0} loops: after {1} comes {2}")]
    Loop(SocketAddr, String, String),
    /// The time for the whole device is over.
    #[error("the walk of {0} took longer than {1:?}")]
    Deadline(SocketAddr, Duration),
}

/// How patient to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the first attempt.
    pub timeout: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// For everything.
    pub whole: Duration,
}

/// A conversation.
pub struct Session {
    peer: SocketAddr,
    socket: UdpSocket,
    access: Access,
    patience: Patience,
    started: Instant,
    end: Instant,
    engine: Option<Engine>,
    buffer: Box<[u8]>,
    next_id: i32,
    /// Ids of the attempts at the present question.
    waiting: Vec<i32>,
    /// What came instead of an answer to it.
    garbage: Option<Malformed>,
    mends: u32,
    /// Rule 3: the last answer was to an earlier attempt.
    was_late: bool,
    /// The device has said something that can be understood.
    heard: bool,
    /// Datagrams sent.
    pub requests: u64,
    /// Those of them that repeat a question.
    pub retries: u64,
}

/// What a datagram meant.
enum Meaning {
    Answer(Reply),
    /// Ask again at once: the engine is known better now.
    Again,
    /// Nothing to us.
    Nothing,
}

impl Session {
    /// Opens a conversation. The engine is what [`Session::engine`] gave at the end of an earlier one.
    ///
    /// # Errors
    /// When this host has no way to the device.
    pub async fn open(
        peer: SocketAddr,
        access: Access,
        patience: Patience,
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
        let socket = opened.await.map_err(|error| sending(peer, &error))?;
        let random = RandomState::new().hash_one(peer);
        let started = Instant::now();
        Ok(Self {
            peer,
            socket,
            access,
            patience,
            started,
            end: started + patience.whole,
            engine,
            buffer: vec![0; DATAGRAM].into_boxed_slice(),
            // Positive, with room before it wraps.
            next_id: (random as u32 >> 2).cast_signed(),
            waiting: Vec::new(),
            garbage: None,
            mends: 0,
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

    /// When the conversation began.
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// Whether this is version 1.
    pub const fn is_v1(&self) -> bool {
        matches!(self.access, Access::Community { v1: true, .. })
    }

    /// Whether the last answer was to an earlier attempt than the last: what was asked was not too much for the device.
    pub const fn was_late(&self) -> bool {
        self.was_late
    }

    /// Attempts after the first, at most.
    pub const fn retries_allowed(&self) -> u32 {
        self.patience.retries
    }

    /// The id of the device's engine, where version 3 is spoken.
    pub fn engine_id(&self) -> Option<LabelValue> {
        self.engine.as_ref().map(Engine::id_text)
    }

    /// What is known of the device's engine, for the next conversation.
    pub fn into_engine(self) -> Option<Engine> {
        self.engine
    }

    /// Asks until there is an answer or the attempts are used up.
    pub async fn ask(&mut self, query: Query<'_>) -> Result<Reply, SnmpError> {
        self.question();
        let mut attempt = 0;
        loop {
            match self.attempt(query, attempt).await {
                Err(SnmpError::Timeout(..) | SnmpError::Unreachable(..)) if attempt < self.patience.retries => {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// A new question: replies to earlier ones are no longer waited for.
    pub fn question(&mut self) {
        self.waiting.clear();
        self.garbage = None;
        self.mends = 0;
    }

    /// Asks once, the `attempt`th time after the first.
    pub async fn attempt(&mut self, query: Query<'_>, attempt: u32) -> Result<Reply, SnmpError> {
        if attempt > 0 {
            self.retries += 1;
        }
        let patience = self
            .patience
            .timeout
            .mul_f64(1.5_f64.powi(attempt.min(8).cast_signed()));
        loop {
            // Anew after a mend: keys may have been made, and the answer is to another message.
            let until = (Instant::now() + patience).min(self.end);
            let discovering = matches!(self.access, Access::User(_)) && self.engine.is_none();
            self.send(query).await?;
            let reply = loop {
                if Instant::now() >= self.end {
                    return Err(self.silence(patience));
                }
                match timeout_at(until, self.socket.recv(&mut self.buffer)).await {
                    Err(_) => return Err(self.silence(patience)),
                    Ok(Err(error)) => {
                        sleep_until((Instant::now() + REFUSED).min(until)).await;
                        return Err(SnmpError::Unreachable(self.peer, error.to_string()));
                    }
                    Ok(Ok(length)) => match self.understand(length).await {
                        Ok(Meaning::Answer(reply)) if !discovering => {
                            self.heard = true;
                            break Some(reply);
                        }
                        Ok(Meaning::Again) => {
                            self.heard = true;
                            break None;
                        }
                        Ok(Meaning::Answer(_) | Meaning::Nothing) => {}
                        Err(Complaint::Malformed(problem)) => self.garbage = Some(problem),
                        Err(Complaint::Refused(text)) => return Err(SnmpError::Authentication(self.peer, text)),
                    },
                }
            };
            match reply {
                // The view this user may see does not hold it.
                Some(reply) if reply.status == AUTHORIZATION_ERROR => {
                    let text = message::status_name(reply.status).to_owned();
                    return Err(SnmpError::Authentication(self.peer, text));
                }
                Some(reply) => {
                    self.was_late = self.waiting.last().is_some_and(|last| i64::from(*last) != reply.id);
                    if self.was_late {
                        let longer = self.patience.timeout.mul_f64(1.5);
                        self.patience.timeout = longer.min(self.patience.whole / 4).max(self.patience.timeout);
                    }
                    return Ok(reply);
                }
                None => {}
            }
        }
    }

    /// An attempt's end without an answer.
    fn silence(&self, patience: Duration) -> SnmpError {
        match self.garbage {
            // Who never said anything is not slow.
            _ if Instant::now() >= self.end && self.heard => SnmpError::Deadline(self.peer, self.patience.whole),
            Some(problem) => SnmpError::Malformed(self.peer, problem.to_string()),
            None if Instant::now() >= self.end => SnmpError::Timeout(self.peer, self.patience.whole),
            None => SnmpError::Timeout(self.peer, patience),
        }
    }

    async fn send(&mut self, query: Query<'_>) -> Result<(), SnmpError> {
        let id = self.next_id;
        self.next_id = if id == i32::MAX { 1 } else { id + 1 };
        let bytes = match (&self.access, &self.engine) {
            (Access::Community { v1, community }, _) => message::with_community(*v1, community, id, query),
            (Access::User(_), None) => usm::discovery(id),
            (Access::User(_), Some(engine)) => engine.request(id, query),
        };
        let bytes = bytes.map_err(|problem| SnmpError::Send(self.peer, problem.to_string()))?;
        self.waiting.push(id);
        self.requests += 1;
        // An ICMP error for an earlier datagram is told once, by the next call: send again.
        let mut sent = self.socket.send(&bytes).await;
        if matches!(&sent, Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused) {
            sent = self.socket.send(&bytes).await;
        }
        sent.map(|_| ()).map_err(|error| sending(self.peer, &error))
    }

    async fn understand(&mut self, length: usize) -> Result<Meaning, Complaint> {
        let bytes = &self.buffer[..length];
        let user = match &self.access {
            Access::Community { v1, .. } => {
                let reply = message::read_with_community(*v1, bytes)?;
                let ours = reply.op == Op::Response && self.waiting.iter().any(|id| i64::from(*id) == reply.id);
                return Ok(if ours { Meaning::Answer(reply) } else { Meaning::Nothing });
            }
            Access::User(user) => user,
        };
        let head = Head::read(bytes)?;
        if !self.waiting.iter().any(|id| i64::from(*id) == head.message_id) {
            return Ok(Meaning::Nothing);
        }
        let envelope = head.open(user, self.engine.as_ref())?;
        if envelope.reply.op == Op::Report {
            let user = user.clone();
            return self.heed(user, envelope).await;
        }
        let Some(engine) = &mut self.engine else {
            return Ok(Meaning::Nothing);
        };
        if user.auth.is_some() && !engine.is_timely(&envelope) {
            return Err(Complaint::Malformed(Malformed("a reply from the past")));
        }
        engine.adjust(&envelope);
        let ours = self.waiting.iter().any(|id| i64::from(*id) == envelope.reply.id);
        Ok(if ours {
            Meaning::Answer(envelope.reply)
        } else {
            Meaning::Nothing
        })
    }

    /// Rule 4.
    async fn heed(&mut self, user: User, envelope: Envelope) -> Result<Meaning, Complaint> {
        let report = Report::of(&envelope.reply);
        self.mends += 1;
        if self.mends > MENDS {
            return Err(Complaint::Refused(report.explain().to_owned()));
        }
        match (&mut self.engine, report) {
            (None, _) if !envelope.engine_id.is_empty() => {
                // Hashing passwords takes milliseconds: not on a thread that others share.
                let derive = move || Engine::new(&user, &envelope.engine_id, envelope.clock);
                let derived = tokio::task::spawn_blocking(derive).await;
                let derived = derived.map_err(|_| Malformed("the engine id"))?;
                self.engine = Some(derived.map_err(Complaint::Refused)?);
                // Another discovery's late report says nothing about the engine that is known now.
                self.waiting.clear();
                Ok(Meaning::Again)
            }
            (None, _) => Err(Complaint::Malformed(Malformed("a report without an engine id"))),
            (Some(engine), Report::NotInTimeWindow) => {
                engine.adjust(&envelope);
                Ok(Meaning::Again)
            }
            // Another device at this address, or one that was set up anew: find out who it is.
            (Some(_), Report::UnknownEngine) => {
                self.engine = None;
                Ok(Meaning::Again)
            }
            (Some(_), report) => {
                // A device that was replaced knows another engine: the next walk asks anew.
                self.engine = None;
                Err(Complaint::Refused(report.explain().to_owned()))
            }
        }
    }
}

/// Why a datagram was no answer.
enum Complaint {
    Malformed(Malformed),
    Refused(String),
}

impl From<Malformed> for Complaint {
    fn from(problem: Malformed) -> Self {
        Self::Malformed(problem)
    }
}

fn sending(peer: SocketAddr, error: &std::io::Error) -> SnmpError {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable => SnmpError::Unreachable(peer, error.to_string()),
        _ => SnmpError::Send(peer, error.to_string()),
    }
}
