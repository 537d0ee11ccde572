//! `/metrics`: renders a snapshot off the async threads, in the format and coding the client asks for.
//!
//! Owns the queue of renderings. Gets scrapes; gives each an exposition of a moment after it came:
//!
//! 1. One is rendered at a time: two at once would only compete, and take twice the memory.
//! 2. Scrapes that wait share the next one of their format and coding, so a thousand clients cost what one does, and
//!    delay nobody by more than a rendering of each kind.

use std::fmt;
use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Request, Response};
use tokio::sync::{Semaphore, watch};

use super::Desk;
use super::reply::{self, Body, Error};
use crate::metrics::{self, Encoding, Format, Plan, Settings};
use crate::state::Snapshot;

/// How long a scrape may take where Prometheus does not say: its own default.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of exposition a series needs, to reserve memory once.
const BYTES_PER_SERIES: usize = 128;

/// Bytes of exposition that are compressed at a time.
const PIECE: usize = 64 << 10;

/// What a rendering tells those that wait for it: nothing while it is under way.
type Outcome = Option<Result<Bytes, Unrendered>>;

/// Why there is no exposition.
#[derive(Clone, Copy, Debug)]
enum Unrendered {
    /// The state does not answer: the daemon starts or stops.
    Stateless,
    /// A fault of ours.
    Broken,
}

/// The renderings.
pub struct Renderings {
    turn: Semaphore,
    /// Those that have not begun, by format and coding: whoever comes may wait for one.
    ahead: Mutex<Vec<(Format, Encoding, watch::Receiver<Outcome>)>>,
}

impl Default for Renderings {
    fn default() -> Self {
        Self {
            turn: Semaphore::new(1),
            ahead: Mutex::default(),
        }
    }
}

impl Renderings {
    /// The next rendering of this kind, and the end to tell its outcome to where it is new.
    fn next(&self, format: Format, encoding: Encoding) -> (watch::Receiver<Outcome>, Option<watch::Sender<Outcome>>) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let known = ahead.iter().find(|(f, e, _)| (*f, *e) == (format, encoding));
        if let Some((_, _, outcome)) = known {
            return (outcome.clone(), None);
        }
        let (sender, outcome) = watch::channel(None);
        ahead.push((format, encoding, outcome.clone()));
        (outcome, Some(sender))
    }

    /// It begins: who comes from now on waits for another one.
    fn begin(&self, format: Format, encoding: Encoding) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.retain(|(f, e, _)| (*f, *e) != (format, encoding));
    }
}

/// The exposition.
pub async fn metrics<B>(desk: &Arc<Desk>, request: &Request<B>) -> Result<Response<Body>, Error> {
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

/// Waits for the next rendering of this kind. It has a task of its own: the client that was first may go.
async fn rendered(desk: &Arc<Desk>, format: Format, encoding: Encoding) -> Result<Bytes, Error> {
    let (mut outcome, new) = desk.renderings.next(format, encoding);
    if let Some(sender) = new {
        let desk = desk.clone();
        tokio::spawn(async move {
            let Ok(_turn) = desk.renderings.turn.acquire().await else {
                return;
            };
            desk.renderings.begin(format, encoding);
            // Where everybody has gone meanwhile nobody needs it.
            if !sender.is_closed() {
                sender.send_replace(Some(render_now(&desk, format, encoding).await));
            }
        });
    }
    let outcome = outcome.wait_for(Option::is_some).await.map_err(|_| Error::internal())?;
    match &*outcome {
        Some(Ok(body)) => Ok(body.clone()),
        Some(Err(Unrendered::Stateless)) => Err(Error::unavailable(super::STATELESS)),
        _ => Err(Error::internal()),
    }
}

async fn render_now(desk: &Desk, format: Format, encoding: Encoding) -> Result<Bytes, Unrendered> {
    let snapshot = desk.snapshot().await.map_err(|_| Unrendered::Stateless)?;
    let settings = desk.series.borrow().clone();
    let rendering = tokio::task::spawn_blocking(move || render(&snapshot, &settings, format, encoding)).await;
    let (body, plan) = rendering
        .map_err(|_| Unrendered::Broken)?
        .map_err(|_| Unrendered::Broken)?;
    if plan.dropped > 0 && desk.series_over_limit.fetch_add(plan.dropped as u64, Ordering::Relaxed) == 0 {
        tracing::warn!(
            dropped = plan.dropped,
            exposed = plan.series,
            "too many series: families are left out of /metrics; raise series.max_per_collector or switch off \
             series.histogram and series.window"
        );
    }
    Ok(body.into())
}

fn render(
    snapshot: &Arc<Snapshot>,
    settings: &Settings,
    format: Format,
    encoding: Encoding,
) -> Result<(Vec<u8>, Plan), fmt::Error> {
    let plan = Plan::of(snapshot, settings);
    if encoding == Encoding::Gzip {
        let mut zipped = Zipped::new();
        metrics::render(snapshot, &plan, format, &mut zipped)?;
        return Ok((zipped.finish()?, plan));
    }
    let mut text = String::with_capacity(plan.series * BYTES_PER_SERIES);
    metrics::render(snapshot, &plan, format, &mut text)?;
    Ok((text.into_bytes(), plan))
}

/// Compresses what is written to it, a piece at a time: of 400,000 series the whole text would be 30 MB.
struct Zipped {
    piece: String,
    gzip: GzEncoder<Vec<u8>>,
}

impl Zipped {
    fn new() -> Self {
        Self {
            piece: String::with_capacity(2 * PIECE),
            // The fastest level: the text is so repetitive that the better ones gain little and cost three times as much.
            gzip: GzEncoder::new(Vec::new(), Compression::fast()),
        }
    }

    fn compress(&mut self) -> fmt::Result {
        self.gzip.write_all(self.piece.as_bytes()).map_err(|_| fmt::Error)?;
        self.piece.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>, fmt::Error> {
        self.compress()?;
        self.gzip.finish().map_err(|_| fmt::Error)
    }
}

impl fmt::Write for Zipped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.piece.push_str(text);
        if self.piece.len() >= PIECE {
            self.compress()
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_compressed_in_pieces_is_the_whole_text() {
        let mut zipped = Zipped::new();
        let mut text = String::new();
        for n in 0..10_000 {
            writeln!(zipped, "a_metric{{device=\"d{n}\"}} {n}").unwrap();
            writeln!(text, "a_metric{{device=\"d{n}\"}} {n}").unwrap();
        }
        assert!(text.len() > 3 * PIECE && zipped.piece.len() < PIECE);
        let mut read = String::new();
        let packed = zipped.finish().unwrap();
        flate2::read::GzDecoder::new(&packed[..])
            .read_to_string(&mut read)
            .unwrap();
        assert!(read == text);
    }

    #[test]
    fn who_waits_shares_and_who_comes_later_does_not() {
        let renderings = Renderings::default();
        let (first, sender) = renderings.next(Format::Classic, Encoding::Gzip);
        let sender = sender.unwrap();
        assert!(renderings.next(Format::Classic, Encoding::Gzip).1.is_none());
        assert!(renderings.next(Format::Classic, Encoding::Identity).1.is_some());
        renderings.begin(Format::Classic, Encoding::Gzip);
        assert!(renderings.next(Format::Classic, Encoding::Gzip).1.is_some());
        assert!(renderings.next(Format::Classic, Encoding::Identity).1.is_none());
        assert!(!sender.is_closed());
        drop(first);
        assert!(sender.is_closed(), "everybody has gone");
    }
}
