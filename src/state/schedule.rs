//! When a heartbeat is expected, and how its clock runs: cron slots, and time that counts only within its hours.
//!
//! Pure functions of a schedule and a moment. Cron slots are found in local time and compared in UTC.

use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::model::{Calendar, CronSchedule, Heartbeat, Schedule, TimeInterval, Timestamp};

/// A report this much before a slot counts for it, unless the user says otherwise or the slots are close together.
const EARLY: Duration = Duration::from_secs(5 * 60);
/// How far ahead hours are searched: past this, they never open.
const HORIZON: Duration = Duration::from_secs(800 * 86_400);
/// So many closed periods between two slots are searched.
const CLOSED_PERIODS: usize = 1000;

/// When the heartbeat is expected next after it last reported, or after what else its schedule counts from.
/// `None` where that is never: a cron expression without a slot within the hours.
pub fn expected(heartbeat: &Heartbeat, base: Timestamp) -> Option<Timestamp> {
    let hours = heartbeat.hours.as_deref();
    match &heartbeat.schedule {
        Schedule::Every(period) => later(hours, base, *period),
        Schedule::Cron(cron) => {
            let first = slot(cron, base, false)?;
            let gap = slot(cron, first, false).map_or(EARLY * 4, |second| second.since(first));
            let early = cron.early.unwrap_or(EARLY.min(gap / 4)).min(gap);
            // A report shortly before a slot was for that slot.
            let from = if first.minus(early) <= base { first } else { base };
            open_slot(cron, hours, from)
        }
    }
}

/// The next `count` moments at which it is due after `after`, each taken as met on time.
pub fn upcoming(heartbeat: &Heartbeat, after: Timestamp, count: usize) -> Vec<Timestamp> {
    let hours = heartbeat.hours.as_deref();
    let next = |from: Timestamp| match &heartbeat.schedule {
        Schedule::Every(period) => later(hours, from, *period),
        Schedule::Cron(cron) => open_slot(cron, hours, from),
    };
    std::iter::successors(next(after), |from| next(*from))
        .take(count)
        .collect()
}

/// The first slot after a moment at which the hours are open.
fn open_slot(cron: &CronSchedule, hours: Option<&Calendar>, after: Timestamp) -> Option<Timestamp> {
    let mut found = slot(cron, after, false)?;
    let Some(hours) = hours else { return Some(found) };
    for _ in 0..CLOSED_PERIODS {
        if hours.contains(found) {
            return Some(found);
        }
        // No slot counts before the hours open again.
        let opening = later(Some(hours), found, Duration::ZERO)?;
        if opening.since(after) > HORIZON {
            return None;
        }
        found = slot(cron, opening, true)?;
    }
    None
}

/// The next slot of a cron expression.
fn slot(cron: &CronSchedule, after: Timestamp, inclusive: bool) -> Option<Timestamp> {
    let local = instant(after)?.to_zoned(cron.zone.clone());
    let next = cron.cron.find_next_occurrence(&local, inclusive).ok()?;
    Some(timestamp(next.timestamp()))
}

/// The moment at which this much time within the hours has passed; with no time to pass, the next moment within them.
/// `None` where the hours do not hold that much time in the next two years.
pub fn later(hours: Option<&Calendar>, from: Timestamp, span: Duration) -> Option<Timestamp> {
    let Some(hours) = hours else {
        return Some(from.plus(span));
    };
    let (mut at, mut left) = (from, span);
    let horizon = from.plus(HORIZON).plus(span);
    while at < horizon {
        let next = hours
            .intervals
            .iter()
            .filter_map(|interval| boundary(interval, at))
            .min()?;
        if hours.contains(at) {
            let open = next.since(at);
            if open >= left {
                return Some(at.plus(left));
            }
            left -= open;
        }
        at = next;
    }
    None
}

/// A moment after `at` until which an interval certainly neither opens nor closes: a start or end of its times of
/// day, midnight, or a change of the clock in its zone, whichever comes first.
fn boundary(interval: &TimeInterval, at: Timestamp) -> Option<Timestamp> {
    let now = instant(at)?;
    let local = now.to_zoned(interval.zone.clone());
    let midnight = local.date().to_datetime(jiff::civil::Time::midnight());
    let tomorrow = midnight.checked_add(1.day()).ok()?;
    let minutes = interval.times.iter().flat_map(|span| [span.start, span.end]);
    let times = minutes.filter_map(|minute| midnight.checked_add(i64::from(minute).minutes()).ok());
    let changes = interval.zone.following(now).next().map(|change| change.timestamp());
    times
        .chain([tomorrow])
        .flat_map(|civil| both(&interval.zone, civil))
        .chain(changes)
        .filter(|candidate| *candidate > now)
        .min()
        .map(timestamp)
}

/// The one or two instants of a local time: two where the clock is put back.
fn both(zone: &TimeZone, civil: DateTime) -> impl Iterator<Item = jiff::Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    [ambiguous.earlier().ok(), ambiguous.later().ok()].into_iter().flatten()
}

fn instant(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(i64::try_from(at.micros()).ok()?).ok()
}

fn timestamp(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from_micros(u64::try_from(at.as_microsecond()).unwrap_or(0))
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
