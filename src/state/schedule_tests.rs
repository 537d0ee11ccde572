//! Slots and hours against the calendar: weekends, changes of the clock, month ends.

use std::sync::Arc;

use super::*;
use crate::model::{CronSchedule, DayRange, Span};

fn at(text: &str) -> Timestamp {
    timestamp(text.parse().unwrap())
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn cron(text: &str, tz: &str) -> Heartbeat {
    Heartbeat {
        schedule: Schedule::Cron(Box::new(CronSchedule::parse(text, zone(tz)).unwrap())),
        ..Heartbeat::provisioned("x".into(), Duration::from_secs(1), Duration::from_secs(600))
    }
}

/// Monday to Friday, 08:00 to 18:00.
fn business(tz: &str) -> Arc<Calendar> {
    Arc::new(Calendar {
        name: "business".into(),
        intervals: vec![TimeInterval {
            times: vec![Span { start: 480, end: 1080 }],
            weekdays: vec![Span { start: 1, end: 5 }],
            days_of_month: vec![],
            months: vec![],
            years: vec![],
            zone: zone(tz),
        }],
    })
}

#[test]
fn cron_slots_after_a_report() {
    for (text, tz, base, next) in [
        ("0 3 * * *", "UTC", "2026-11-20T03:00:00Z", "2026-11-21T03:00:00Z"),
        (
            "0 3 * * *",
            "Europe/Berlin",
            "2026-11-20T12:00:00Z",
            "2026-11-21T02:00:00Z",
        ),
        (
            "0 3 * * *",
            "Europe/Berlin",
            "2026-07-20T12:00:00Z",
            "2026-07-21T01:00:00Z",
        ),
        // weekdays only, over a weekend (2026-11-20 is a Friday)
        ("30 9 * * 1-5", "UTC", "2026-11-20T09:40:00Z", "2026-11-23T09:30:00Z"),
        (
            "30 9 * * mon-fri",
            "UTC",
            "2026-11-22T00:00:00Z",
            "2026-11-23T09:30:00Z",
        ),
        // month ends
        ("0 0 31 * *", "UTC", "2026-08-31T00:10:00Z", "2026-10-31T00:00:00Z"),
        ("0 0 29 2 *", "UTC", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 12 l * *", "UTC", "2026-02-01T00:00:00Z", "2026-02-28T12:00:00Z"),
        // Vixie cron: a day of the month or a day of the week
        ("0 0 1 * 1", "UTC", "2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("@daily", "UTC", "2026-11-20T01:00:00Z", "2026-11-21T00:00:00Z"),
        // the clock goes forward at 02:00: the slot in the gap comes at once after it, and none is lost
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            "2026-03-29T01:00:00Z",
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-29T02:00:00Z",
            "2026-03-30T00:30:00Z",
        ),
        (
            "30 3 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            "2026-03-29T01:30:00Z",
        ),
        // the clock goes back at 03:00: a fixed slot comes once, a repeated one in both hours
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            "2026-10-25T00:30:00Z",
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-25T00:40:00Z",
            "2026-10-26T01:30:00Z",
        ),
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-10-25T00:40:00Z",
            "2026-10-25T01:00:00Z",
        ),
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-10-25T01:08:00Z",
            "2026-10-25T01:30:00Z",
        ),
    ] {
        assert_eq!(
            expected(&cron(text, tz), at(base)),
            Some(at(next)),
            "{text} {tz} after {base}"
        );
    }
}

#[test]
fn a_report_shortly_before_its_slot_is_for_that_slot() {
    let daily = cron("0 3 * * *", "UTC");
    for (base, next) in [
        ("2026-11-20T02:54:59Z", "2026-11-20T03:00:00Z"),
        ("2026-11-20T02:55:00Z", "2026-11-21T03:00:00Z"),
        ("2026-11-20T02:59:59.5Z", "2026-11-21T03:00:00Z"),
        ("2026-11-20T03:00:00Z", "2026-11-21T03:00:00Z"),
    ] {
        assert_eq!(expected(&daily, at(base)), Some(at(next)), "{base}");
    }
    // close slots: a quarter of the gap
    let often = cron("*/4 * * * *", "UTC");
    assert_eq!(
        expected(&often, at("2026-11-20T02:58:59Z")),
        Some(at("2026-11-20T03:00:00Z"))
    );
    assert_eq!(
        expected(&often, at("2026-11-20T02:59:00Z")),
        Some(at("2026-11-20T03:04:00Z"))
    );
    let with = |early| {
        let mut schedule = CronSchedule::parse("0 3 * * *", TimeZone::UTC).unwrap();
        schedule.early = Some(Duration::from_secs(early));
        let mut daily = cron("0 3 * * *", "UTC");
        daily.schedule = Schedule::Cron(Box::new(schedule));
        daily
    };
    assert_eq!(
        expected(&with(0), at("2026-11-20T02:59:59Z")),
        Some(at("2026-11-20T03:00:00Z"))
    );
    assert_eq!(
        expected(&with(3600), at("2026-11-20T02:00:00Z")),
        Some(at("2026-11-21T03:00:00Z"))
    );
}

#[test]
fn time_outside_the_hours_does_not_pass() {
    let hours = business("Europe/Berlin"); // 07:00Z to 17:00Z in winter
    let hour = 3600;
    for (from, seconds, then) in [
        ("2026-11-20T09:00:00Z", hour, "2026-11-20T10:00:00Z"),
        ("2026-11-20T16:30:00Z", 1800, "2026-11-20T17:00:00Z"),
        // Friday evening to Monday morning
        ("2026-11-20T16:30:00Z", hour, "2026-11-23T07:30:00Z"),
        ("2026-11-21T12:00:00Z", 0, "2026-11-23T07:00:00Z"),
        ("2026-11-21T12:00:00Z", 60, "2026-11-23T07:01:00Z"),
        ("2026-11-20T17:00:00Z", 60, "2026-11-23T07:01:00Z"),
        // 24 hours within them: ten on Monday, ten on Tuesday, four on Wednesday
        ("2026-11-21T12:00:00Z", 24 * hour, "2026-11-25T11:00:00Z"),
        // over the change to summer time: Monday opens at 06:00Z
        ("2026-03-27T16:00:00Z", 2 * hour, "2026-03-30T07:00:00Z"),
        // and back
        ("2026-10-23T15:00:00Z", 2 * hour, "2026-10-26T08:00:00Z"),
    ] {
        let later = later(Some(&hours), at(from), Duration::from_secs(seconds));
        assert_eq!(later, Some(at(then)), "{from} + {seconds}s");
    }
    let always = later(None, at("2026-11-21T12:00:00Z"), Duration::from_secs(60));
    assert_eq!(always, Some(at("2026-11-21T12:01:00Z")));
}

#[test]
fn the_hour_that_comes_twice_counts_twice() {
    let mut night = (*business("Europe/Berlin")).clone();
    night.intervals[0].weekdays.clear();
    night.intervals[0].times = vec![Span { start: 120, end: 180 }]; // 02:00 to 03:00
    let later = |from: &str, minutes: u64| later(Some(&night), at(from), Duration::from_secs(minutes * 60));
    assert_eq!(
        later("2026-10-24T12:00:00Z", 90),
        Some(at("2026-10-25T01:30:00Z")),
        "open from 00:00Z to 02:00Z"
    );
    assert_eq!(
        later("2026-03-28T12:00:00Z", 30),
        Some(at("2026-03-30T00:30:00Z")),
        "there is no such hour on the 29th"
    );
}

#[test]
fn hours_by_days_of_the_month() {
    let mut last = (*business("UTC")).clone();
    last.intervals[0].weekdays.clear();
    last.intervals[0].times.clear();
    last.intervals[0].days_of_month = vec![DayRange { start: -1, end: -1 }];
    let later = |from: &str, hours: u64| later(Some(&last), at(from), Duration::from_secs(hours * 3600));
    assert_eq!(later("2026-02-10T00:00:00Z", 1), Some(at("2026-02-28T01:00:00Z")));
    assert_eq!(later("2026-02-28T20:00:00Z", 5), Some(at("2026-03-31T01:00:00Z")));
    assert_eq!(later("2028-02-10T00:00:00Z", 0), Some(at("2028-02-29T00:00:00Z")));
}

#[test]
fn slots_outside_the_hours_do_not_count() {
    let mut hourly = cron("0 * * * *", "Europe/Berlin");
    hourly.hours = Some(business("Europe/Berlin"));
    assert_eq!(
        upcoming(&hourly, at("2026-11-20T15:30:00Z"), 3),
        ["2026-11-20T16:00:00Z", "2026-11-23T07:00:00Z", "2026-11-23T08:00:00Z"].map(at)
    );
    let mut nightly = cron("0 3 * * *", "Europe/Berlin");
    nightly.hours = hourly.hours.clone();
    assert_eq!(upcoming(&nightly, at("2026-11-20T15:30:00Z"), 3), []);
    assert_eq!(expected(&nightly, at("2026-11-20T15:30:00Z")), None);
    let mut never = cron("0 3 * * *", "UTC");
    never.hours = Some(Arc::new(Calendar {
        name: "never".into(),
        intervals: vec![],
    }));
    assert_eq!(expected(&never, at("2026-11-20T15:30:00Z")), None);
    never.schedule = Schedule::Every(Duration::from_secs(60));
    assert_eq!(expected(&never, at("2026-11-20T15:30:00Z")), None);
}

#[test]
fn what_is_no_cron_expression() {
    for text in [
        "",
        "* * * *",
        "* * * * * *",
        "61 * * * *",
        "* * * * 9",
        "a b c d e",
        "*/0 * * * *",
        "@never",
    ] {
        assert!(CronSchedule::parse(text, TimeZone::UTC).is_err(), "{text}");
    }
    assert_eq!(upcoming(&cron("0 0 31 2 *", "UTC"), at("2026-01-01T00:00:00Z"), 1), []);
}

proptest::proptest! {
    /// Whatever the hours and the moment: as much open time lies between the two as was asked for, to the minute.
    #[test]
    fn the_clock_of_hours_agrees_with_counting_minutes(
        from in 0_u64..60 * 24 * 400,
        minutes in 0_u64..2000,
        (start, length) in (0_u16..1380, 60_u16..700),
        days in proptest::collection::vec(0_u16..7, 1..7),
        tz in proptest::sample::select(vec!["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"]),
    ) {
        let mut hours = (*business(tz)).clone();
        hours.intervals[0].times = vec![Span { start, end: (start + length).min(1440) }];
        hours.intervals[0].weekdays = days.iter().map(|day| Span { start: *day, end: *day }).collect();
        let from = Timestamp::from_secs(1_767_225_600 + from * 60); // 2026
        let found = later(Some(&hours), from, Duration::from_secs(minutes * 60)).unwrap();
        let (mut at, mut left) = (from, minutes);
        let minute = Duration::from_secs(60);
        while left > 0 || !hours.contains(at) {
            if left == 0 && minutes > 0 {
                break;
            }
            left -= u64::from(hours.contains(at)).min(left);
            at = at.plus(minute);
        }
        proptest::prop_assert_eq!(found, at);
    }
}
