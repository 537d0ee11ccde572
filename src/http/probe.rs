//! `/probe?target=&module=`: probes what the scraper names, the way `blackbox_exporter` does, and `/api/v1/outages`.
//!
//! Whoever may read may make lanpulse ask any address for any path: modules are only those in the configuration, of
//! which there is none by default, and answers show numbers only, never a body. See `docs/probe.md`.

use std::time::Duration;

use hyper::header::HeaderName;
use hyper::{Request, Response};
use tokio::sync::Semaphore;

use super::reply::{self, Body, Error, rfc3339};
use super::{Desk, query};
use crate::metrics::{Format, blackbox};
use crate::model::{Kind, Reading};

/// Probes at once, over all scrapers.
const ROOM: usize = 128;
/// How long a scrape may take where the scraper does not say: Prometheus's default.
const PATIENCE: Duration = Duration::from_secs(10);
/// Kept back for the way home, as in `blackbox_exporter`.
const OFFSET: Duration = Duration::from_millis(500);
/// The longest target, in bytes.
const LONGEST: usize = 2048;

/// What is to be probed.
#[derive(Clone, Debug)]
pub struct ProbeRequest {
    /// The name of the module.
    pub module: String,
    /// What the module shall probe.
    pub target: String,
    /// The name to ask an HTTP server for, if not the target's.
    pub hostname: Option<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct ProbeAnswer {
    /// The kind of the module.
    pub kind: Kind,
    /// The reading.
    pub reading: Reading,
    /// What looking up the name took, where that was no part of the run.
    pub resolve: Duration,
    /// What all of it took.
    pub took: Duration,
    /// How long it was given.
    pub timeout: Duration,
}

/// Why nothing was probed.
#[derive(Clone, Debug)]
pub enum ProbeRefusal {
    /// There is no such module; these there are.
    Module(Vec<String>),
    /// The target does not fit the module.
    Target(String),
    /// The daemon is stopping.
    Stopping,
}

/// Has something probed.
pub type Probes = Box<dyn Fn(ProbeRequest) -> Probing + Send + Sync>;
/// A probe under way.
pub type Probing = std::pin::Pin<Box<dyn Future<Output = Result<ProbeAnswer, ProbeRefusal>> + Send>>;

/// Probes once and exposes what came of it.
pub async fn probe<B>(desk: &Desk, request: &Request<B>) -> Result<Response<Body>, Error> {
    static PLACES: Semaphore = Semaphore::const_new(ROOM);
    let text = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    // A page that somebody on this network has open must not have lanpulse look around.
    let site = text(HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(Error::forbidden("requests from other sites are refused"));
    }
    let asked = request.uri().query().unwrap_or_default();
    let field = |name: &str| field(asked, name).filter(|value| !value.is_empty());
    let Some(target) = field("target") else {
        return Err(Error::bad_request(
            "the parameter target is missing: /probe?target=nas.lan&module=http_2xx",
        ));
    };
    if target.len() > LONGEST {
        return Err(Error::bad_request(format!("a target may have {LONGEST} bytes at most")));
    }
    let asked = ProbeRequest {
        module: field("module").unwrap_or_else(|| "http_2xx".to_owned()),
        target,
        hostname: field("hostname"),
        timeout: patience(text(HeaderName::from_static("x-prometheus-scrape-timeout-seconds"))),
    };
    let Ok(_place) = PLACES.try_acquire() else {
        return Err(Error::unavailable(format!("{ROOM} probes are under way; try again")));
    };
    let answer = match (desk.probes)(asked).await {
        Ok(answer) => answer,
        Err(ProbeRefusal::Module(known)) if known.is_empty() => {
            return Err(Error::bad_request(
                "there are no modules: define them under modules: in the configuration",
            ));
        }
        Err(ProbeRefusal::Module(known)) => {
            let known = known.join(", ");
            return Err(Error::bad_request(format!(
                "there is no such module; there are {known}"
            )));
        }
        Err(ProbeRefusal::Target(why)) => {
            return Err(Error::bad_request(format!("the target cannot be probed: {why}")));
        }
        Err(ProbeRefusal::Stopping) => return Err(Error::unavailable("lanpulse is stopping")),
    };
    let mut body = blackbox(
        answer.kind,
        &answer.reading,
        answer.resolve,
        answer.took,
        answer.timeout,
    );
    if field("debug").is_some_and(|value| value == "true") {
        return Ok(reply::bytes("text/plain; charset=utf-8", explained(&answer, &body)));
    }
    let format = Format::negotiate(text(hyper::header::ACCEPT));
    if format == Format::OpenMetrics {
        body.push_str("# EOF\n");
    }
    Ok(reply::bytes(format.content_type(), body))
}

/// For people: why, then the figures.
fn explained(answer: &ProbeAnswer, body: &str) -> String {
    let (outcome, detail) = (answer.reading.outcome, &answer.reading.detail);
    match outcome {
        Ok(_) => format!("the probe succeeded\n\n{body}"),
        Err(failure) => {
            let detail: String = detail.as_deref().unwrap_or_default().escape_debug().collect();
            format!("the probe failed: {}: {detail}\n\n{body}", failure.as_str())
        }
    }
}

/// What the scraper waits, less the way home.
fn patience(header: Option<&str>) -> Duration {
    let given = header
        .and_then(|seconds| seconds.parse::<f64>().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|given| !given.is_zero())
        .map_or(PATIENCE, |given| given.min(Duration::from_secs(120)));
    match given.checked_sub(OFFSET) {
        Some(left) if !left.is_zero() => left,
        _ => given,
    }
}

/// The first value of a field of a query.
fn field(query: &str, name: &str) -> Option<String> {
    query::pairs(query).find_map(|(key, value)| (key == name).then_some(value))
}

/// Every outage that is remembered, newest first.
pub async fn outages(desk: &Desk) -> Result<Response<Body>, Error> {
    let snapshot = desk.snapshot().await?;
    let rows: Vec<_> = snapshot
        .outages
        .iter()
        .map(|outage| {
            serde_json::json!({
                "start": rfc3339(outage.start),
                "end": outage.end.map(rfc3339),
                "duration_seconds": outage.end.unwrap_or(snapshot.at).since(outage.start).as_secs_f64(),
                "fault": outage.fault,
                "failed_checks": outage.failed_checks,
                "gateway_reachable": outage.gateway_reachable,
            })
        })
        .collect();
    Ok(reply::json(
        &serde_json::json!({ "total": rows.len(), "outages": rows }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded() {
        let query = "module=http_2xx&target=http%3A%2F%2Fnas.lan%3A80%2Fa%20b+c&x&bad=%zz%4";
        assert_eq!(field(query, "target").unwrap(), "http://nas.lan:80/a b c");
        assert_eq!(field(query, "module").unwrap(), "http_2xx");
        assert_eq!(field(query, "x").unwrap(), "");
        assert_eq!(field(query, "bad").unwrap(), "%zz%4");
        assert_eq!(field(query, "y"), None);
    }

    #[test]
    fn the_scrapers_patience_is_kept_with_something_to_spare() {
        for (header, expected) in [
            (None, 9500),
            (Some("5"), 4500),
            (Some("0.4"), 400),
            (Some("0"), 9500),
            (Some("-1"), 9500),
            (Some("NaN"), 9500),
            (Some("1e9"), 119_500),
        ] {
            assert_eq!(patience(header), Duration::from_millis(expected), "{header:?}");
        }
    }
}
