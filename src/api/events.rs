//! `/api/v1/events`: server-sent events (HTML standard, section 9.2).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::{Bytes, Frame};
use hyper::header::{self, HeaderValue};
use serde_json::json;
use tokio::sync::{broadcast, mpsc};

use super::app::App;
use crate::model::EventRecord;
use crate::serve::{Body, Error, Request};

/// How often a client hears something, so that its connection stays open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Chunks that may wait for a slow client. With the buffers of the connection full, the events wait in the channel they
/// come from; a client that falls too far behind there is dropped, so that it does not hold its place for ever.
const BACKLOG: usize = 64;

/// `GET /api/v1/events`. A client that sends `Last-EventRecord-ID` first gets the events since.
pub async fn listen(app: &Arc<App>, request: &Request) -> Result<Response<Body>, Error> {
    let after = request
        .header("last-event-id")
        .and_then(|id| id.trim().parse::<u64>().ok());
    let place = app.listeners.clone().try_acquire_owned();
    let place = place.map_err(|_| Error::unavailable("too many listeners; try again later"))?;
    // Subscribed before the recent events are read, so that none falls between.
    let events = app.events.subscribe();
    let recent = app.snapshot().await?.events.clone();
    let (out, chunks) = mpsc::channel(BACKLOG);
    let mut ready = app.ready.clone();
    tokio::spawn(async move {
        let _place = place;
        let stopping = async {
            let _ = ready.wait_for(|ready| !*ready).await;
        };
        tokio::select! {
            () = send_all(out, recent, events, after) => {}
            () = stopping => {}
        }
    });
    let mut response = Response::new(Chunks(chunks).boxed_unsync());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

/// Sends a greeting, the recent events after `after`, and then each event as it happens.
async fn send_all(
    out: mpsc::Sender<Bytes>,
    recent: Vec<EventRecord>,
    mut events: broadcast::Receiver<EventRecord>,
    after: Option<u64>,
) {
    let latest = recent.last().map_or(0, |event| event.id);
    let mut sent = after.unwrap_or(latest);
    let hello = json!({ "version": env!("CARGO_PKG_VERSION"), "last_event_id": latest });
    let hello = format!("event: hello\ndata: {hello}\n\n").into();
    if out.send(hello).await.is_err() {
        return;
    }
    for event in recent
        .iter()
        .filter(|event| after.is_some_and(|after| event.id > after))
    {
        sent = event.id;
        if out.send(frame(event)).await.is_err() {
            return;
        }
    }
    loop {
        let chunk = match tokio::time::timeout(KEEP_ALIVE, events.recv()).await {
            Err(_) => Bytes::from_static(b": still here\n\n"),
            Ok(Ok(event)) if event.id <= sent => continue,
            Ok(Ok(event)) => {
                sent = event.id;
                frame(&event)
            }
            // The client is too slow, or the daemon stops. The client comes back and says which event it got last.
            Ok(Err(_)) => return,
        };
        if out.send(chunk).await.is_err() {
            return;
        }
    }
}

fn frame(event: &EventRecord) -> Bytes {
    format!("id: {}\nevent: {}\ndata: {}\n\n", event.id, event.kind, event.detail).into()
}

/// A body that lasts until its sender is dropped.
struct Chunks(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0
            .poll_recv(context)
            .map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}
