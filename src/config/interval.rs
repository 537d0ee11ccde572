//! The section `time_intervals`. It has the syntax of Alertmanager, so that the same text can be used for both.
//!
//! Source: `time_interval` in the configuration reference of Alertmanager, and its package `timeinterval`.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::model::{Calendar, DayRange, LabelValue, Span, TimeInterval};

use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::locate::Place;
use crate::yaml::node::Node;
use crate::yaml::problem::quoted;
use crate::yaml::scalar;

const WEEKDAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The named time intervals of all files.
pub(super) struct Calendars {
    /// Whether all files could be read. If not, an unknown name may be in one of the others.
    pub complete: bool,
    /// The time intervals without a mistake, in the order of the files.
    pub list: Vec<Arc<Calendar>>,
    /// All time intervals and the place of each name. `None` for one with a mistake: its users are not reported, too.
    pub names: HashMap<LabelValue, (Option<Arc<Calendar>>, Place)>,
}

impl Calendars {
    /// An empty set.
    pub fn new(complete: bool) -> Self {
        Self {
            complete,
            list: Vec::new(),
            names: HashMap::new(),
        }
    }

    /// Adds the `time_intervals` of a file.
    pub fn read(&mut self, section: &At, findings: &mut Findings) {
        for item in section.items(findings) {
            let fields = item.fields(&["name", "time_intervals"], findings);
            let name_at = fields.require("name", "", findings);
            let name = name_at.and_then(|at| scalar::name(&at, findings));
            let before = findings.0.len();
            let mut intervals = Vec::new();
            if let Some(at) = fields.require("time_intervals", "write time_intervals: [...]", findings) {
                intervals.extend(at.items(findings).map(|at| interval(&at, findings)).collect::<Vec<_>>());
            }
            let (Some(name), Some(name_at)) = (name, name_at) else {
                continue;
            };
            if let Some((_, first)) = self.names.get(&name) {
                let message = format!("the name {} is already used at", quoted(name.as_str()));
                findings.twice(name_at.place(), first.clone(), message);
                continue;
            }
            let good = findings.0.len() == before;
            let calendar = good.then(|| {
                Arc::new(Calendar {
                    name: name.as_str().to_owned(),
                    intervals,
                })
            });
            self.list.extend(calendar.clone());
            self.names.insert(name, (calendar, name_at.place()));
        }
    }
}

fn interval(at: &At, findings: &mut Findings) -> TimeInterval {
    let known = &["times", "weekdays", "days_of_month", "months", "years", "location"];
    let fields = at.fields(known, findings);
    TimeInterval {
        times: list(&fields, "times", findings, time),
        weekdays: list(&fields, "weekdays", findings, weekday),
        days_of_month: list(&fields, "days_of_month", findings, day_of_month),
        months: list(&fields, "months", findings, month),
        years: list(&fields, "years", findings, year),
        zone: fields
            .get("location")
            .and_then(|at| zone(&at, findings))
            .unwrap_or(TimeZone::UTC),
    }
}

fn list<T>(fields: &Fields, name: &str, findings: &mut Findings, read: fn(&At, &mut Findings) -> Option<T>) -> Vec<T> {
    let Some(at) = fields.get(name) else { return Vec::new() };
    let mut good = Vec::new();
    for item in at.items(findings) {
        good.extend(read(&item, findings));
    }
    good
}

fn time(at: &At, findings: &mut Findings) -> Option<Span> {
    let fields = at.fields(&["start_time", "end_time"], findings);
    let start = fields.require("start_time", "", findings);
    let end = fields.require("end_time", "write \"24:00\" for midnight", findings);
    let start = start.and_then(|at| minute(&at, findings));
    let (end_at, end) = (end?, end.and_then(|at| minute(&at, findings)));
    let (start, end) = (start?, end?);
    if start >= end {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let hint = if start == end {
            "for the whole day leave out times".to_owned()
        } else {
            let (start, end) = (clock(start), clock(end));
            format!("past midnight write two: {start} to 24:00, and 00:00 to {end} of the next day")
        };
        findings.value(
            &end_at,
            format!("the end, {}, is not after the start, {}", clock(end), clock(start)),
            hint,
        );
        return None;
    }
    Some(Span { start, end })
}

/// Reads a time of day, `00:00` to `24:00`, as minutes since midnight.
fn minute(at: &At, findings: &mut Findings) -> Option<u16> {
    let text = scalar::text(at, findings)?;
    let read = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let two = |digits: &str| digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        let (hour, minute) = (
            two(hour).then(|| hour.parse::<u16>().ok())??,
            two(minute).then(|| minute.parse::<u16>().ok())??,
        );
        (minute < 60 && (hour < 24 || (hour == 24 && minute == 0))).then_some(hour * 60 + minute)
    };
    let minute = read(text);
    if minute.is_none() {
        let message = format!("{} is not a time of day", quoted(text));
        findings.value(at, message, "write HH:MM with two digits each, 00:00 to 24:00");
    }
    minute
}

/// Reads `start:end`, or one word for both. Like Alertmanager it ignores upper and lower case.
fn range<T>(
    at: &At,
    what: &str,
    hint: &str,
    findings: &mut Findings,
    member: impl Fn(&str) -> Option<T>,
) -> Option<(T, T)> {
    let text = match at.node {
        Node::Text(text) => text.to_lowercase(),
        // Without quotes, a day, month or year is a number in YAML.
        Node::Int(number) => number.to_string(),
        _ => {
            at.wrong(&format!("{what} or a range of them"), hint, findings);
            return None;
        }
    };
    let (start, end) = text.split_once(':').unwrap_or((&text, &text));
    for part in [start, end] {
        if member(part).is_none() {
            findings.value(at, format!("{} is not {what}", quoted(part)), hint);
            return None;
        }
    }
    Some((member(start)?, member(end)?))
}

fn span((start, end): (u16, u16), at: &At, hint: &str, findings: &mut Findings) -> Option<Span> {
    if start > end {
        findings.value(at, "the range ends before it starts", hint);
        return None;
    }
    Some(Span { start, end })
}

fn weekday(at: &At, findings: &mut Findings) -> Option<Span> {
    let member = |text: &str| WEEKDAYS.iter().position(|day| *day == text).map(|day| day as u16);
    let found = range(
        at,
        "a day of the week",
        "write sunday, monday, ..., or monday:friday",
        findings,
        member,
    )?;
    span(found, at, "the week begins on sunday: write two ranges", findings)
}

fn month(at: &At, findings: &mut Findings) -> Option<Span> {
    let member = |text: &str| match MONTHS.iter().position(|month| *month == text) {
        Some(month) => Some(month as u16 + 1),
        None => text.parse().ok().filter(|month| (1..=12).contains(month)),
    };
    let found = range(
        at,
        "a month",
        "write january, february, ..., or 1 to 12, or january:march",
        findings,
        member,
    )?;
    span(found, at, "over the turn of the year write two ranges", findings)
}

fn year(at: &At, findings: &mut Findings) -> Option<Span> {
    let member = |text: &str| text.parse().ok().filter(|year| (1..=9999).contains(year));
    let found = range(at, "a year", "write 2026, or 2026:2028", findings, member)?;
    span(found, at, "", findings)
}

fn day_of_month(at: &At, findings: &mut Findings) -> Option<DayRange> {
    const HINT: &str = "write 1 to 31, -1 for the last day, or 1:5, or -3:-1";
    let member = |text: &str| {
        text.parse::<i8>()
            .ok()
            .filter(|day| *day != 0 && (-31..=31).contains(day))
    };
    let (start, end) = range(at, "a day of the month", HINT, findings, member)?;
    if start < 0 && end > 0 {
        findings.value(
            at,
            "a range that starts from the month's end must end there too",
            "as in -3:-1",
        );
        return None;
    }
    // Like Alertmanager, refuse a range that ends before it starts in the shortest month.
    let in_february = |day: i8| if day < 0 { 28 + day } else { day };
    if in_february(start) > in_february(end) {
        findings.value(at, "the range ends before it starts", HINT);
        return None;
    }
    Some(DayRange { start, end })
}

/// Reads a time zone: an IANA name, `UTC` or `Local`.
pub(super) fn zone(at: &At, findings: &mut Findings) -> Option<TimeZone> {
    let name = scalar::text(at, findings)?;
    let zone = match name {
        "" | "UTC" => Ok(TimeZone::UTC),
        "Local" => TimeZone::try_system(),
        _ => TimeZone::get(name),
    };
    if zone.is_err() {
        let message = match name {
            "Local" => "this host does not say its time zone".to_owned(),
            _ => format!("unknown time zone {}", quoted(name)),
        };
        findings.value(
            at,
            message,
            "write an IANA name such as Europe/Berlin, or UTC, or Local",
        );
    }
    zone.ok()
}
