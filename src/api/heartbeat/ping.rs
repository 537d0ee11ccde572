//! The URLs that clients of healthchecks send: `/ping/...`.
//!
//! Pure: gets a path and a query; gives the heartbeat and what is reported. The shapes are those of healthchecks'
//! `hc/api/urls.py` and `hc/api/views.py`.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::model::{SignalKind, parse_duration};
use crate::serve::percent_decode;

/// The schedule and grace that a client may ask for.
const SPANS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(366 * 86_400);

/// A `/ping` request.
#[derive(Debug, PartialEq)]
pub struct Ping {
    /// The token of a heartbeat, or the key of `heartbeat_enrolment`.
    pub token: String,
    /// With a key: the heartbeat.
    pub name: Option<String>,
    /// What is reported.
    pub kind: SignalKind,
    /// The run, as the client calls it.
    pub run_id: Option<String>,
    /// Whether to create the heartbeat if there is none, and how.
    pub create: Option<Create>,
}

/// How to create a heartbeat.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Create {
    /// How often it reports, unless as configured.
    pub every: Option<Duration>,
    /// Its grace, unless as configured.
    pub grace: Option<Duration>,
}

/// Why a path or query is no ping.
#[derive(Debug, PartialEq)]
pub enum NoPing {
    /// There is no such path: 404.
    Unknown,
    /// It has a mistake: 400.
    Wrong(&'static str),
}

/// Reads what follows `/ping/`:
/// `TOKEN`, `TOKEN/start`, `TOKEN/fail`, `TOKEN/log`, `TOKEN/0` to `TOKEN/255`, and with `KEY/NAME` in place of `TOKEN`.
pub fn read(rest: &str, query: &str) -> Result<Ping, NoPing> {
    let mut parts: Vec<&str> = rest.split('/').collect();
    if parts.iter().any(|part| part.is_empty()) || parts.len() > 3 {
        return Err(NoPing::Unknown);
    }
    let kind = match parts[..] {
        [_] => SignalKind::Ok,
        [.., last] => match action(last)? {
            Some(kind) => {
                parts.pop();
                kind
            }
            None if parts.len() == 3 => return Err(NoPing::Unknown),
            None => SignalKind::Ok,
        },
        [] => return Err(NoPing::Unknown),
    };
    let name = match parts.get(1) {
        Some(name) => Some(slug(name)?),
        None => None,
    };
    let token = percent_decode(parts[0]).ok_or(NoPing::Unknown)?;
    let mut ping = Ping {
        token,
        name,
        kind,
        run_id: None,
        create: None,
    };
    for (key, value) in pairs(query) {
        match key {
            "rid" if is_uuid(&value) => ping.run_id = Some(value.to_ascii_lowercase()),
            "rid" => return Err(NoPing::Wrong("rid must be a UUID")),
            _ => {}
        }
    }
    ping.create = create(query).map_err(NoPing::Wrong)?;
    Ok(ping)
}

/// Reads `create=1`, `every` and `grace` of a query. Without `create=1` there is nothing to create.
///
/// # Errors
/// Which of them has a mistake.
pub fn create(query: &str) -> Result<Option<Create>, &'static str> {
    let (mut wanted, mut create) = (false, Create::default());
    let span = |value: &str| parse_duration(value).ok().filter(|span| SPANS.contains(span));
    for (key, value) in pairs(query) {
        match key {
            "create" => wanted = value == "1",
            "every" => create.every = Some(span(&value).ok_or("every must be a duration from 1s to 366d, as in 1h")?),
            "grace" => create.grace = Some(span(&value).ok_or("grace must be a duration from 1s to 366d, as in 10m")?),
            _ => {}
        }
    }
    Ok(wanted.then_some(create))
}

/// What the last part of a path reports; none if it is a name.
fn action(last: &str) -> Result<Option<SignalKind>, NoPing> {
    Ok(match last {
        "start" => Some(SignalKind::Start),
        "fail" => Some(SignalKind::Fail),
        "log" => Some(SignalKind::Log),
        code if code.bytes().all(|b| b.is_ascii_digit()) => match code.parse::<u8>() {
            Ok(code) => Some(SignalKind::Exit(code.into())),
            Err(_) => return Err(NoPing::Wrong("an exit status is from 0 to 255")),
        },
        _ => None,
    })
}

/// A name that a client may choose: lower-case letters, digits, - and _.
pub fn slug(name: &str) -> Result<String, NoPing> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(good) {
        return Err(NoPing::Wrong(
            "a name has lower-case letters, digits, - and _, 64 at most",
        ));
    }
    Ok(name.to_owned())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, String)> {
    query.split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((key, percent_decode(value)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RID: &str = "1f2e3d4c-0000-4000-8000-00000000ABCD";

    #[test]
    fn every_shape_of_a_ping() {
        for (path, name, kind) in [
            ("tok", None, SignalKind::Ok),
            ("tok/start", None, SignalKind::Start),
            ("tok/fail", None, SignalKind::Fail),
            ("tok/log", None, SignalKind::Log),
            ("tok/0", None, SignalKind::Exit(0)),
            ("tok/255", None, SignalKind::Exit(255)),
            ("tok/backup", Some("backup"), SignalKind::Ok),
            ("tok/backup/start", Some("backup"), SignalKind::Start),
            ("tok/backup/7", Some("backup"), SignalKind::Exit(7)),
        ] {
            let ping = read(path, "").unwrap();
            assert_eq!((ping.name.as_deref(), ping.kind), (name, kind), "{path}");
            assert_eq!(ping.token, "tok");
        }
    }

    #[test]
    fn other_paths_are_refused() {
        for path in [
            "",
            "/",
            "tok/",
            "tok//start",
            "tok/a/b",
            "tok/a/start/more",
            "%ff",
            "%zz",
        ] {
            assert_eq!(read(path, ""), Err(NoPing::Unknown), "{path}");
        }
        for path in ["tok/256", "tok/99999999999", "tok/Backup", "tok/a b", "tok/%2e%2e"] {
            assert!(matches!(read(path, ""), Err(NoPing::Wrong(_))), "{path}");
        }
    }

    #[test]
    fn queries() {
        let ping = read("t%61k", &format!("x&rid={RID}&create=1&every=1h&grace=10m")).unwrap();
        assert_eq!(ping.token, "tak");
        assert_eq!(ping.run_id, Some(RID.to_ascii_lowercase()));
        let create = Create {
            every: Some(Duration::from_secs(3600)),
            grace: Some(Duration::from_secs(600)),
        };
        assert_eq!(ping.create, Some(create));
        assert_eq!(read("t", "create=0&every=1h").unwrap().create, None);
        for query in ["rid=1", "rid=", "create=1&every=soon", "grace=0s", "every=9999d"] {
            assert!(matches!(read("t", query), Err(NoPing::Wrong(_))), "{query}");
        }
    }
}
