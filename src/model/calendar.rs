//! Named time intervals in Alertmanager's shape, so that one calendar serves maintenance, business hours and muting.
//!
//! Source: the `time_interval` section of Alertmanager's configuration reference.

use jiff::tz::TimeZone;

use super::Timestamp;

/// A named set of intervals: it is open while any of them is.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// What targets and heartbeats call it.
    pub name: String,
    /// Any of these.
    pub intervals: Vec<TimeInterval>,
}

/// One interval: every field that is not empty must match the local time.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeInterval {
    /// Times of day in minutes since midnight, the end not included (0 to 1440).
    pub times: Vec<Span>,
    /// Days of the week, Sunday = 0 to Saturday = 6, both ends included.
    pub weekdays: Vec<Span>,
    /// Days of the month, both ends included; negative ones count from the month's end (-1 is the last day).
    pub days_of_month: Vec<DayRange>,
    /// Months, January = 1, both ends included.
    pub months: Vec<Span>,
    /// Years, both ends included.
    pub years: Vec<Span>,
    /// The zone in which all of this is meant.
    pub zone: TimeZone,
}

/// From one number to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub start: u16,
    /// The last (for times of day: the first minute after).
    pub end: u16,
}

/// From one day of the month to another, negative from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// 1 to 31 or -31 to -1.
    pub start: i8,
    /// 1 to 31 or -31 to -1.
    pub end: i8,
}

impl Calendar {
    /// Whether any interval is open at this moment.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.intervals.iter().any(|interval| interval.contains(at))
    }
}

impl TimeInterval {
    /// Whether this interval is open at this moment.
    pub fn contains(&self, at: Timestamp) -> bool {
        let Ok(instant) = jiff::Timestamp::from_microsecond(at.micros().cast_signed()) else {
            return false;
        };
        let local = instant.to_zoned(self.zone.clone());
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let weekday = local.weekday().to_sunday_zero_offset() as u16;
        let within = |spans: &[Span], value: u16| {
            spans.is_empty() || spans.iter().any(|span| (span.start..=span.end).contains(&value))
        };
        (self.times.is_empty() || self.times.iter().any(|span| (span.start..span.end).contains(&minute)))
            && within(&self.weekdays, weekday)
            && within(&self.months, local.month() as u16)
            && within(&self.years, local.year() as u16)
            && (self.days_of_month.is_empty()
                || self
                    .days_of_month
                    .iter()
                    .any(|range| range.contains(local.day(), local.days_in_month())))
    }
}

impl DayRange {
    fn contains(self, day: i8, days_in_month: i8) -> bool {
        let from_start = |n: i8| if n < 0 { days_in_month + n + 1 } else { n };
        // A range that lies wholly past a short month's end (30:31 in February) matches nothing.
        let (start, end) = (from_start(self.start).max(1), from_start(self.end).min(days_in_month));
        (start..=end).contains(&day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond() as u64)
    }

    fn interval(zone: &str) -> TimeInterval {
        TimeInterval {
            times: vec![],
            weekdays: vec![],
            days_of_month: vec![],
            months: vec![],
            years: vec![],
            zone: TimeZone::get(zone).unwrap(),
        }
    }

    #[test]
    fn business_hours_follow_the_zone_and_its_dst() {
        let mut business = interval("Europe/Berlin");
        business.times = vec![Span {
            start: 8 * 60,
            end: 18 * 60,
        }];
        business.weekdays = vec![Span { start: 1, end: 5 }];
        // Friday 2026-11-20, UTC+1
        assert!(!business.contains(at("2026-11-20T06:59:59Z")));
        assert!(business.contains(at("2026-11-20T07:00:00Z")));
        assert!(business.contains(at("2026-11-20T16:59:59Z")));
        assert!(
            !business.contains(at("2026-11-20T17:00:00Z")),
            "the end is not included"
        );
        assert!(!business.contains(at("2026-11-21T12:00:00Z")), "Saturday");
        // in summer, UTC+2
        assert!(business.contains(at("2026-07-20T06:00:00Z")));
        assert!(!business.contains(at("2026-07-20T16:00:00Z")));
    }

    #[test]
    fn days_count_from_both_ends() {
        let mut last_three = interval("UTC");
        last_three.days_of_month = vec![DayRange { start: -3, end: -1 }];
        assert!(!last_three.contains(at("2026-02-25T12:00:00Z")));
        assert!(last_three.contains(at("2026-02-26T12:00:00Z")));
        assert!(last_three.contains(at("2026-02-28T12:00:00Z")));
        let mut late = interval("UTC");
        late.days_of_month = vec![DayRange { start: 30, end: 31 }];
        assert!(!late.contains(at("2026-02-28T12:00:00Z")));
        assert!(late.contains(at("2026-04-30T12:00:00Z")));
    }

    #[test]
    fn months_years_and_whole_days() {
        let mut summer = interval("UTC");
        summer.months = vec![Span { start: 6, end: 8 }];
        summer.years = vec![Span { start: 2026, end: 2027 }];
        summer.times = vec![Span { start: 0, end: 1440 }];
        assert!(summer.contains(at("2026-06-01T00:00:00Z")));
        assert!(summer.contains(at("2027-08-31T23:59:59Z")));
        assert!(!summer.contains(at("2028-07-01T12:00:00Z")));
        assert!(!summer.contains(at("2026-09-01T00:00:00Z")));
    }

    #[test]
    fn a_calendar_is_open_while_any_interval_is() {
        let (mut a, mut b) = (interval("UTC"), interval("UTC"));
        a.times = vec![Span { start: 0, end: 60 }];
        b.times = vec![Span { start: 1380, end: 1440 }];
        let calendar = Calendar {
            name: "night".into(),
            intervals: vec![a, b],
        };
        assert!(calendar.contains(at("2026-01-01T00:30:00Z")));
        assert!(calendar.contains(at("2026-01-01T23:30:00Z")));
        assert!(!calendar.contains(at("2026-01-01T12:00:00Z")));
        assert!(
            !Calendar {
                name: "never".into(),
                intervals: vec![]
            }
            .contains(at("2026-01-01T12:00:00Z"))
        );
    }
}
