//! Heartbeats: hosts and jobs that must report, what they report, and what is kept of it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;

use super::{Calendar, LabelValue, Timestamp, TokenDigest};

/// A heartbeat as configured, or as provisioned by a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Heartbeat {
    /// The `heartbeat` label: unique.
    pub name: LabelValue,
    /// When it is expected.
    pub schedule: Schedule,
    /// How long after it is expected it is late before it is down.
    pub grace: Duration,
    /// How long after it is expected a run must have started (or the signal be there): `grace` unless given.
    pub start_within: Duration,
    /// How long a run may take from its start signal: `grace` unless given.
    pub max_runtime: Duration,
    /// Outside these its clock stands still.
    pub hours: Option<Arc<Calendar>>,
    /// Which methods `/ping` takes.
    pub methods: Methods,
    /// How a client proves that it may report.
    pub token: Token,
}

impl Heartbeat {
    /// One that a client has provisioned.
    pub fn provisioned(name: LabelValue, every: Duration, grace: Duration) -> Self {
        Self {
            name,
            schedule: Schedule::Every(every),
            grace,
            start_within: grace,
            max_runtime: grace,
            hours: None,
            methods: Methods::ALL,
            token: Token::Enrolment,
        }
    }
}

/// When a heartbeat is expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// This long after the last report.
    Every(Duration),
    /// At the slots of a cron expression.
    Cron(Box<CronSchedule>),
}

/// A cron expression of five fields in a time zone. Around changes of the clock it goes by Vixie cron's rules.
#[derive(Clone, Debug)]
pub struct CronSchedule {
    /// As written.
    pub text: String,
    /// Parsed.
    pub cron: Cron,
    /// Where its hours are meant.
    pub zone: TimeZone,
    /// A report this much before a slot counts for the slot; the smaller of five minutes and a quarter of the gap
    /// between slots unless given.
    pub early: Option<Duration>,
}

impl PartialEq for CronSchedule {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, &self.zone, self.early) == (&other.text, &other.zone, other.early)
    }
}

impl CronSchedule {
    /// Reads a cron expression: minute, hour, day of month, month, day of week; or `@daily` and its like.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, zone: TimeZone) -> Result<Self, String> {
        let fields = text.split_whitespace().count();
        if fields != 5 && !text.trim().starts_with('@') {
            return Err(format!("a cron expression has 5 fields, this has {fields}"));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(text).map_err(|error| error.to_string())?;
        Ok(Self {
            text: text.trim().to_owned(),
            cron,
            zone,
            early: None,
        })
    }
}

/// Which methods the `/ping` route of a heartbeat takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Methods {
    /// GET.
    pub get: bool,
    /// HEAD.
    pub head: bool,
    /// POST.
    pub post: bool,
}

impl Methods {
    /// All three.
    pub const ALL: Self = Self {
        get: true,
        head: true,
        post: true,
    };
}

/// How a client of a heartbeat proves that it may report.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// By a token with this digest.
    Digest(TokenDigest),
    /// By the token in this file.
    File(PathBuf),
    /// By the key with which it was provisioned.
    Enrolment,
}

/// Who may provision heartbeats, and how many.
#[derive(Clone, Debug, PartialEq)]
pub struct Enrolment {
    /// The key.
    pub key: Token,
    /// At most so many.
    pub max: usize,
    /// The schedule of those that do not say.
    pub every: Duration,
    /// The grace of those that do not say.
    pub grace: Duration,
}

/// What a client reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    /// All is well, or the job is done.
    Ok,
    /// It failed.
    Fail,
    /// A run starts.
    Start,
    /// Something to note; changes nothing.
    Log,
    /// The job ended with this code; 0 is success.
    Exit(i64),
}

impl SignalKind {
    /// How many there are.
    pub const COUNT: usize = 5;
    /// The `kind` labels, in the order of [`SignalKind::index`].
    pub const LABELS: [&'static str; Self::COUNT] = ["ok", "fail", "start", "log", "exit"];

    /// Its place in [`SignalKind::LABELS`].
    pub const fn index(self) -> usize {
        match self {
            Self::Ok => 0,
            Self::Fail => 1,
            Self::Start => 2,
            Self::Log => 3,
            Self::Exit(_) => 4,
        }
    }

    /// The `kind` label.
    pub const fn as_str(self) -> &'static str {
        Self::LABELS[self.index()]
    }

    /// The exit code, if it has one.
    pub const fn exit(self) -> Option<i64> {
        match self {
            Self::Exit(code) => Some(code),
            _ => None,
        }
    }

    /// Whether it ends a run, and if so how.
    pub const fn success(self) -> Option<bool> {
        match self {
            Self::Ok | Self::Exit(0) => Some(true),
            Self::Fail | Self::Exit(_) => Some(false),
            Self::Start | Self::Log => None,
        }
    }
}

/// One report of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// What.
    pub kind: SignalKind,
    /// Which run it belongs to, as the client calls it.
    pub run_id: Option<String>,
    /// How long the run took, as the client measured it.
    pub duration: Option<Duration>,
    /// Who sent it.
    pub source: Option<IpAddr>,
    /// The end of what came with it, at most 10 KiB. Never a label.
    pub message: Option<String>,
}

/// A report as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalRecord {
    /// Whose.
    pub heartbeat: LabelValue,
    /// When it arrived.
    pub at: Timestamp,
    /// What it said.
    pub signal: Signal,
}

/// What is kept of a heartbeat: from this, its schedule and the time follows everything else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeartbeatRow {
    /// The last success.
    pub last_ok: Option<Timestamp>,
    /// The last failure.
    pub last_fail: Option<Timestamp>,
    /// The last start of a run.
    pub last_start: Option<Timestamp>,
    /// The last report of any kind.
    pub last_signal: Option<Timestamp>,
    /// What the client called the last run that started.
    pub run_id: Option<String>,
    /// Whether that run has not ended yet.
    pub running: bool,
    /// When the run started whose length counts: not one that started while it was down already.
    pub watched_since: Option<Timestamp>,
    /// How long the last run took.
    pub last_duration: Option<Duration>,
    /// Its exit code, if it told.
    pub last_exit: Option<i64>,
    /// Failures in a row, ending now.
    pub failures: u32,
    /// Whether a person has paused it.
    pub paused: bool,
    /// When a person last resumed it.
    pub resumed_at: Option<Timestamp>,
    /// The schedule counts from here at the earliest: it was resumed, or changed.
    pub counted_from: Option<Timestamp>,
    /// Not down before this moment: its deadline fell into lanpulse's own absence.
    pub excused_until: Option<Timestamp>,
    /// Its schedule and grace, where a client has provisioned it.
    pub provision: Option<(Duration, Duration)>,
}

impl HeartbeatRow {
    /// The last time a run ended, or the heartbeat said that all is well.
    pub fn completed(&self) -> Option<Timestamp> {
        self.last_ok.max(self.last_fail)
    }
}

/// How a heartbeat is doing: exactly one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeartbeatState {
    /// It has not reported yet, or not since it was resumed.
    New,
    /// It has reported in time, or a run is under way.
    Up,
    /// It is expected, and within its grace.
    Late,
    /// It is overdue, or reported a failure.
    Down,
    /// A person has paused it.
    Paused,
}

impl HeartbeatState {
    /// All of them, in the order they are exposed.
    pub const ALL: [Self; 5] = [Self::New, Self::Up, Self::Late, Self::Down, Self::Paused];

    /// The `state` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Up => "up",
            Self::Late => "late",
            Self::Down => "down",
            Self::Paused => "paused",
        }
    }

    /// Whether it is overdue or has failed.
    pub const fn is_down(self) -> bool {
        matches!(self, Self::Down)
    }
}
