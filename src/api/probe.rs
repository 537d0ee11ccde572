//! `/probe?target=&module=`: probes what the scraper names, as `blackbox_exporter` does.
//!
//! A client that may read can make lanpulse connect to any address. So it can use only modules of the configuration, of
//! which there is none by default, and answers hold numbers only, never a response body. See `docs/probe.md`.

use std::sync::Arc;
use std::time::Duration;

use hyper::Response;
use hyper::header;
use tokio::sync::Semaphore;

use super::app::App;
use super::commands::{ProbeAnswer, ProbeRefusal, ProbeRequest};
use super::query;
use super::scrape_timeout::scrape_timeout;
use crate::metrics::{Format, blackbox};
use crate::serve::{self, Body, Error, Request};

/// Probes at once, over all scrapers.
const MOST_PROBES: usize = 128;
/// Taken off the scraper's timeout, for the way of the answer; as in `blackbox_exporter`.
const OFFSET: Duration = Duration::from_millis(500);
/// The longest target, in bytes.
const MAX_TARGET: usize = 2048;

/// `GET /probe`.
pub async fn run(app: &Arc<App>, request: &Request) -> Result<Response<Body>, Error> {
    static PLACES: Semaphore = Semaphore::const_new(MOST_PROBES);
    // A page on another site must not use its visitor's browser to have lanpulse look around the network.
    let site = request.header("sec-fetch-site");
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(Error::forbidden("requests from other sites are refused"));
    }
    let probe = read(request)?;
    let Ok(_place) = PLACES.try_acquire() else {
        let message = format!("{MOST_PROBES} probes are under way; try again");
        return Err(Error::unavailable(message));
    };
    let answer = (app.probes)(probe).await.map_err(refused)?;
    let mut body = blackbox(
        answer.kind,
        &answer.reading,
        answer.resolve,
        answer.took,
        answer.timeout,
    );
    if field(request.query(), "debug").is_some_and(|value| value == "true") {
        return Ok(serve::bytes("text/plain; charset=utf-8", explained(&answer, &body)));
    }
    let format = Format::negotiate(request.header(header::ACCEPT));
    match format {
        Format::OpenMetrics => body.push_str("# EOF\n"),
        Format::Classic => {}
    }
    Ok(serve::bytes(format.content_type(), body))
}

/// What the query and the headers ask for.
fn read(request: &Request) -> Result<ProbeRequest, Error> {
    let field = |name: &str| field(request.query(), name).filter(|value| !value.is_empty());
    let Some(target) = field("target") else {
        return Err(Error::bad_request(
            "the parameter target is missing: /probe?target=nas.lan&module=http_2xx",
        ));
    };
    if target.len() > MAX_TARGET {
        return Err(Error::bad_request(format!(
            "a target may have {MAX_TARGET} bytes at most"
        )));
    }
    Ok(ProbeRequest {
        module: field("module").unwrap_or_else(|| "http_2xx".to_owned()),
        target,
        hostname: field("hostname"),
        timeout: shortened(scrape_timeout(request)),
    })
}

fn refused(refusal: ProbeRefusal) -> Error {
    match refusal {
        ProbeRefusal::Module(known) if known.is_empty() => {
            Error::bad_request("there are no modules: define them under modules: in the configuration")
        }
        ProbeRefusal::Module(known) => {
            let known = known.join(", ");
            Error::bad_request(format!("there is no such module; there are {known}"))
        }
        ProbeRefusal::Target(why) => Error::bad_request(format!("the target cannot be probed: {why}")),
        ProbeRefusal::Stopping => Error::unavailable("lanpulse is stopping"),
    }
}

/// The outcome in words, then the metrics.
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

/// How long the probe may take: the timeout of the scrape, less the way of the answer.
fn shortened(timeout: Duration) -> Duration {
    match timeout.checked_sub(OFFSET) {
        Some(left) if !left.is_zero() => left,
        _ => timeout,
    }
}

/// The first value of a field of a query.
fn field(query: &str, name: &str) -> Option<String> {
    query::pairs(query).find_map(|(key, value)| (key == name).then_some(value))
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
    fn a_probe_ends_a_little_before_its_scrape() {
        for (timeout, expected) in [(10_000, 9_500), (5_000, 4_500), (400, 400), (500, 500), (501, 1)] {
            let millis = Duration::from_millis;
            assert_eq!(shortened(millis(timeout)), millis(expected), "{timeout}");
        }
    }
}
