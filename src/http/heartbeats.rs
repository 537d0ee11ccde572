//! The routes of heartbeats: reports come in by name or by healthchecks' URLs, states go out, pauses are set.
//!
//! Gets who may report from `gate`, paths from `ping` and bodies from `intake`; gives reports to the daemon and
//! acknowledges them when it has stored them. Paths that hold tokens are never logged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::gate::{Access, Gate, Rejection};
use super::intake::{self, Intake};
use super::ping::{self, Create, NoPing, Ping};
use super::reply::{self, Body, Error};
use super::{Desk, Sent, access, roll};
use crate::model::{Enrolment, Heartbeat, LabelValue, Methods, Signal, SignalRecord, Token};

/// How long a report may wait for the disk before the client is told to try again.
const PATIENCE: Duration = Duration::from_secs(10);
/// What `/api/v1/heartbeats/{name}` takes.
const METHODS: [Method; 5] = [Method::GET, Method::HEAD, Method::PATCH, Method::POST, Method::DELETE];
/// What `/ping/...` takes at most.
const PINGS: [Method; 3] = [Method::GET, Method::HEAD, Method::POST];
/// Reports that one answer shows.
const SHOWN: usize = 20;

/// What the daemon is asked about heartbeats.
#[derive(Debug)]
pub enum HeartbeatAsk {
    /// Take in a report, and answer once it is on disk. The sender is dropped where it could not be stored.
    Report {
        /// Whose.
        name: LabelValue,
        /// What.
        signal: Box<Signal>,
        /// Make it, if there is none.
        create: Option<Arc<Heartbeat>>,
        /// The answer.
        done: oneshot::Sender<Recorded>,
    },
    /// Forget one that a client has provisioned, and answer once it is gone from the disk.
    Forget {
        /// Which.
        name: LabelValue,
        /// The answer.
        done: oneshot::Sender<Recorded>,
    },
    /// Pause or resume, and answer once that is on disk.
    Pause {
        /// Which.
        name: LabelValue,
        /// Whether.
        paused: bool,
        /// The answer.
        done: oneshot::Sender<Recorded>,
    },
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is on disk.
    Stored,
    /// It is on disk, and the heartbeat is new.
    Created,
    /// There is no such heartbeat.
    Unknown,
    /// It is configured, and no client's.
    Configured,
    /// There are as many provisioned heartbeats as may be.
    Full,
}

/// How the daemon answers about heartbeats.
pub struct HeartbeatDesk {
    /// Who may report.
    pub gate: Arc<Gate>,
    /// Asks.
    pub ask: Box<dyn Fn(HeartbeatAsk) -> Sent + Send + Sync>,
    /// Fetches the latest reports of one, the newest first. The sender is dropped where they cannot be read.
    pub history: History,
}

/// Sends off a request for so many of the latest reports of a heartbeat.
pub type History = Box<dyn Fn(LabelValue, usize, oneshot::Sender<Vec<SignalRecord>>) -> Sent + Send + Sync>;

/// A path of ours.
pub enum Claim {
    /// What follows `/ping/`.
    Ping(String),
    /// `/api/v1/heartbeats`
    All,
    /// `/api/v1/heartbeats/{name}`
    One(String),
}

/// Whether a path is ours.
pub fn claim(path: &str) -> Option<Claim> {
    if let Some(rest) = path.strip_prefix("/ping/") {
        return Some(Claim::Ping(rest.to_owned()));
    }
    match path.strip_prefix("/api/v1/heartbeats")? {
        "" => Some(Claim::All),
        rest => {
            let name = ping::decode(rest.strip_prefix('/')?)?;
            (!name.is_empty()).then_some(Claim::One(name))
        }
    }
}

/// Answers a request for a path of ours.
pub async fn answer(desk: &Desk, peer: SocketAddr, request: Request<Incoming>, claim: Claim) -> Response<Body> {
    let mut intake = Intake::new(request);
    let answer = match claim {
        Claim::Ping(_) if !PINGS.contains(intake.method()) => Err(Error::method(&PINGS).into()),
        Claim::Ping(rest) => report_by_ping(desk, peer, &mut intake, &rest).await,
        Claim::All if intake.is_read() => roll::all(desk).await.map_err(Refusal::from),
        Claim::All => Err(Error::method(&[Method::GET, Method::HEAD]).into()),
        Claim::One(name) if intake.is_read() => one(desk, &name).await.map_err(Refusal::from),
        Claim::One(name) if intake.method() == Method::PATCH => change(desk, peer, &mut intake, &name).await,
        Claim::One(name) if intake.method() == Method::POST => report_by_name(desk, peer, &mut intake, &name).await,
        Claim::One(name) if intake.method() == Method::DELETE => forget(desk, peer, &intake, &name).await,
        Claim::One(_) => Err(Error::method(&METHODS).into()),
    };
    let answer = answer.unwrap_or_else(Refusal::into_response);
    reply::seal(answer, intake.must_close())
}

/// Why a request is refused, and when to come again.
pub struct Refusal {
    error: Error,
    after: Option<Duration>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, after: None }
    }
}

impl Refusal {
    fn wait(after: Duration) -> Self {
        Self {
            error: Error::too_many(),
            after: Some(after),
        }
    }

    fn unavailable(message: &'static str) -> Self {
        Self {
            error: Error::unavailable(message),
            after: Some(Duration::from_secs(2)),
        }
    }

    fn into_response(self) -> Response<Body> {
        let mut response = self.error.into_response();
        if let Some(after) = self.after {
            let seconds = after.as_secs_f64().ceil().max(1.0) as u64;
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// `/ping/{token}` and its like.
async fn report_by_ping(
    desk: &Desk,
    peer: SocketAddr,
    intake: &mut Intake,
    rest: &str,
) -> Result<Response<Body>, Refusal> {
    ready(desk)?;
    let gate = &desk.heartbeats.gate;
    let Ping {
        token,
        name,
        kind,
        run_id,
        create,
    } = match ping::read(rest, intake.query()) {
        Ok(ping) => ping,
        Err(NoPing::Unknown) => return Err(refused(gate, peer)),
        Err(NoPing::Wrong(why)) => {
            gate.reject("".into(), Rejection::Malformed);
            return Err(Error::bad_request(why).into());
        }
    };
    let access = match &name {
        Some(name) => gate.by_name(name, &token),
        None => gate.by_token(&token),
    };
    // A key and a name are for provisioned heartbeats; the others have a token of their own.
    let access = match access {
        Access::Known(heartbeat) if name.is_some() && heartbeat.token != Token::Enrolment => Access::Nobody,
        access => access,
    };
    let (heartbeat, new) = admit(gate, peer, access, name.as_deref(), create)?;
    let methods = heartbeat.methods;
    let taken = match *intake.method() {
        Method::GET => methods.get,
        Method::HEAD => methods.head,
        Method::POST => methods.post,
        _ => false,
    };
    if !taken {
        gate.reject(heartbeat.name.clone(), Rejection::Method);
        return Err(Error::method(&allowed(methods)).into());
    }
    let body = intake
        .tail()
        .await
        .inspect_err(|error| gate.reject(heartbeat.name.clone(), why(error)))?;
    let signal = Signal {
        kind,
        run_id,
        duration: None,
        source: Some(peer.ip().to_canonical()),
        message: intake::message(&body),
    };
    let recorded = record(desk, &heartbeat, signal, new).await?;
    let (status, text) = match recorded {
        Recorded::Created => (StatusCode::CREATED, "Created"),
        _ => (StatusCode::OK, "OK"),
    };
    let mut response = reply::text(text);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(HeaderName::from_static("ping-body-limit"), intake::KEPT_BYTES.into());
    Ok(response)
}

/// `POST /api/v1/heartbeats/{name}`
async fn report_by_name(
    desk: &Desk,
    peer: SocketAddr,
    intake: &mut Intake,
    name: &str,
) -> Result<Response<Body>, Refusal> {
    ready(desk)?;
    let gate = &desk.heartbeats.gate;
    let access = match intake.bearer() {
        Some(token) => gate.by_name(name, token),
        None => Access::Nobody,
    };
    let create = match &access {
        Access::Nobody => None,
        _ => ping::create(intake.query()).map_err(Error::bad_request)?,
    };
    let (heartbeat, new) = admit(gate, peer, access, Some(name), create)?;
    let signal = intake
        .signal(peer.ip().to_canonical())
        .await
        .inspect_err(|error| gate.reject(heartbeat.name.clone(), why(error)))?;
    let recorded = record(desk, &heartbeat, signal, new).await?;
    let mut response = reply::json(&serde_json::json!({
        "status": "recorded",
        "heartbeat": heartbeat.name.as_str(),
        "created": recorded == Recorded::Created,
    }));
    if recorded == Recorded::Created {
        *response.status_mut() = StatusCode::CREATED;
    }
    Ok(response)
}

/// Lets a report in, or refuses it; and says whether its heartbeat is still to be made.
fn admit(
    gate: &Gate,
    peer: SocketAddr,
    access: Access,
    name: Option<&str>,
    create: Option<Create>,
) -> Result<(Arc<Heartbeat>, bool), Refusal> {
    let (heartbeat, new) = match (access, name, create) {
        (Access::Known(heartbeat), _, _) => (heartbeat, false),
        (Access::Enrols(enrolment), Some(name), create) => {
            let name = ping::slug(name).map_err(|_| {
                gate.reject("".into(), Rejection::Malformed);
                Error::bad_request("a new name has lower-case letters, digits, - and _, 64 at most")
            })?;
            // Without the wish for a new one it may have been made a moment ago: the state knows.
            let heartbeat = provisioned(&name, create.unwrap_or_default(), &enrolment);
            (Arc::new(heartbeat), create.is_some())
        }
        _ => return Err(refused(gate, peer)),
    };
    gate.report(&heartbeat, peer.ip(), Instant::now().into_std())
        .map_err(Refusal::wait)?;
    Ok((heartbeat, new))
}

/// A heartbeat as a client asks for it.
fn provisioned(name: &str, create: Create, enrolment: &Enrolment) -> Heartbeat {
    Heartbeat::provisioned(
        name.into(),
        create.every.unwrap_or(enrolment.every),
        create.grace.unwrap_or(enrolment.grace),
    )
}

/// The same for an unknown heartbeat and a wrong token.
fn refused(gate: &Gate, peer: SocketAddr) -> Refusal {
    match gate.wrong(peer.ip(), Instant::now().into_std()) {
        Ok(()) => Error::no_heartbeat().into(),
        Err(after) => Refusal::wait(after),
    }
}

fn why(error: &Error) -> Rejection {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Rejection::TooLarge
    } else {
        Rejection::Malformed
    }
}

fn allowed(methods: Methods) -> Vec<Method> {
    [
        (methods.get, Method::GET),
        (methods.head, Method::HEAD),
        (methods.post, Method::POST),
    ]
    .into_iter()
    .filter_map(|(on, method)| on.then_some(method))
    .collect()
}

/// Before the configuration is there nobody can be told apart from a stranger.
fn ready(desk: &Desk) -> Result<(), Refusal> {
    if *desk.ready.borrow() {
        return Ok(());
    }
    Err(Refusal::unavailable(
        "lanpulse is starting or stopping; try again in a moment",
    ))
}

/// Waits until a report is on disk.
async fn record(desk: &Desk, heartbeat: &Arc<Heartbeat>, signal: Signal, new: bool) -> Result<Recorded, Refusal> {
    let (done, outcome) = oneshot::channel();
    let ask = HeartbeatAsk::Report {
        name: heartbeat.name.clone(),
        signal: Box::new(signal),
        create: new.then(|| heartbeat.clone()),
        done,
    };
    let recorded = stored(desk, ask, outcome).await.inspect_err(|_| {
        desk.heartbeats.gate.reject(heartbeat.name.clone(), Rejection::Store);
    })?;
    match recorded {
        Recorded::Unknown => Err(Error::no_heartbeat().into()),
        Recorded::Full => Err(Error::forbidden("there are as many provisioned heartbeats as may be").into()),
        recorded => Ok(recorded),
    }
}

async fn stored(desk: &Desk, ask: HeartbeatAsk, outcome: oneshot::Receiver<Recorded>) -> Result<Recorded, Refusal> {
    let answer = async {
        (desk.heartbeats.ask)(ask).await;
        outcome.await.ok()
    };
    let recorded = tokio::time::timeout(PATIENCE, answer).await.ok().flatten();
    recorded.ok_or_else(|| Refusal::unavailable("it could not be stored; try again"))
}

/// `GET /api/v1/heartbeats/{name}`
async fn one(desk: &Desk, name: &str) -> Result<Response<Body>, Error> {
    let snapshot = desk.snapshot().await?;
    let view = snapshot
        .heartbeats
        .iter()
        .find(|view| view.heartbeat.name.as_str() == name)
        .ok_or_else(Error::no_heartbeat)?;
    let (answer, signals) = oneshot::channel();
    (desk.heartbeats.history)(view.heartbeat.name.clone(), SHOWN, answer).await;
    let signals = signals
        .await
        .map_err(|_| Error::unavailable("the reports cannot be read from the store now; the log has more"))?;
    Ok(roll::one(view, &signals))
}

/// `DELETE /api/v1/heartbeats/{name}`
async fn forget(desk: &Desk, peer: SocketAddr, intake: &Intake, name: &str) -> Result<Response<Body>, Refusal> {
    access::may_write(peer, intake.request())?;
    let (done, outcome) = oneshot::channel();
    let name = name.into();
    match stored(desk, HeartbeatAsk::Forget { name, done }, outcome).await? {
        Recorded::Unknown => Err(Error::no_heartbeat().into()),
        Recorded::Configured => {
            Err(Error::bad_request("it is in the configuration: take it out there, or pause it").into())
        }
        _ => Ok(reply::json(&serde_json::json!({ "status": "deleted" }))),
    }
}

/// `PATCH /api/v1/heartbeats/{name}`
async fn change(desk: &Desk, peer: SocketAddr, intake: &mut Intake, name: &str) -> Result<Response<Body>, Refusal> {
    access::may_write(peer, intake.request())?;
    let Some(paused) = intake.paused().await? else {
        return Err(Error::bad_request("write {\"paused\": true} or {\"paused\": false}").into());
    };
    let (done, outcome) = oneshot::channel();
    let ask = HeartbeatAsk::Pause {
        name: name.into(),
        paused,
        done,
    };
    match stored(desk, ask, outcome).await? {
        Recorded::Unknown => Err(Error::no_heartbeat().into()),
        _ => Ok(one(desk, name).await?),
    }
}
