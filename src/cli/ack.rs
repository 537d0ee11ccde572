//! `lanpulse ack`: acknowledges the alerts of a device. An acknowledgement is a silence in Alertmanager, made over its
//! API v2.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use hyper::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::{Access, ask};
use super::output::{finish, say};
use crate::model::{Pretty, parse_duration};
use crate::net::{Call, wall_clock};

const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest acknowledgement. For a longer one the configuration should change.
const MAX_DURATION: Duration = Duration::from_secs(366 * 86_400);

/// What to acknowledge, for how long, and where.
#[derive(Clone, Debug, Args)]
pub struct AckArgs {
    /// The device: the value of the label `device`
    #[arg(value_name = "DEVICE")]
    pub device: String,
    /// For how long
    #[arg(long = "for", value_name = "DURATION", default_value = "2h", value_parser = duration)]
    pub lasts: Duration,
    /// The reason, shown in Alertmanager
    #[arg(long, value_name = "TEXT", default_value = "acknowledged")]
    pub comment: String,
    /// Who acknowledges [default: the user of this shell]
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
    /// Only this alert of the device [default: all of them]
    #[arg(long, value_name = "ALERTNAME")]
    pub alert: Option<String>,
    /// Only the device at this site [default: at any site]
    #[arg(long, value_name = "SITE")]
    pub site: Option<String>,
    /// End the acknowledgements of this device
    #[arg(long, conflicts_with_all = ["lasts", "comment", "author"])]
    pub undo: bool,
    /// The URL of Alertmanager
    #[arg(
        long = "alertmanager.url",
        value_name = "URL",
        default_value = "http://127.0.0.1:9093"
    )]
    pub url: String,
    /// How to ask it.
    #[command(flatten)]
    pub access: Access,
}

fn duration(text: &str) -> Result<Duration, String> {
    let lasts = parse_duration(text)?;
    if lasts < Duration::from_secs(1) || lasts > MAX_DURATION {
        return Err(format!("\"{text}\" is not between 1s and {}", Pretty(MAX_DURATION)));
    }
    Ok(lasts)
}

/// Why a device could not be acknowledged.
#[derive(Debug, thiserror::Error)]
enum AckError {
    /// The URL of Alertmanager is wrong.
    #[error("{url:?} is no address of Alertmanager: {hint}")]
    Url {
        /// As given.
        url: String,
        /// What to write instead.
        hint: &'static str,
    },
    /// The request could not be sent, or there was no answer.
    #[error("cannot ask Alertmanager: {0}")]
    Unreachable(String),
    /// Alertmanager answers with an error, or with something that is not its API.
    #[error("Alertmanager at {address} says: {answer}")]
    Refused {
        /// Its URL.
        address: String,
        /// The status and the body of its answer.
        answer: String,
    },
}

/// Makes or ends an acknowledgement.
pub(super) fn acknowledge(ack: &AckArgs) -> ExitCode {
    let now = Timestamp::from_microsecond(wall_clock().micros().cast_signed()).unwrap_or_default();
    finish(run(ack, now).map(|lines| say(&lines)))
}

/// Makes or ends an acknowledgement and returns the lines to print. After an error nothing has changed.
fn run(ack: &AckArgs, now: Timestamp) -> Result<String, AckError> {
    let server = Server::new(&ack.url, &ack.access)?;
    if ack.undo {
        return undo(ack, &server);
    }
    let firing = server.ask(Method::GET, &format!("/api/v2/alerts?{}", filter(ack)), None)?;
    let answer = server.ask(Method::POST, "/api/v2/silences", Some(&silence(ack, now)))?;
    let id = answer["silenceID"].as_str().unwrap_or("unknown");
    let mut lines = format!(
        "{} is acknowledged for {} (silence {id}); to take it back: lanpulse ack {} --undo",
        ack.device,
        Pretty(ack.lasts),
        quoted(&ack.device),
    );
    match firing.as_array().map_or(0, Vec::len) {
        0 => lines += "\nNo alert about it is active now: is this the name in the label `device`?",
        1 => lines += "\n1 alert is silent from now on.",
        n => {
            let _ = write!(lines, "\n{n} alerts are silent from now on.");
        }
    }
    Ok(lines)
}

/// Ends all silences with the matchers that `lanpulse ack` would use, whoever made them.
fn undo(ack: &AckArgs, server: &Server) -> Result<String, AckError> {
    let silences = server.ask(Method::GET, &format!("/api/v2/silences?{}", filter(ack)), None)?;
    let wanted = matchers(ack);
    let mut ended = 0;
    for silence in silences.as_array().map_or(&[][..], Vec::as_slice) {
        let active = silence["status"]["state"] != "expired";
        if let (true, true, Some(id)) = (active, same(&silence["matchers"], &wanted), silence["id"].as_str()) {
            server.ask(Method::DELETE, &format!("/api/v2/silence/{}", percent(id)), None)?;
            ended += 1;
        }
    }
    Ok(match ended {
        0 => format!("{} was not acknowledged.", ack.device),
        _ => format!("{} is no longer acknowledged.", ack.device),
    })
}

/// Whether two lists of matchers are equal but for their order.
fn same(theirs: &Value, ours: &Value) -> bool {
    let sorted = |list: &Value| {
        let mut found: Vec<_> = list
            .as_array()
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .map(|matcher| {
                let equal = matcher["isEqual"].as_bool().unwrap_or(true);
                (
                    matcher["name"].to_string(),
                    matcher["value"].to_string(),
                    matcher["isRegex"] == true,
                    equal,
                )
            })
            .collect();
        found.sort();
        found
    };
    sorted(theirs) == sorted(ours)
}

/// The labels that select the alerts, with their values.
fn labels(ack: &AckArgs) -> Vec<(&'static str, &str)> {
    let device = Some(("device", ack.device.as_str()));
    let alert = ack.alert.as_deref().map(|name| ("alertname", name));
    let site = ack.site.as_deref().map(|site| ("site", site));
    [device, alert, site].into_iter().flatten().collect()
}

fn matchers(ack: &AckArgs) -> Value {
    let matcher = |(name, value)| json!({"name": name, "value": value, "isRegex": false, "isEqual": true});
    labels(ack).into_iter().map(matcher).collect()
}

/// The body of the request that makes the silence.
fn silence(ack: &AckArgs, now: Timestamp) -> Value {
    let lasts = jiff::SignedDuration::try_from(ack.lasts).unwrap_or(jiff::SignedDuration::ZERO);
    let author = ack.author.clone().or_else(|| std::env::var("USER").ok());
    json!({
        "matchers": matchers(ack),
        "startsAt": now.to_string(),
        "endsAt": now.saturating_add(lasts).unwrap_or(Timestamp::MAX).to_string(),
        "createdBy": author.filter(|name| !name.is_empty()).unwrap_or_else(|| "lanpulse".to_owned()),
        "comment": ack.comment,
    })
}

/// The query that finds alerts or silences with these labels.
fn filter(ack: &AckArgs) -> String {
    let parameter = |(name, value)| format!("filter={}", percent(&format!("{name}={}", Value::from(value))));
    labels(ack).into_iter().map(parameter).collect::<Vec<_>>().join("&")
}

/// Percent-encodes text for a URL: all but unreserved characters.
fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Quotes text for a shell, where that is needed.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-._:".contains(c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// An Alertmanager.
#[derive(Debug)]
struct Server<'a> {
    /// Its URL without a slash at the end. It may have a path, from `--web.external-url` or a proxy.
    base: &'a str,
    access: &'a Access,
}

impl<'a> Server<'a> {
    fn new(url: &'a str, access: &'a Access) -> Result<Self, AckError> {
        let wrong = |hint| AckError::Url {
            url: url.to_owned(),
            hint,
        };
        let rest = url
            .strip_prefix("http://")
            .or_else(|| url.strip_prefix("https://"))
            .ok_or_else(|| wrong("write http://HOST:PORT or https://HOST:PORT"))?;
        let clean = |c: char| c.is_ascii_graphic() && !"@?#\"<>".contains(c);
        if rest.is_empty() || rest.starts_with('/') || !rest.chars().all(clean) {
            return Err(wrong(
                "write http://HOST:PORT, without a query; a user goes to --user and --password-file",
            ));
        }
        Ok(Self {
            base: url.trim_end_matches('/'),
            access,
        })
    }

    /// Sends a request and reads the JSON answer. An empty answer is null.
    fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, AckError> {
        let mut call = Call::new(method, format!("{}{path}", self.base), TIMEOUT);
        call.body_type = "application/json";
        call.body = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let call = self.access.prepare(call, None).map_err(AckError::Unreachable)?;
        let answer = ask(&call).map_err(AckError::Unreachable)?;
        let good = (200..300).contains(&answer.status);
        let body = answer.body.trim_ascii();
        match serde_json::from_slice(body) {
            Ok(read) if good => Ok(read),
            _ if good && body.is_empty() => Ok(Value::Null),
            _ => Err(AckError::Refused {
                address: self.base.to_owned(),
                answer: brief(&format!("status {}: {}", answer.status, String::from_utf8_lossy(body))),
            }),
        }
    }
}

/// The first 300 characters as one printable line.
fn brief(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        ack: AckArgs,
    }

    fn ack(words: &[&str]) -> Result<AckArgs, String> {
        let line = Line::try_parse_from(["ack"].iter().chain(words));
        line.map(|line| line.ack).map_err(|error| error.to_string())
    }

    #[test]
    fn a_silence_lasts_as_long_as_asked() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let parsed = ack(&[
            "na\"s",
            "--for",
            "1d2h",
            "--comment",
            "disk",
            "--author",
            "me",
            "--site",
            "home",
        ])
        .unwrap();
        assert_eq!(
            silence(&parsed, now),
            json!({
                "matchers": [
                    {"name": "device", "value": "na\"s", "isRegex": false, "isEqual": true},
                    {"name": "site", "value": "home", "isRegex": false, "isEqual": true},
                ],
                "startsAt": "2026-03-01T12:00:00Z",
                "endsAt": "2026-03-02T14:00:00Z",
                "createdBy": "me",
                "comment": "disk",
            })
        );
        assert_eq!(
            filter(&parsed),
            "filter=device%3D%22na%5C%22s%22&filter=site%3D%22home%22"
        );
    }

    #[test]
    fn wrong_durations_are_refused() {
        for (text, part) in [
            ("0", "between"),
            ("2", "has no unit"),
            ("2y", "unknown unit"),
            ("400d", "between"),
        ] {
            let error = ack(&["nas", "--for", text]).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn urls_of_servers_are_checked() {
        let access = Access::default();
        let read = |url| Server::new(url, &access).map(|server| server.base);
        assert_eq!(read("http://[::1]:9093/am/").unwrap(), "http://[::1]:9093/am");
        assert_eq!(read("https://alerts.lan/").unwrap(), "https://alerts.lan");
        for wrong in [
            "",
            "alerts.lan:9093",
            "http://",
            "https:///x",
            "http://u:p@host",
            "http://h/?x",
            "http://h\r\nX: y",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn silences_are_recognised_by_their_matchers() {
        let parsed = ack(&["nas", "--alert", "DeviceDown"]).unwrap();
        let ours = matchers(&parsed);
        let theirs = json!([
            {"name": "alertname", "value": "DeviceDown", "isRegex": false, "isEqual": true},
            {"name": "device", "value": "nas", "isRegex": false},
        ]);
        assert!(same(&theirs, &ours));
        for other in [
            json!([{"name": "device", "value": "nas", "isRegex": false}]),
            json!([{"name": "device", "value": "nas", "isRegex": true},
                   {"name": "alertname", "value": "DeviceDown", "isRegex": false}]),
            json!(null),
        ] {
            assert!(!same(&other, &ours), "{other}");
        }
    }

    #[test]
    fn names_are_quoted_for_the_shell() {
        assert_eq!(quoted("nas-1.lan"), "nas-1.lan");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
    }
}
