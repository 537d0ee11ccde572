//! The HTTP face: one match on method and path.
//!
//! Gets a `Desk` of channels to the daemon; gives pages, JSON and metrics. Never changes state itself: it asks.

mod access;
mod audit;
mod body;
mod bucket;
mod connections;
mod devices;
mod discovery;
mod failures;
mod gate;
mod heartbeats;
mod intake;
mod landing;
mod openapi;
mod ping;
mod probe;
mod query;
mod reply;
mod report;
mod roll;
mod routes;
mod schemas;
mod scrape;
mod serve;
mod tokens;
mod web;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use hyper::body::Incoming;
use hyper::{Method, Response};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::metrics;
use crate::model::EventRecord;
use crate::state::Snapshot;

pub use access::Caller;
pub use audit::{AuditQuery, Audits};
pub use discovery::{Order, OrderError, Request};
pub use failures::Failures;
pub use gate::{Directory, Gate, digest};
pub use heartbeats::{HeartbeatAsk, HeartbeatDesk, Recorded};
pub use probe::{ProbeAnswer, ProbeRefusal, ProbeRequest, Probes, Probing};
pub use scrape::Renderings;
pub use serve::{BindError, PLAIN_HTTP, bind, serve};
pub use tokens::{Scope, Secret, Settings, Token, new_token};
pub use web::{Web, check as check_web, problems_of as web_problems_of};

use reply::{Body, Error};

/// Asks for a reload; the answer is a summary or every problem.
pub type ReloadRequest = oneshot::Sender<Result<String, Vec<String>>>;

/// How the daemon answers what the routes need.
pub struct Desk {
    /// Fetches a snapshot of the state.
    pub snapshots: Snapshots,
    /// Has something probed.
    pub probes: Probes,
    /// Asks for a reload.
    pub reloads: mpsc::Sender<ReloadRequest>,
    /// What to expose.
    pub series: watch::Receiver<Arc<metrics::Settings>>,
    /// Whether the state is loaded and jobs run.
    pub ready: watch::Receiver<bool>,
    /// Counts series that a scrape had to leave out.
    pub series_over_limit: Arc<AtomicU64>,
    /// TLS, users, headers and the rate limit.
    pub web: Arc<Web>,
    /// The API tokens.
    pub api: watch::Receiver<Arc<Settings>>,
    /// Wrong credentials so far.
    pub failures: Failures,
    /// Expositions that are rendered or wait for it.
    pub renderings: Renderings,
    /// Asks the discoverer.
    pub discovery: mpsc::Sender<Request>,
    /// What happens, for those who listen.
    pub events: broadcast::Sender<EventRecord>,
    /// Places for listeners.
    pub listening: Arc<tokio::sync::Semaphore>,
    /// Reads who changed what.
    pub audits: Audits,
    /// Heartbeats: who may report, and to whom.
    pub heartbeats: HeartbeatDesk,
}

/// Sends off a request for a snapshot.
pub type Snapshots = Box<dyn Fn(oneshot::Sender<Arc<Snapshot>>) -> Sent + Send + Sync>;
/// A request on its way.
pub type Sent = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where there is nobody to ask for a snapshot.
const STATELESS: &str = "lanpulse is starting or stopping; try again in a moment";

impl Desk {
    /// What is true now.
    ///
    /// # Errors
    /// 503 while the daemon starts or stops.
    async fn snapshot(&self) -> Result<Arc<Snapshot>, Error> {
        let (answer, snapshot) = oneshot::channel();
        (self.snapshots)(answer).await;
        snapshot.await.map_err(|_| Error::unavailable(STATELESS))
    }
}

/// Answers one request. Whatever goes wrong is an answer too.
async fn route(desk: &Arc<Desk>, peer: SocketAddr, mut request: hyper::Request<Incoming>) -> Response<Body> {
    let live = desk.web.now().await;
    let admitted = access::admit(desk, &live, peer, &request).await;
    let mut answer = match admitted {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            if let Some(claim) = heartbeats::claim(request.uri().path()) {
                heartbeats::answer(desk, peer, request, claim).await
            } else {
                let answer = dispatch(desk, peer, &mut request).await;
                finished(request, answer.unwrap_or_else(Error::into_response)).await
            }
        }
        Err(error) => finished(request, error.into_response()).await,
    };
    for (name, value) in &live.headers {
        answer.headers_mut().insert(name, value.clone());
    }
    answer
}

/// An answer to a request whose body nobody has read.
async fn finished(request: hyper::Request<Incoming>, answer: Response<Body>) -> Response<Body> {
    let answer = reply::finish(&request, answer);
    reply::drain(request).await;
    answer
}

async fn dispatch(
    desk: &Arc<Desk>,
    peer: SocketAddr,
    request: &mut hyper::Request<Incoming>,
) -> Result<Response<Body>, Error> {
    let path = request.uri().path().to_owned();
    let path = path.as_str();
    // A path that ends in a number is about one thing.
    let (stem, id) = match path.rsplit_once('/') {
        Some((stem, last)) => (stem, last.parse::<u64>().ok()),
        None => (path, None),
    };
    let (read, write) = ([Method::GET, Method::HEAD], [Method::POST, Method::PUT]);
    let (device, post) = ([Method::GET, Method::HEAD, Method::PATCH], [Method::POST]);
    let allowed: &[Method] = match path {
        "/"
        | "/metrics"
        | "/-/healthy"
        | "/-/ready"
        | "/api/v1/targets"
        | "/api/v1/status"
        | "/api/v1/devices"
        | "/sd"
        | "/api/v1/events"
        | "/api/v1/audit"
        | "/api/v1/outages"
        | "/probe"
        | "/api/v1/openapi.json" => &read,
        "/-/reload" => &write,
        "/api/v1/discovery/scan" => &post,
        _ => match (stem, id) {
            ("/api/v1/devices", Some(_)) => &device,
            ("/api/v1/discovery/scans", Some(_)) => &read,
            _ => return Err(Error::not_found()),
        },
    };
    if !allowed.contains(request.method()) {
        return Err(Error::method(allowed));
    }
    match path {
        "/" => landing::page(desk).await,
        "/metrics" => scrape::metrics(desk, request).await,
        "/-/healthy" => Ok(reply::text("lanpulse is healthy.\n")),
        "/-/ready" if *desk.ready.borrow() => Ok(reply::text("lanpulse is ready.\n")),
        "/-/ready" => Err(Error::unavailable("lanpulse is starting; try again in a moment")),
        "/api/v1/targets" => report::targets(desk).await,
        "/api/v1/status" => report::status(desk).await,
        "/api/v1/openapi.json" => Ok(openapi::document()),
        "/api/v1/devices" => devices::list(desk, request).await,
        "/api/v1/events" => discovery::events(desk, request).await,
        "/sd" => discovery::targets(desk, request).await,
        "/api/v1/outages" => probe::outages(desk).await,
        "/probe" => probe::probe(desk, request).await,
        "/api/v1/audit" => {
            access::may_write(peer, request)?;
            audit::list(desk, request).await
        }
        "/-/reload" => {
            access::may_write(peer, request)?;
            reload(desk).await
        }
        "/api/v1/discovery/scan" => {
            access::may_write(peer, request)?;
            discovery::scan(desk, request).await
        }
        _ => match (stem, id) {
            ("/api/v1/devices", Some(id)) if request.method() == Method::PATCH => {
                access::may_write(peer, request)?;
                devices::patch(desk, peer, id, request).await
            }
            ("/api/v1/devices", Some(id)) => devices::show(desk, id).await,
            ("/api/v1/discovery/scans", Some(id)) => discovery::look(desk, id).await,
            _ => Err(Error::not_found()),
        },
    }
}

async fn reload(desk: &Desk) -> Result<Response<Body>, Error> {
    let (answer, outcome) = oneshot::channel();
    let _ = desk.reloads.send(answer).await;
    match outcome.await {
        Ok(Ok(summary)) => Ok(reply::json(
            &serde_json::json!({ "status": "reloaded", "message": summary }),
        )),
        Ok(Err(problems)) => Err(Error::configuration(&problems)),
        Err(_) => Err(Error::unavailable("lanpulse is stopping")),
    }
}
