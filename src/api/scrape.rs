//! `/metrics`: the exposition, in the format and encoding that the client asks for.
//!
//! It shows a moment after the scrape came. Rendering runs off the async threads, one at a time (`rendering`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::app::{App, STATELESS};
use super::rendering::{self, RenderError};
use super::scrape_timeout::scrape_timeout;
use crate::metrics::{Encoding, Format};
use crate::serve::{self, Body, Error, Request};

/// `GET /metrics`.
pub async fn metrics(app: &Arc<App>, request: &Request) -> Result<Response<Body>, Error> {
    let format = Format::negotiate(request.header(header::ACCEPT));
    let encoding = Encoding::negotiate(request.header(header::ACCEPT_ENCODING));
    let limit = scrape_timeout(request);
    let rendered = timeout(limit, rendered(app, format, encoding)).await;
    let body = rendered.map_err(|_| {
        let message = format!("the exposition was not ready within the scrape timeout of {limit:?}");
        Error::unavailable(message)
    })??;
    let mut response = serve::bytes(format.content_type(), body);
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    match encoding {
        Encoding::Gzip => drop(headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))),
        Encoding::Identity => {}
    }
    Ok(response)
}

/// Waits for the next rendering of this kind. A rendering has a task of its own, since the client that was first may
/// leave before it ends.
async fn rendered(app: &Arc<App>, format: Format, encoding: Encoding) -> Result<Bytes, Error> {
    let (mut result, sender) = app.renderings.join(format, encoding);
    if let Some(sender) = sender {
        let app = app.clone();
        tokio::spawn(async move {
            let Some(_turn) = app.renderings.begin(format, encoding).await else {
                return;
            };
            // All clients may have left while it waited.
            if !sender.is_closed() {
                sender.send_replace(Some(render_now(&app, format, encoding).await));
            }
        });
    }
    let result = result.wait_for(Option::is_some).await.map_err(|_| Error::internal())?;
    match &*result {
        Some(Ok(body)) => Ok(body.clone()),
        Some(Err(RenderError::Stateless)) => Err(Error::unavailable(STATELESS)),
        Some(Err(RenderError::Failed)) | None => Err(Error::internal()),
    }
}

async fn render_now(app: &App, format: Format, encoding: Encoding) -> Result<Bytes, RenderError> {
    let snapshot = app.snapshot().await.map_err(|_| RenderError::Stateless)?;
    let settings = app.series.borrow().clone();
    let rendering = spawn_blocking(move || rendering::render(&snapshot, &settings, format, encoding)).await;
    let (body, plan) = rendering
        .map_err(|_| RenderError::Failed)?
        .map_err(|_| RenderError::Failed)?;
    if plan.dropped > 0 && app.series_over_limit.fetch_add(plan.dropped as u64, Ordering::Relaxed) == 0 {
        tracing::warn!(
            dropped = plan.dropped,
            exposed = plan.series,
            "too many series: families are left out of /metrics; raise series.max_per_collector or switch off \
             series.histogram and series.window"
        );
    }
    Ok(body.into())
}
