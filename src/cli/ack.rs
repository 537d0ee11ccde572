//! Owns: `lanpulse ack`: to acknowledge a device's alerts, which is a silence of Alertmanager.
//! Gets from: the command line. Gives: a request to Alertmanager's API v2, and a line for the person who asked.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::model::{Pretty, parse_duration};

const PATIENCE: Duration = Duration::from_secs(10);

/// More than this is no answer to a silence.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Longer than a year is not an acknowledgement: change the configuration instead.
const MOST: Duration = Duration::from_secs(366 * 86_400);

/// What `lanpulse ack` may be told.
#[derive(Clone, Debug, Args)]
pub struct Ack {
    /// The device, as in its label `device`
    #[arg(value_name = "DEVICE")]
    pub device: String,
    /// For how long
    #[arg(long = "for", value_name = "DURATION", default_value = "2h", value_parser = duration)]
    pub lasts: Duration,
    /// Why, for those who look at Alertmanager
    #[arg(long, value_name = "TEXT", default_value = "acknowledged")]
    pub comment: String,
    /// Who [default: the user of this shell]
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
    /// Only this alert of the device, not all of them
    #[arg(long, value_name = "ALERTNAME")]
    pub alert: Option<String>,
    /// Only the device of this name at this site
    #[arg(long, value_name = "SITE")]
    pub site: Option<String>,
    /// Take acknowledgements of this device back
    #[arg(long, conflicts_with_all = ["lasts", "comment", "author"])]
    pub undo: bool,
    /// Where Alertmanager answers, over plain HTTP
    #[arg(
        long = "alertmanager.url",
        value_name = "URL",
        default_value = "http://127.0.0.1:9093"
    )]
    pub url: String,
}

fn duration(text: &str) -> Result<Duration, String> {
    let lasts = parse_duration(text)?;
    if lasts < Duration::from_secs(1) || lasts > MOST {
        return Err(format!("\"{text}\" is not between 1s and {}", Pretty(MOST)));
    }
    Ok(lasts)
}

/// Why a device is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AckError {
    /// Not an address that plain HTTP reaches.
    #[error("{url:?} is no address of Alertmanager: {hint}")]
    Url {
        /// As given.
        url: String,
        /// What to write instead.
        hint: &'static str,
    },
    /// Nobody answers there.
    #[error("Alertmanager does not answer at {address}: {source}")]
    Silent {
        /// Host and port.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// It answers something else.
    #[error("Alertmanager at {address} says: {answer}")]
    Refused {
        /// Host and port.
        address: String,
        /// Its status line and what it said about it.
        answer: String,
    },
}

/// Does as told; the lines to print.
///
/// # Errors
/// [`AckError`]; then nothing has changed.
pub fn run(ack: &Ack, now: Timestamp) -> Result<String, AckError> {
    let server = Server::new(&ack.url)?;
    if ack.undo {
        return undo(ack, &server);
    }
    let firing = server.ask("GET", &format!("/api/v2/alerts?{}", filter(ack)), None)?;
    let answer = server.ask("POST", "/api/v2/silences", Some(&silence(ack, now)))?;
    let id = answer["silenceID"].as_str().unwrap_or("unknown");
    let mut said = format!(
        "{} is acknowledged for {} (silence {id}); to take it back: lanpulse ack {} --undo",
        ack.device,
        Pretty(ack.lasts),
        quoted(&ack.device),
    );
    match firing.as_array().map_or(0, Vec::len) {
        0 => said += "\nNo alert about it is active now: is this the name in the label `device`?",
        1 => said += "\n1 alert is silent from now on.",
        n => {
            let _ = write!(said, "\n{n} alerts are silent from now on.");
        }
    }
    Ok(said)
}

/// Ends the silences that `lanpulse ack` with the same choice would make, those made by other means too.
fn undo(ack: &Ack, server: &Server) -> Result<String, AckError> {
    let silences = server.ask("GET", &format!("/api/v2/silences?{}", filter(ack)), None)?;
    let wanted = matchers(ack);
    let mut ended = 0;
    for silence in silences.as_array().map_or(&[][..], Vec::as_slice) {
        let alive = silence["status"]["state"] != "expired";
        if let (true, true, Some(id)) = (alive, same(&silence["matchers"], &wanted), silence["id"].as_str()) {
            server.ask("DELETE", &format!("/api/v2/silence/{}", percent(id)), None)?;
            ended += 1;
        }
    }
    Ok(match ended {
        0 => format!("{} was not acknowledged.", ack.device),
        _ => format!("{} is no longer acknowledged.", ack.device),
    })
}

/// Whether two lists of matchers choose the same, in whatever order.
fn same(theirs: &Value, ours: &Value) -> bool {
    let sorted = |list: &Value| {
        let mut found: Vec<_> = list
            .as_array()
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .map(|one| {
                let equal = one["isEqual"].as_bool().unwrap_or(true);
                (
                    one["name"].to_string(),
                    one["value"].to_string(),
                    one["isRegex"] == true,
                    equal,
                )
            })
            .collect();
        found.sort();
        found
    };
    sorted(theirs) == sorted(ours)
}

/// The labels to choose by, with their values.
fn labels(ack: &Ack) -> Vec<(&'static str, &str)> {
    let device = Some(("device", ack.device.as_str()));
    let alert = ack.alert.as_deref().map(|name| ("alertname", name));
    let site = ack.site.as_deref().map(|site| ("site", site));
    [device, alert, site].into_iter().flatten().collect()
}

fn matchers(ack: &Ack) -> Value {
    let one = |(name, value)| json!({"name": name, "value": value, "isRegex": false, "isEqual": true});
    labels(ack).into_iter().map(one).collect()
}

/// The body that makes the silence.
fn silence(ack: &Ack, now: Timestamp) -> Value {
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
fn filter(ack: &Ack) -> String {
    let one = |(name, value)| format!("filter={}", percent(&format!("{name}={}", Value::from(value))));
    labels(ack).into_iter().map(one).collect::<Vec<_>>().join("&")
}

/// For a URL: everything but what is never special there.
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

/// For a shell, where it has to be.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-._:".contains(c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Where Alertmanager answers.
#[derive(Debug, PartialEq, Eq)]
struct Server {
    /// Host and port, as in `Host`.
    address: String,
    /// The path that `--web.external-url` or a proxy puts before its own; without the slash at the end.
    prefix: String,
}

impl Server {
    fn new(url: &str) -> Result<Self, AckError> {
        let wrong = |hint| AckError::Url {
            url: url.to_owned(),
            hint,
        };
        if url.starts_with("https://") {
            return Err(wrong(
                "https is not spoken here; ask on the host it runs on, or use amtool silence add",
            ));
        }
        let rest = url
            .strip_prefix("http://")
            .ok_or_else(|| wrong("write http://HOST:PORT"))?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let clean = |c: char| c.is_ascii_graphic() && !"@?#\"<>".contains(c);
        if host.is_empty() || !rest.chars().all(clean) {
            return Err(wrong("write http://HOST:PORT, without a user and without a query"));
        }
        let port = host.rsplit_once(':').map(|(_, port)| port.parse::<u16>().is_ok());
        let address = match port {
            Some(true) => host.to_owned(),
            _ => format!("{host}:80"),
        };
        Ok(Self {
            address,
            prefix: path.trim_end_matches('/').to_owned(),
        })
    }

    /// Sends a request and reads its JSON answer; null where it has none.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, AckError> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let answer = self.exchange(method, path, &body).map_err(|source| AckError::Silent {
            address: self.address.clone(),
            source,
        })?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.lines().next().unwrap_or("nothing");
        let code = status.split(' ').nth(1).unwrap_or_default();
        let read = serde_json::from_str(body.trim());
        match read {
            Ok(read) if code.starts_with('2') && status.starts_with("HTTP/") => Ok(read),
            _ if code.starts_with('2') && body.trim().is_empty() => Ok(Value::Null),
            _ => Err(AckError::Refused {
                address: self.address.clone(),
                answer: brief(&format!("{status}: {}", body.trim())),
            }),
        }
    }

    /// HTTP/1.0, so that the answer is one piece up to the end.
    fn exchange(&self, method: &str, path: &str, body: &str) -> io::Result<String> {
        let mut stream = self.connect()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let request = format!(
            "{method} {}{path} HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.prefix,
            self.address,
            body.len(),
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(LONGEST).read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// To the first of its addresses that answers: `localhost` is two.
    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// One line of bearable length, printable.
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
        ack: Ack,
    }

    fn ack(words: &[&str]) -> Result<Ack, String> {
        let line = Line::try_parse_from(["ack"].iter().chain(words));
        line.map(|line| line.ack).map_err(|error| error.to_string())
    }

    #[test]
    fn a_silence_lasts_as_long_as_asked() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let told = ack(&[
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
            silence(&told, now),
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
            filter(&told),
            "filter=device%3D%22na%5C%22s%22&filter=site%3D%22home%22"
        );
    }

    #[test]
    fn times_without_sense_are_refused() {
        for (text, part) in [
            ("0", "between"),
            ("2", "has no unit"),
            ("2y", "unknown unit"),
            ("400d", "between"),
        ] {
            let said = ack(&["nas", "--for", text]).unwrap_err();
            assert!(said.contains(part), "{text}: {said}");
        }
    }

    #[test]
    fn servers_are_read_from_their_url() {
        let read = |url: &str| Server::new(url).map(|server| (server.address, server.prefix)).ok();
        let found = |address: &str, prefix: &str| Some((address.to_owned(), prefix.to_owned()));
        assert_eq!(read("http://127.0.0.1:9093"), found("127.0.0.1:9093", ""));
        assert_eq!(read("http://[::1]:9093/am/"), found("[::1]:9093", "/am"));
        assert_eq!(read("http://alerts.lan/"), found("alerts.lan:80", ""));
        assert_eq!(read("http://[::1]"), found("[::1]:80", ""));
        for wrong in [
            "",
            "alerts.lan:9093",
            "http://",
            "http://u:p@host",
            "http://h/?x",
            "http://h\r\nX: y",
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        let said = Server::new("https://alerts.lan").unwrap_err().to_string();
        assert!(said.contains("https is not spoken"), "{said}");
    }

    #[test]
    fn silences_are_told_apart_by_their_matchers() {
        let told = ack(&["nas", "--alert", "DeviceDown"]).unwrap();
        let ours = matchers(&told);
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
