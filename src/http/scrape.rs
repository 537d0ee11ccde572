//! `/metrics`: renders a snapshot off the async threads, in the format and coding the client asks for.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Request, Response};

use super::Desk;
use super::reply::{self, Body, Error};
use crate::metrics::{self, Encoding, Format, Plan, Settings};
use crate::state::Snapshot;

/// How long a scrape may take where Prometheus does not say: its own default.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of exposition a series needs, to reserve memory once.
const BYTES_PER_SERIES: usize = 128;

/// The exposition.
pub async fn metrics<B>(desk: &Desk, request: &Request<B>) -> Result<Response<Body>, Error> {
    let text = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let format = Format::negotiate(text(header::ACCEPT));
    let encoding = Encoding::negotiate(text(header::ACCEPT_ENCODING));
    let patience = text(HeaderName::from_static("x-prometheus-scrape-timeout-seconds"))
        .and_then(|seconds| seconds.parse::<f64>().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .map_or(PATIENCE, |patience| patience.min(Duration::from_secs(120)));
    let rendered = tokio::time::timeout(patience, rendered(desk, format, encoding)).await;
    let body = rendered.map_err(|_| {
        Error::unavailable(format!(
            "the exposition was not ready within the scrape timeout of {patience:?}"
        ))
    })??;
    let mut response = reply::bytes(format.content_type(), body);
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if encoding == Encoding::Gzip {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

async fn rendered(desk: &Desk, format: Format, encoding: Encoding) -> Result<Vec<u8>, Error> {
    let _turn = desk.scraping.acquire().await.map_err(|_| Error::internal())?;
    let snapshot = desk.snapshot().await?;
    let settings = desk.series.borrow().clone();
    let rendering = tokio::task::spawn_blocking(move || render(&snapshot, &settings, format, encoding)).await;
    let (body, plan) = rendering
        .map_err(|_| Error::internal())?
        .map_err(|_| Error::internal())?;
    if plan.dropped > 0 && desk.series_over_limit.fetch_add(plan.dropped as u64, Ordering::Relaxed) == 0 {
        tracing::warn!(
            dropped = plan.dropped,
            exposed = plan.series,
            "too many series: families are left out of /metrics; raise series.max_per_collector or switch off \
             series.histogram and series.window"
        );
    }
    Ok(body)
}

fn render(
    snapshot: &Arc<Snapshot>,
    settings: &Settings,
    format: Format,
    encoding: Encoding,
) -> Result<(Vec<u8>, Plan), std::fmt::Error> {
    let plan = Plan::of(snapshot, settings);
    let mut text = String::with_capacity(plan.series * BYTES_PER_SERIES);
    metrics::render(snapshot, settings, &plan, format, &mut text)?;
    if encoding == Encoding::Identity {
        return Ok((text.into_bytes(), plan));
    }
    // The fastest level: the text is so repetitive that the better ones gain little and cost three times as much.
    let mut gzip = GzEncoder::new(Vec::with_capacity(text.len() / 16), Compression::fast());
    gzip.write_all(text.as_bytes()).map_err(|_| std::fmt::Error)?;
    Ok((gzip.finish().map_err(|_| std::fmt::Error)?, plan))
}
