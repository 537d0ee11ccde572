//! `/api/v1/discovery`: starts scans, and shows how they go.

use std::sync::Arc;

use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::app::App;
use super::commands::{DiscoveryCommand, ScanRefusal, ScanRequest};
use super::time::rfc3339;
use crate::model::{Method, Network, parse_duration};
use crate::serve::{self, Body, Error, Request};
use crate::state::scan_state;

/// The shortest prefix of a network that is scanned, in bits.
const SHORTEST_PREFIX: u8 = 16;

/// The body of a request for a scan.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScanBody {
    networks: Option<Vec<Network>>,
    interfaces: Option<Vec<String>>,
    methods: Option<Vec<Method>>,
    timeout: Option<String>,
}

impl ScanBody {
    fn check(self) -> Result<ScanRequest, Error> {
        let too_large = |network: &Network| network.length() < SHORTEST_PREFIX;
        if self.networks.iter().flatten().any(too_large) {
            return Err(Error::bad_request(
                "a network may be /16 at most: name the parts of it that are in use",
            ));
        }
        for (name, empty) in [
            ("networks", self.networks.as_ref().is_some_and(Vec::is_empty)),
            ("interfaces", self.interfaces.as_ref().is_some_and(Vec::is_empty)),
            ("methods", self.methods.as_ref().is_some_and(Vec::is_empty)),
        ] {
            if empty {
                let message = format!("{name} is empty: leave it out, or name some");
                return Err(Error::bad_request(message));
            }
        }
        let timeout = self.timeout.as_deref().map(parse_duration).transpose();
        Ok(ScanRequest {
            networks: self.networks,
            interfaces: self.interfaces,
            methods: self.methods,
            timeout: timeout.map_err(Error::bad_request)?,
        })
    }
}

/// `POST /api/v1/discovery/scan`.
pub async fn start(app: &Arc<App>, request: &mut Request) -> Result<Response<Body>, Error> {
    let body: Option<ScanBody> = request.json().await?;
    let scan = body.unwrap_or_default().check()?;
    let (answer, started) = oneshot::channel();
    let _ = app.discovery.send(DiscoveryCommand::Scan(scan, answer)).await;
    match started.await {
        Ok(Ok(id)) => {
            let mut response = serve::json(&json!({ "id": id }));
            *response.status_mut() = StatusCode::ACCEPTED;
            if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/discovery/scans/{id}")) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            Ok(response)
        }
        Ok(Err(ScanRefusal::Busy(id))) => Err(Error::conflict(format!(
            "scan {id} of the same network is still running"
        ))),
        Ok(Err(ScanRefusal::Nothing(reasons))) => {
            let why = if reasons.is_empty() {
                String::new()
            } else {
                format!(": {}", reasons.join("; "))
            };
            Err(Error::bad_request(format!("there is no network to scan{why}")))
        }
        Err(_) => Err(Error::unavailable("lanpulse is stopping")),
    }
}

/// `GET /api/v1/discovery/scans/{id}`.
pub async fn look(app: &Arc<App>, request: &Request) -> Result<Response<Body>, Error> {
    let (answer, found) = oneshot::channel();
    let command = DiscoveryCommand::Look(request.id()?, answer);
    let _ = app.discovery.send(command).await;
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
    Ok(serve::json(&json!({
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
