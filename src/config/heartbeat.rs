//! The sections `heartbeats`, `heartbeat_enrolment` and `outbound_heartbeat`.
//!
//! Files with secrets are not read here. They are read each time they are used.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::model::{
    Calendar, CronSchedule, Enrolment, Heartbeat, LabelValue, Methods, Schedule, Timestamp, Token, TokenDigest,
};

use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::locate::Place;
use crate::yaml::node::Node;
use crate::yaml::problem::{plain, quoted};
use crate::yaml::scalar;
use crate::yaml::suggest;

use super::interval::{self, Calendars};

const KNOWN: &[&str] = &[
    "name",
    "schedule",
    "grace",
    "start_within",
    "max_runtime",
    "hours",
    "methods",
    "token_sha256",
    "token_file",
];

const SECOND: Duration = Duration::from_secs(1);
const YEAR: Duration = Duration::from_secs(366 * 86_400);
/// The grace of a heartbeat that sets none.
const GRACE: Duration = Duration::from_secs(3600);
/// How many slots of a cron schedule are compared to find the shortest gap between two.
const SLOTS: usize = 50;

/// The service that lanpulse itself reports to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// The file with the URL. The URL contains a secret.
    pub url_file: PathBuf,
    /// Time from one report to the next.
    pub every: Duration,
}

/// The three sections, decoded.
#[derive(Default)]
pub(super) struct Heartbeats {
    /// The heartbeats without a mistake, in the order of the file.
    pub list: Vec<Arc<Heartbeat>>,
    /// Whether and how clients may provision heartbeats.
    pub enrolment: Option<Enrolment>,
    /// The service that lanpulse itself reports to.
    pub outbound: Option<Outbound>,
    names: HashMap<LabelValue, Place>,
    digests: HashMap<TokenDigest, Place>,
}

impl Heartbeats {
    /// Reads all three sections. Paths are relative to `base`.
    pub fn read(main: &Fields, base: &Path, calendars: &Calendars, findings: &mut Findings) -> Self {
        let mut this = Self::default();
        if let Some(section) = main.get("heartbeats") {
            for item in section.items(findings) {
                let heartbeat = this.one(&item, base, calendars, findings);
                this.list.extend(heartbeat.map(Arc::new));
            }
        }
        if let Some(at) = main.get("heartbeat_enrolment") {
            this.enrolment = enrolment(&at, base, findings);
        }
        if let Some(at) = main.get("outbound_heartbeat") {
            this.outbound = outbound(&at, base, findings);
        }
        this
    }

    fn one(&mut self, item: &At, base: &Path, calendars: &Calendars, findings: &mut Findings) -> Option<Heartbeat> {
        let fields = item.fields(KNOWN, findings);
        let name = self.name(&fields, findings);
        let schedule = fields
            .require(
                "schedule",
                "write schedule: {every: 24h}, or {cron: ..., tz: ...}",
                findings,
            )
            .and_then(|at| schedule(&at, findings));
        let mut span = |name, default| {
            fields
                .get(name)
                .and_then(|at| scalar::duration(&at, SECOND..=YEAR, findings))
                .unwrap_or(default)
        };
        let grace = span("grace", GRACE);
        let (start_within, max_runtime) = (span("start_within", grace), span("max_runtime", grace));
        let hours = fields.get("hours").and_then(|at| hours(&at, calendars, findings));
        let methods = fields.get("methods").map_or(Methods::ALL, |at| methods(&at, findings));
        let token = self.token(item, &fields, base, findings);
        Some(Heartbeat {
            name: name?,
            schedule: schedule?,
            grace,
            start_within,
            max_runtime,
            hours,
            methods,
            token: token?,
        })
    }

    fn name(&mut self, fields: &Fields, findings: &mut Findings) -> Option<LabelValue> {
        let at = fields.require("name", "it becomes the heartbeat label", findings)?;
        let name = scalar::name(&at, findings)?;
        if name.as_str().contains('/') {
            findings.value(
                &at,
                "the name holds a /, and becomes a part of URLs",
                "write - in its place",
            );
            return None;
        }
        if let Some(first) = self.names.get(&name) {
            let message = format!("the name {} is already used at", quoted(name.as_str()));
            findings.twice(at.place(), first.clone(), message);
            return None;
        }
        self.names.insert(name.clone(), at.place());
        Some(name)
    }

    fn token(&mut self, item: &At, fields: &Fields, base: &Path, findings: &mut Findings) -> Option<Token> {
        let (sha256, file) = (fields.get("token_sha256"), fields.get("token_file"));
        let place = sha256.as_ref().map(At::place);
        let token = secret(item, sha256, file, ["token_sha256", "token_file"], base, findings)?;
        if let (Token::Digest(digest), Some(place)) = (&token, place) {
            if let Some(first) = self.digests.get(digest) {
                findings.twice(
                    place,
                    first.clone(),
                    "each heartbeat needs a token of its own; this is the one at",
                );
                return None;
            }
            self.digests.insert(*digest, place);
        }
        Some(token)
    }
}

/// Reads a digest or the path of a file. Exactly one of the two must be given.
fn secret(
    item: &At,
    sha256: Option<At>,
    file: Option<At>,
    [sha256_key, file_key]: [&str; 2],
    base: &Path,
    findings: &mut Findings,
) -> Option<Token> {
    match (sha256, file) {
        (Some(_), Some(at)) => {
            findings.value(&at, format!("there is a {sha256_key} already"), "leave out one of them");
            None
        }
        (Some(at), None) => digest(&at, findings).map(Token::Digest),
        (None, Some(at)) => path(&at, base, findings).map(Token::File),
        (None, None) => {
            if matches!(item.node, Node::Map(_)) {
                let message = format!("missing {sha256_key} or {file_key}");
                findings.value(item, message, "`lanpulse heartbeat token NAME` prints one");
            }
            None
        }
    }
}

fn digest(at: &At, findings: &mut Findings) -> Option<TokenDigest> {
    let digest = TokenDigest::from_hex(scalar::text(at, findings)?.trim());
    if digest.is_none() {
        findings.value(
            at,
            "a SHA-256 has 64 hexadecimal digits",
            "`lanpulse heartbeat token NAME` prints it; the token itself does not belong here",
        );
    }
    digest
}

fn path(at: &At, base: &Path, findings: &mut Findings) -> Option<PathBuf> {
    let text = scalar::text(at, findings)?.trim();
    if text.is_empty() {
        findings.value(at, "the path is empty", "");
        return None;
    }
    Some(base.join(text))
}

fn schedule(at: &At, findings: &mut Findings) -> Option<Schedule> {
    let fields = at.fields(&["every", "cron", "tz", "early"], findings);
    match (fields.get("every"), fields.get("cron")) {
        (Some(every), None) => {
            for name in ["tz", "early"] {
                if let Some(ordinal) = fields.ordinal(name) {
                    findings.key(at, ordinal, format!("\"{name}\" belongs to cron"), "remove it");
                }
            }
            scalar::duration(&every, SECOND..=YEAR, findings).map(Schedule::Every)
        }
        (None, Some(cron)) => {
            let zone = fields
                .require("tz", "an IANA name such as Europe/Berlin, or UTC", findings)
                .and_then(|at| interval::zone(&at, findings));
            let early_at = fields.get("early");
            let early = early_at.and_then(|at| scalar::duration(&at, Duration::ZERO..=YEAR, findings));
            let schedule = parse(&cron, zone, early, findings)?;
            if let Some(at) = early_at.filter(|_| early.is_some_and(|early| early >= shortest_gap(&schedule))) {
                findings.value(
                    &at,
                    "it is as long as the shortest gap between two slots, or longer",
                    "",
                );
            }
            Some(Schedule::Cron(Box::new(schedule)))
        }
        (Some(_), Some(cron)) => {
            findings.value(&cron, "a schedule is either every or cron", "remove one of them");
            None
        }
        (None, None) => {
            if matches!(at.node, Node::Map(_)) {
                findings.value(
                    at,
                    "missing every or cron",
                    "write {every: 24h}, or {cron: \"0 3 * * *\", tz: UTC}",
                );
            }
            None
        }
    }
}

fn parse(at: &At, zone: Option<TimeZone>, early: Option<Duration>, findings: &mut Findings) -> Option<CronSchedule> {
    const HINT: &str = "minute, hour, day of month, month, day of week, as in 30 3 * * 1-5";
    let text = scalar::text(at, findings)?;
    // Check the expression even if there is no valid time zone.
    let known = zone.is_some();
    let mut schedule = match CronSchedule::parse(text, zone.unwrap_or(TimeZone::UTC)) {
        Ok(schedule) => schedule,
        Err(problem) => {
            findings.value(at, format!("{}: {}", quoted(text), plain(&problem)), HINT);
            return None;
        }
    };
    schedule.early = early;
    if slots(&schedule, 1).is_empty() {
        findings.value(at, format!("{} never comes", quoted(text)), "no such day of a month");
        return None;
    }
    known.then_some(schedule)
}

/// The first slots since the beginning of a leap year.
fn slots(schedule: &CronSchedule, count: usize) -> Vec<Timestamp> {
    const FROM: Timestamp = Timestamp::from_secs(1_704_067_200); // 2024-01-01
    let heartbeat = Heartbeat {
        schedule: Schedule::Cron(Box::new(schedule.clone())),
        ..Heartbeat::provisioned("".into(), SECOND, SECOND)
    };
    crate::state::upcoming(&heartbeat, FROM, count)
}

fn shortest_gap(schedule: &CronSchedule) -> Duration {
    let slots = slots(schedule, SLOTS);
    let gaps = slots.windows(2).map(|pair| pair[1].since(pair[0]));
    gaps.min().unwrap_or(YEAR)
}

/// Reads the name of a time interval and looks it up. `None` if it is unknown or has a mistake.
fn hours(at: &At, calendars: &Calendars, findings: &mut Findings) -> Option<Arc<Calendar>> {
    let name = scalar::text(at, findings)?;
    if let Some((calendar, _)) = calendars.names.get(LabelValue::new(name.trim()).as_str()) {
        return calendar.clone();
    }
    if calendars.complete {
        let names = calendars.names.keys().map(LabelValue::as_str);
        let hint = suggest::hint(name, names, "define it in time_intervals");
        findings.value(at, format!("unknown time interval {}", quoted(name)), hint);
    }
    None
}

fn methods(at: &At, findings: &mut Findings) -> Methods {
    let mut methods = Methods {
        get: false,
        head: false,
        post: false,
    };
    let before = findings.0.len();
    for item in at.items(findings) {
        let words = [("GET", 0), ("HEAD", 1), ("POST", 2)];
        match scalar::choice(&item, &words, findings) {
            Some(0) => methods.get = true,
            Some(1) => methods.head = true,
            Some(_) => methods.post = true,
            None => {}
        }
    }
    if findings.0.len() == before && !(methods.get || methods.head || methods.post) {
        findings.value(
            at,
            "no method: nobody could report",
            "leave it out for GET, HEAD and POST",
        );
    }
    methods
}

fn enrolment(at: &At, base: &Path, findings: &mut Findings) -> Option<Enrolment> {
    if matches!(at.node, Node::Null) {
        return None;
    }
    let fields = at.fields(&["key_sha256", "key_file", "max", "every", "grace"], findings);
    let keys = (fields.get("key_sha256"), fields.get("key_file"));
    let key = secret(at, keys.0, keys.1, ["key_sha256", "key_file"], base, findings);
    let max = fields
        .get("max")
        .and_then(|at| scalar::count(&at, 1..=10_000, findings));
    let mut span = |name, default| {
        fields
            .get(name)
            .and_then(|at| scalar::duration(&at, SECOND..=YEAR, findings))
            .unwrap_or(default)
    };
    Some(Enrolment {
        max: max.unwrap_or(50),
        every: span("every", Duration::from_secs(86_400)),
        grace: span("grace", GRACE),
        key: key?,
    })
}

fn outbound(at: &At, base: &Path, findings: &mut Findings) -> Option<Outbound> {
    if matches!(at.node, Node::Null) {
        return None;
    }
    let fields = at.fields(&["url_file", "every"], findings);
    let every = fields
        .get("every")
        .and_then(|at| scalar::duration(&at, SECOND..=Duration::from_secs(86_400), findings))
        .unwrap_or(Duration::from_secs(60));
    let url_file = fields.require("url_file", "the file that holds the URL to report to", findings)?;
    let url_file = path(&url_file, base, findings)?;
    Some(Outbound { url_file, every })
}
