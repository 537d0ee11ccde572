//! Scans by request, `/sd` for Prometheus, and `/api/v1/events` for who wants to be told.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::HeaderValue;
use hyper::{Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::body::body;
use super::reply::{self, Body, Error, rfc3339};
use super::{Desk, query};
use crate::model::{Approval, Event, Method, Network, Patch, Record, Scan, Topic, parse_duration};
use crate::state::{DeviceView, PatchError, scan_state};

/// A line that keeps the connection of a listener alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A page that leaves a listener behind must not hold its place for ever.
const BACKLOG: usize = 64;

/// What the routes ask of the discoverer.
pub enum Request {
    /// Scan now; answered with the scan's number.
    Scan(Order, oneshot::Sender<Result<u64, OrderError>>),
    /// How a scan is going.
    Look(u64, oneshot::Sender<Option<Scan>>),
    /// The scans under way.
    Running(oneshot::Sender<Vec<Scan>>),
    /// A person's change of a device, and from where.
    Patch(
        u64,
        Box<Patch>,
        String,
        oneshot::Sender<Result<Arc<Record>, PatchError>>,
    ),
}

/// A scan by request: what is absent is as configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order {
    /// These networks.
    pub networks: Option<Vec<Network>>,
    /// Only what is on these interfaces.
    pub interfaces: Option<Vec<String>>,
    /// By these methods.
    pub methods: Option<Vec<Method>>,
    /// For this long at most.
    pub timeout: Option<Duration>,
}

/// Why a scan was not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderError {
    /// This one of the same network runs.
    Busy(u64),
    /// There is no network to scan, and why.
    Nothing(Vec<String>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderBody {
    networks: Option<Vec<Network>>,
    interfaces: Option<Vec<String>>,
    methods: Option<Vec<Method>>,
    timeout: Option<String>,
}

/// `POST /api/v1/discovery/scan`.
pub async fn scan(desk: &Desk, request: &mut hyper::Request<Incoming>) -> Result<Response<Body>, Error> {
    let body: OrderBody = body(request).await?.unwrap_or_default();
    if body.networks.iter().flatten().any(|network| network.length() < 16) {
        return Err(Error::bad_request(
            "a network may be /16 at most: name the parts of it that are in use",
        ));
    }
    for (name, empty) in [
        ("networks", body.networks.as_ref().is_some_and(Vec::is_empty)),
        ("interfaces", body.interfaces.as_ref().is_some_and(Vec::is_empty)),
        ("methods", body.methods.as_ref().is_some_and(Vec::is_empty)),
    ] {
        if empty {
            return Err(Error::bad_request(format!(
                "{name} is empty: leave it out, or name some"
            )));
        }
    }
    let timeout = body
        .timeout
        .as_deref()
        .map(parse_duration)
        .transpose()
        .map_err(Error::bad_request)?;
    let order = Order {
        networks: body.networks,
        interfaces: body.interfaces,
        methods: body.methods,
        timeout,
    };
    let (answer, started) = oneshot::channel();
    let _ = desk.discovery.send(Request::Scan(order, answer)).await;
    match started.await {
        Ok(Ok(id)) => {
            let mut response = reply::json(&json!({ "id": id }));
            *response.status_mut() = StatusCode::ACCEPTED;
            if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/discovery/scans/{id}")) {
                response.headers_mut().insert(header::LOCATION, place);
            }
            Ok(response)
        }
        Ok(Err(OrderError::Busy(id))) => Err(Error::conflict(format!(
            "scan {id} of the same network is still running"
        ))),
        Ok(Err(OrderError::Nothing(why))) => {
            let why = if why.is_empty() {
                String::new()
            } else {
                format!(": {}", why.join("; "))
            };
            Err(Error::bad_request(format!("there is no network to scan{why}")))
        }
        Err(_) => Err(Error::unavailable("lanpulse is stopping")),
    }
}

/// `GET /api/v1/discovery/scans/{id}`.
pub async fn look(desk: &Desk, id: u64) -> Result<Response<Body>, Error> {
    let (answer, found) = oneshot::channel();
    let _ = desk.discovery.send(Request::Look(id, answer)).await;
    let scan = found.await.ok().flatten().ok_or_else(Error::not_found)?;
    let [asked, answered, total] = scan.counts;
    let sweeps: Vec<Value> = scan
        .sweeps
        .iter()
        .map(|sweep| {
            json!({
                "network": sweep.network, "method": sweep.method, "result": sweep.outcome, "asked": sweep.asked,
                "answered": sweep.answered, "left": sweep.left, "duration_seconds": sweep.took.as_secs_f64(),
                "reason": sweep.why,
            })
        })
        .collect();
    Ok(reply::json(&json!({
        "id": scan.id,
        "state": if scan.ended.is_some() { scan_state(&scan.sweeps) } else { "running" },
        "started": rfc3339(scan.started),
        "ended": scan.ended.map(rfc3339),
        "asked": asked,
        "answered": answered,
        "left": total.saturating_sub(asked),
        "passes": sweeps,
        "notes": scan.notes,
    })))
}

/// One target of `/sd`.
struct Target<'a> {
    name: &'a str,
    address: String,
    view: Option<&'a DeviceView>,
    record: Option<&'a Record>,
}

impl Target<'_> {
    /// Configured ones are approved by whoever configured them.
    fn approval(&self) -> Approval {
        let configured = self.view.is_some_and(|view| !view.discovered);
        if configured {
            Approval::Approved
        } else {
            self.record.map_or(Approval::New, |record| record.approval)
        }
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::new();
        let mut add = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                labels.insert(format!("__meta_lanpulse_{name}"), value.to_owned());
            }
        };
        let fact = |topic| {
            self.record
                .and_then(|record| record.fact(topic))
                .map(|fact| fact.value.as_str())
        };
        let target = self.view.map(|view| &view.target);
        add("device", Some(self.name));
        add("address", Some(&self.address));
        add("status", Some(self.approval().as_str()));
        add(
            "role",
            target
                .and_then(|target| target.role.as_ref())
                .map(crate::model::LabelValue::as_str),
        );
        add(
            "site",
            target
                .and_then(|target| target.site.as_ref())
                .map(crate::model::LabelValue::as_str),
        );
        for (name, topic) in [
            ("vendor", Topic::Vendor),
            ("hostname", Topic::Hostname),
            ("model", Topic::Model),
        ] {
            add(name, fact(topic));
        }
        if let Some(record) = self.record {
            add("class", Some(record.class().as_str()));
            add("mac", record.mac().map(|mac| mac.to_string()).as_deref());
            add("online", Some(if record.online { "true" } else { "false" }));
        }
        let own = target
            .map(|target| &target.labels)
            .or(self.record.map(|record| &record.labels));
        for (name, value) in own.into_iter().flatten() {
            add(&format!("label_{name}"), Some(value.as_str()));
        }
        labels
    }
}

/// `GET /sd`: HTTP service discovery for Prometheus.
pub async fn targets(desk: &Desk, request: &hyper::Request<Incoming>) -> Result<Response<Body>, Error> {
    let mut filters: Vec<(String, String)> = Vec::new();
    let mut port = None;
    for (key, value) in query::pairs(request.uri().query().unwrap_or_default()) {
        match key.as_str() {
            "port" => {
                let number = value.parse::<u16>().ok().filter(|port| *port > 0);
                port = Some(number.ok_or_else(|| Error::bad_request("port: expected a number from 1 to 65535"))?);
            }
            "status" if Approval::parse(&value).is_none() => {
                return Err(Error::bad_request("status: expected new, approved, ignored or blocked"));
            }
            "class" | "role" | "site" | "status" | "probe" => filters.push((key, value)),
            _ => {
                return Err(Error::bad_request(
                    "the query takes port, class, role, site, status and probe",
                ));
            }
        }
    }
    if filters.iter().all(|(key, _)| key != "status") {
        filters.push(("status".into(), "approved".into()));
    }
    let snapshot = desk.snapshot().await?;
    let mut all: Vec<Target> = snapshot
        .devices
        .iter()
        .map(|view| Target {
            name: view.target.name.as_str(),
            address: view.target.address.to_string(),
            view: Some(view),
            record: view.record.as_deref(),
        })
        .collect();
    let watched: HashSet<&str> = all.iter().map(|target| target.name).collect();
    all.extend(
        snapshot
            .inventory
            .records
            .iter()
            .filter(|record| !watched.contains(record.name.as_str()))
            .filter_map(|record| {
                Some(Target {
                    name: record.name.as_str(),
                    address: record.address()?.to_string(),
                    view: None,
                    record: Some(record),
                })
            }),
    );
    let groups: Vec<Value> = all
        .iter()
        .filter(|target| sweeps(target, &filters))
        .map(|target| group(target, port))
        .collect();
    Ok(reply::json(&groups))
}

/// Whether a target passes: of several values for one key any is enough.
fn sweeps(target: &Target, filters: &[(String, String)]) -> bool {
    let labels = target.labels();
    let has = |key: &str, value: &str| match key {
        "probe" => {
            let probes = target
                .view
                .map(|view| view.target.probes.as_slice())
                .unwrap_or_default();
            probes
                .iter()
                .any(|probe| probe.kind().as_str() == value || &*probe.name == value)
        }
        key => labels
            .get(&format!("__meta_lanpulse_{key}"))
            .is_some_and(|own| own == value),
    };
    filters
        .iter()
        .all(|(key, _)| filters.iter().any(|(other, value)| other == key && has(key, value)))
}

fn group(target: &Target, port: Option<u16>) -> Value {
    let address = match (target.address.parse::<IpAddr>(), port) {
        (Ok(IpAddr::V6(ip)), Some(port)) => format!("[{ip}]:{port}"),
        (_, Some(port)) => format!("{}:{port}", target.address),
        (_, None) => target.address.clone(),
    };
    json!({ "targets": [address], "labels": target.labels() })
}

/// `GET /api/v1/events`: server-sent events (HTML standard, section 9.2).
pub async fn events(desk: &Arc<Desk>, request: &hyper::Request<Incoming>) -> Result<Response<Body>, Error> {
    let after = request
        .headers()
        .get("last-event-id")
        .and_then(|id| id.to_str().ok()?.trim().parse::<u64>().ok());
    let place = desk.listening.clone().try_acquire_owned();
    let place = place.map_err(|_| Error::unavailable("too many listeners; try again later"))?;
    // Subscribed before the past is read: nothing falls between.
    let news = desk.events.subscribe();
    let past = desk.snapshot().await?.inventory.recent.clone();
    let (out, chunks) = mpsc::channel(BACKLOG);
    let mut ready = desk.ready.clone();
    tokio::spawn(async move {
        let _place = place;
        let ended = async {
            let _ = ready.wait_for(|ready| !*ready).await;
        };
        tokio::select! {
            () = tell(out, past, news, after) => {}
            () = ended => {}
        }
    });
    let mut response = Response::new(Chunks(chunks).boxed_unsync());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

async fn tell(out: mpsc::Sender<Bytes>, past: Vec<Event>, mut news: broadcast::Receiver<Event>, after: Option<u64>) {
    let latest = past.last().map_or(0, |event| event.id);
    let mut told = after.unwrap_or(latest);
    let hello = json!({ "version": env!("CARGO_PKG_VERSION"), "last_event_id": latest });
    if out
        .send(format!("event: hello\ndata: {hello}\n\n").into())
        .await
        .is_err()
    {
        return;
    }
    for event in past.iter().filter(|event| after.is_some_and(|after| event.id > after)) {
        told = event.id;
        if out.send(frame(event)).await.is_err() {
            return;
        }
    }
    loop {
        let chunk = match tokio::time::timeout(KEEP_ALIVE, news.recv()).await {
            Err(_) => Bytes::from_static(b": still here\n\n"),
            Ok(Ok(event)) if event.id <= told => continue,
            Ok(Ok(event)) => {
                told = event.id;
                frame(&event)
            }
            // Too slow, or the daemon stops: the listener comes back and says where it was.
            Ok(Err(_)) => return,
        };
        if out.send(chunk).await.is_err() {
            return;
        }
    }
}

fn frame(event: &Event) -> Bytes {
    format!("id: {}\nevent: {}\ndata: {}\n\n", event.id, event.kind, event.detail).into()
}

/// A body that goes on until its sender is gone.
struct Chunks(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0
            .poll_recv(context)
            .map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}
