//! The bodies of reports: JSON, or text of which the end is kept.

use std::net::IpAddr;
use std::time::Duration;

use hyper::header;
use serde::Deserialize;

use crate::model::{Signal, SignalKind};
use crate::serve::{Error, Request};

/// How much of the end of a text is kept, in bytes.
pub const KEPT_BYTES: usize = 10 * 1024;
/// The longest run id, in bytes.
const MAX_RUN_ID: usize = 128;

/// The body of `POST /api/v1/heartbeats/{name}`.
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

/// Reads the body as a report. JSON says what is reported; a body with a `Content-Type` of `text/...` is a success and
/// what the job has printed; no body is a success.
pub async fn signal(request: &mut Request) -> Result<Signal, Error> {
    let source = request.peer().ip().to_canonical();
    let content_type = request.header(header::CONTENT_TYPE);
    if content_type.is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("text/")) {
        let report = Report {
            message: message(&request.body_end(KEPT_BYTES).await?),
            ..Report::default()
        };
        return check(report, source);
    }
    let body = request.body().await?;
    if body.trim_ascii().is_empty() {
        return check(Report::default(), source);
    }
    let report = serde_json::from_slice(&body).map_err(|error| {
        Error::bad_request(format!(
            "the body is no report: {error}; send JSON, or text with Content-Type: text/plain"
        ))
    })?;
    check(report, source)
}

/// Checks a report.
fn check(report: Report, source: IpAddr) -> Result<Signal, Error> {
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
        message: report.message.and_then(|text| message(&end_of(text.into_bytes()))),
    })
}

/// The last bytes of a text.
fn end_of(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.drain(..bytes.len().saturating_sub(KEPT_BYTES));
    bytes
}

/// The end of a body as text; none if it is empty. If the start was cut off in the middle of a character, the rest of
/// that character is left out. What is not UTF-8 becomes U+FFFD.
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
        Some(check(report, [127, 0, 0, 1].into()).ok()?.kind)
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
        let kept = message(&end_of(bytes)).unwrap();
        assert!(kept.starts_with('é') && kept.ends_with("é.") && !kept.contains('\u{fffd}'));
        assert!(kept.len() >= KEPT_BYTES - 2);
        assert_eq!(message(&[0xff, b'a']).as_deref(), Some("\u{fffd}a"));
    }
}
