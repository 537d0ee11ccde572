//! What comes with a report: a body of bounded size, of which the end is kept.
//!
//! Owns how bodies are read and what they may say. A body that was not read to its end, or came in chunks, ends the
//! connection: what follows it must not be taken for a request.

use std::net::IpAddr;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header;
use hyper::{Method, Request};
use serde::Deserialize;

use super::reply::Error;
use crate::model::{Signal, SignalKind};

/// The largest body taken, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// How much of its end is kept.
pub const KEPT_BYTES: usize = 10 * 1024;
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest run id.
const MAX_RUN_ID: usize = 128;

/// What `POST /api/v1/heartbeats/{name}` takes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    status: Option<Status>,
    exit: Option<i64>,
    run_id: Option<String>,
    duration_s: Option<f64>,
    message: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Fail,
    Start,
    Log,
}

/// What `PATCH /api/v1/heartbeats/{name}` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    paused: Option<bool>,
}

/// A request, and whether its body was read.
pub struct Intake {
    request: Request<Incoming>,
    complete: bool,
}

impl Intake {
    /// Nothing read yet.
    pub fn new(request: Request<Incoming>) -> Self {
        Self {
            complete: request.body().is_end_stream(),
            request,
        }
    }

    /// The request.
    pub fn request(&self) -> &Request<Incoming> {
        &self.request
    }

    /// Its method.
    pub fn method(&self) -> &Method {
        self.request.method()
    }

    /// Its query.
    pub fn query(&self) -> Option<&str> {
        self.request.uri().query()
    }

    /// Whether it only reads.
    pub fn is_read(&self) -> bool {
        matches!(*self.method(), Method::GET | Method::HEAD)
    }

    /// The token in `Authorization: Bearer` (RFC 6750).
    pub fn bearer(&self) -> Option<&str> {
        let value = self.request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    /// Whether the connection must end with the answer.
    pub fn must_close(&self) -> bool {
        !self.complete || self.request.headers().contains_key(header::TRANSFER_ENCODING)
    }

    /// Reads the body; keeps this many bytes of its end.
    async fn body(&mut self, keep: usize) -> Result<Vec<u8>, Error> {
        let too_large = || Error::too_large(MAX_BODY as u64);
        if self.request.body().size_hint().lower() > MAX_BODY as u64 {
            return Err(too_large());
        }
        let reading = async {
            let (mut kept, mut total) = (Vec::new(), 0);
            while let Some(frame) = self.request.body_mut().frame().await {
                let frame = frame.map_err(|_| Error::bad_request("the body broke off"))?;
                let Ok(data) = frame.into_data() else { continue };
                total += data.len();
                if total > MAX_BODY {
                    return Err(too_large());
                }
                kept.extend_from_slice(&data);
                // Twice as much for a while, so that not every piece moves all of it.
                if kept.len() > keep * 2 {
                    kept.drain(..kept.len() - keep);
                }
            }
            kept.drain(..kept.len().saturating_sub(keep));
            Ok(kept)
        };
        let body = tokio::time::timeout(PATIENCE, reading)
            .await
            .map_err(|_| Error::bad_request("the body took too long"))??;
        self.complete = true;
        Ok(body)
    }

    /// The end of the body.
    pub async fn tail(&mut self) -> Result<Vec<u8>, Error> {
        self.body(KEPT_BYTES).await
    }

    /// The body as a report: JSON, or with a `Content-Type` of `text/...` a success and what was printed.
    pub async fn signal(&mut self, source: IpAddr) -> Result<Signal, Error> {
        let kind = self.request.headers().get(header::CONTENT_TYPE);
        let plain = kind
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("text/"));
        if plain {
            let message = message(&self.tail().await?);
            return signal(
                Report {
                    message,
                    ..Report::default()
                },
                source,
            );
        }
        let body = self.body(MAX_BODY).await?;
        if body.trim_ascii().is_empty() {
            return signal(Report::default(), source);
        }
        let report = serde_json::from_slice(&body).map_err(|error| {
            Error::bad_request(format!(
                "the body is no report: {error}; send JSON, or text with Content-Type: text/plain"
            ))
        })?;
        signal(report, source)
    }

    /// The body as a change: whether to pause, if it says.
    pub async fn paused(&mut self) -> Result<Option<bool>, Error> {
        let body = self.body(MAX_BODY).await?;
        let change: Change = serde_json::from_slice(&body)
            .map_err(|error| Error::bad_request(format!("the body cannot be read: {error}")))?;
        Ok(change.paused)
    }
}

/// Checks a report.
fn signal(report: Report, source: IpAddr) -> Result<Signal, Error> {
    let kind = match (report.status, report.exit) {
        (None | Some(Status::Ok | Status::Fail), Some(code)) => {
            if matches!(report.status, Some(Status::Ok)) && code != 0
                || matches!(report.status, Some(Status::Fail)) && code == 0
            {
                return Err(Error::bad_request(
                    "status and exit contradict each other: leave one out",
                ));
            }
            SignalKind::Exit(code)
        }
        (Some(Status::Start | Status::Log), Some(_)) => {
            return Err(Error::bad_request("only a run that has ended has an exit code"));
        }
        (None | Some(Status::Ok), None) => SignalKind::Ok,
        (Some(Status::Fail), None) => SignalKind::Fail,
        (Some(Status::Start), None) => SignalKind::Start,
        (Some(Status::Log), None) => SignalKind::Log,
    };
    let duration = match report.duration_s {
        None => None,
        Some(seconds) if (0.0..=366.0 * 86_400.0).contains(&seconds) => Some(Duration::from_secs_f64(seconds)),
        Some(_) => return Err(Error::bad_request("duration_s is from 0 to a year")),
    };
    if report.run_id.as_ref().is_some_and(|id| id.len() > MAX_RUN_ID) {
        return Err(Error::bad_request(format!("a run_id has {MAX_RUN_ID} bytes at most")));
    }
    Ok(Signal {
        kind,
        run_id: report.run_id.filter(|id| !id.is_empty()),
        duration,
        source: Some(source),
        message: report.message.and_then(|text| message(&tail_of(text.into_bytes()))),
    })
}

fn tail_of(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.drain(..bytes.len().saturating_sub(KEPT_BYTES));
    bytes
}

/// What was printed, as text: a character that was cut in half at the beginning is left out, what is no UTF-8 becomes
/// U+FFFD.
pub fn message(body: &[u8]) -> Option<String> {
    if body.is_empty() {
        return None;
    }
    let cut = if body.len() >= KEPT_BYTES {
        body.iter().take(3).take_while(|byte| **byte & 0xC0 == 0x80).count()
    } else {
        0
    };
    Some(String::from_utf8_lossy(&body[cut..]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<SignalKind> {
        let report = serde_json::from_str(json).ok()?;
        Some(signal(report, [127, 0, 0, 1].into()).ok()?.kind)
    }

    #[test]
    fn reports_say_one_thing() {
        for (json, kind) in [
            ("{}", Some(SignalKind::Ok)),
            (r#"{"status": "ok"}"#, Some(SignalKind::Ok)),
            (r#"{"status": "fail"}"#, Some(SignalKind::Fail)),
            (r#"{"status": "start", "run_id": "a"}"#, Some(SignalKind::Start)),
            (r#"{"status": "log", "message": "x"}"#, Some(SignalKind::Log)),
            (r#"{"exit": 3}"#, Some(SignalKind::Exit(3))),
            (
                r#"{"exit": -1073741510, "status": "fail"}"#,
                Some(SignalKind::Exit(-1_073_741_510)),
            ),
            (r#"{"exit": 3, "status": "ok"}"#, None),
            (r#"{"exit": 0, "status": "fail"}"#, None),
            (r#"{"exit": 0, "status": "start"}"#, None),
            (r#"{"status": "up"}"#, None),
            (r#"{"state": "ok"}"#, None),
            (r#"{"duration_s": -1}"#, None),
            (r#"{"duration_s": 1e300}"#, None),
            ("[]", None),
        ] {
            assert_eq!(read(json), kind, "{json}");
        }
    }

    #[test]
    fn the_end_of_a_message_is_kept() {
        assert_eq!(message(&[]), None);
        assert_eq!(message(b"done\n").as_deref(), Some("done\n"));
        let long = "é".repeat(KEPT_BYTES);
        let mut bytes = long.into_bytes();
        bytes.push(b'.');
        let kept = message(&tail_of(bytes)).unwrap();
        assert!(kept.starts_with('é') && kept.ends_with("é.") && !kept.contains('\u{fffd}'));
        assert!(kept.len() >= KEPT_BYTES - 2);
        assert_eq!(message(&[0xff, b'a']).as_deref(), Some("\u{fffd}a"));
    }
}
