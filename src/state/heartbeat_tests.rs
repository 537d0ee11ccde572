//! Every transition, by tables of what happens when and what is true then.

use super::*;
use crate::model::{Calendar, CronSchedule, Span, TimeInterval};
use jiff::tz::TimeZone;

/// A scene: minutes since Friday 2026-11-20 00:00 UTC.
const FRIDAY: Timestamp = Timestamp::from_secs(1_795_132_800);

fn at(minutes: u64) -> Timestamp {
    FRIDAY.plus(Duration::from_secs(minutes * 60))
}

fn minutes(at: Option<Timestamp>) -> Option<u64> {
    at.map(|at| at.since(FRIDAY).as_secs() / 60)
}

/// Every hour, ten minutes of grace.
fn hourly() -> Heartbeat {
    Heartbeat::provisioned("x".into(), Duration::from_secs(3600), Duration::from_secs(600))
}

fn signal(kind: SignalKind, run: Option<&str>) -> Signal {
    Signal {
        kind,
        run_id: run.map(Into::into),
        duration: None,
        source: None,
        message: None,
    }
}

/// What happens.
enum Do {
    Ok,
    Fail,
    Exit(i64),
    Start,
    Log,
    StartOf(&'static str),
    OkOf(&'static str),
    FailOf(&'static str),
    Pause,
    Resume,
    /// lanpulse was away from this minute until now.
    Away(u64),
    /// Only look.
    Look,
}

/// Plays a scene: at each minute something happens, and then it is in this state.
fn play(heartbeat: &Heartbeat, scene: &[(u64, Do, HeartbeatState)]) -> HeartbeatRow {
    let mut row = HeartbeatRow::default();
    for (step, (minute, what, expected)) in scene.iter().enumerate() {
        let now = at(*minute);
        let mut say = |kind, run| apply(heartbeat, &mut row, &signal(kind, run), now);
        match what {
            Do::Ok => say(SignalKind::Ok, None),
            Do::Fail => say(SignalKind::Fail, None),
            Do::Exit(code) => say(SignalKind::Exit(*code), None),
            Do::Start => say(SignalKind::Start, None),
            Do::Log => say(SignalKind::Log, None),
            Do::StartOf(run) => say(SignalKind::Start, Some(run)),
            Do::OkOf(run) => say(SignalKind::Ok, Some(run)),
            Do::FailOf(run) => say(SignalKind::Fail, Some(run)),
            Do::Pause => assert!(pause(&mut row, true, now)),
            Do::Resume => assert!(pause(&mut row, false, now)),
            Do::Away(from) => {
                excuse(heartbeat, &mut row, at(*from), now);
            }
            Do::Look => {}
        }
        let state = judge(&row, due(heartbeat, &row), now);
        assert_eq!(state, *expected, "step {step} at minute {minute}: {row:?}");
    }
    row
}

use HeartbeatState::{Down, Late, New, Paused, Up};

#[test]
fn a_heartbeat_comes_and_goes() {
    let row = play(
        &hourly(),
        &[
            (0, Do::Look, New),
            (100_000, Do::Look, New),
            (100_000, Do::Log, New),
            (100_000, Do::Ok, Up),
            (100_059, Do::Look, Up),
            (100_060, Do::Look, Late),
            (100_069, Do::Look, Late),
            (100_070, Do::Look, Down),
            (100_080, Do::Log, Down),
            (100_090, Do::Ok, Up),
            (100_150, Do::Look, Late),
            (100_155, Do::Ok, Up),
        ],
    );
    assert_eq!(minutes(due(&hourly(), &row).expected), Some(100_215));
    assert_eq!(minutes(due(&hourly(), &row).deadline), Some(100_225));
    assert_eq!(
        due(&hourly(), &HeartbeatRow::default()),
        Due::default(),
        "nothing is due before the first report"
    );
}

#[test]
fn a_failure_is_down_until_a_success() {
    let row = play(
        &hourly(),
        &[
            (0, Do::Fail, Down),
            (10, Do::Start, Down),
            (11, Do::Log, Down),
            (12, Do::Exit(3), Down),
            (13, Do::Exit(0), Up),
            (20, Do::Exit(-1), Down),
            (80, Do::Fail, Down),
        ],
    );
    assert_eq!(
        (row.failures, row.last_exit),
        (2, None),
        "a failure without a code has none"
    );
    assert_eq!(
        minutes(due(&hourly(), &row).expected),
        Some(140),
        "the schedule counts from failures, too"
    );
}

#[test]
fn runs_have_a_length() {
    let mut beat = hourly();
    beat.max_runtime = Duration::from_secs(30 * 60);
    let row = play(
        &beat,
        &[
            (0, Do::Ok, Up),
            // expected at 60; a run that started in time is not late
            (58, Do::Start, Up),
            (75, Do::Look, Up),
            (87, Do::Look, Up),
            (88, Do::Look, Down),
            (95, Do::Ok, Up),
            (100, Do::Start, Up),
            (117, Do::Ok, Up),
        ],
    );
    assert_eq!(row.last_duration, Some(Duration::from_secs(17 * 60)));
    assert!(!row.running);
    // without a success before, the run's length counts all the same
    play(
        &beat,
        &[
            (0, Do::Start, New),
            (29, Do::Look, New),
            (30, Do::Look, Down),
            (31, Do::Ok, Up),
        ],
    );
}

#[test]
fn a_run_must_start_in_time() {
    let mut beat = hourly();
    beat.start_within = Duration::from_secs(5 * 60);
    beat.max_runtime = Duration::from_secs(30 * 60);
    play(
        &beat,
        &[
            (0, Do::Ok, Up),
            (64, Do::Start, Up),
            (90, Do::Ok, Up),
            (154, Do::Look, Late),
            (155, Do::Look, Down),
            // late is late: only its success ends it
            (156, Do::Start, Down),
            (160, Do::Ok, Up),
        ],
    );
}

#[test]
fn starting_again_and_again_is_no_success() {
    let mut beat = hourly();
    beat.max_runtime = Duration::from_secs(30 * 60);
    let scene: Vec<_> = [(0, Do::Ok, Up)]
        .into_iter()
        .chain((1..=10).map(|n| (n * 10, Do::Start, if n < 10 { Up } else { Down })))
        .collect();
    // expected at 60, must have started by 70, must be done by 100
    play(&beat, &scene);
}

#[test]
fn runs_are_told_apart() {
    let row = play(
        &hourly(),
        &[
            (0, Do::Ok, Up),
            (10, Do::StartOf("a"), Up),
            (12, Do::OkOf("b"), Up),
            (19, Do::Look, Up),
            (20, Do::Look, Down),
            (21, Do::OkOf("a"), Up),
        ],
    );
    assert_eq!(row.last_duration, Some(Duration::from_secs(11 * 60)));
    let row = play(
        &hourly(),
        &[
            (0, Do::StartOf("a"), New),
            (1, Do::StartOf("b"), New),
            (5, Do::OkOf("b"), Up),
            (30, Do::Look, Up),
        ],
    );
    assert_eq!(
        row.last_duration,
        Some(Duration::from_secs(4 * 60)),
        "only the latest run is watched"
    );
    let row = play(&hourly(), &[(0, Do::StartOf("a"), New), (1, Do::FailOf("b"), Down)]);
    assert!(!row.running, "a failure ends whatever runs");
    assert_eq!(row.last_duration, None);
}

#[test]
fn what_the_client_measured_goes_first() {
    let mut row = HeartbeatRow::default();
    let mut said = signal(SignalKind::Exit(0), None);
    said.duration = Some(Duration::from_secs(7));
    apply(&hourly(), &mut row, &signal(SignalKind::Start, None), at(0));
    apply(&hourly(), &mut row, &said, at(5));
    assert_eq!(
        (row.last_duration, row.last_exit),
        (Some(Duration::from_secs(7)), Some(0))
    );
    apply(&hourly(), &mut row, &signal(SignalKind::Start, None), at(10));
    apply(&hourly(), &mut row, &signal(SignalKind::Ok, None), at(10 + 73 * 60));
    assert_eq!(row.last_duration, None, "days apart they are not one run");
}

#[test]
fn a_pause_ends_by_a_person_only() {
    let row = play(
        &hourly(),
        &[
            (0, Do::Ok, Up),
            (10, Do::Pause, Paused),
            (20, Do::Fail, Paused),
            (30, Do::Start, Paused),
            (9000, Do::Look, Paused),
            (9000, Do::Resume, New),
            (9069, Do::Look, New),
            (9070, Do::Look, Down),
            (9071, Do::Ok, Up),
        ],
    );
    assert_eq!(row.failures, 0);
    play(
        &hourly(),
        &[(0, Do::Pause, Paused), (1, Do::Resume, New), (9000, Do::Look, New)],
    );
    let mut row = row;
    pause(&mut row, true, at(9072));
    assert_eq!(
        due(&hourly(), &row),
        Due::default(),
        "nothing is due while it is paused"
    );
}

#[test]
fn deadlines_in_an_absence_move_and_others_do_not() {
    // down at 70 if nothing comes; period and grace are 70 minutes, so it moves by the five of the start
    for (away_from, back, at_once, four_later) in [
        // passed before the absence: stays down
        (71, 90, Down, Down),
        // within it
        (70, 90, Late, Late),
        (30, 90, Late, Late),
        // shortly after its end
        (30, 66, Late, Late),
        // so that nothing is gained: not moved
        (30, 65, Late, Late),
        (30, 64, Late, Late),
    ] {
        play(
            &hourly(),
            &[
                (0, Do::Ok, Up),
                (back, Do::Away(away_from), at_once),
                (back + 4, Do::Look, four_later),
                (back + 6, Do::Look, Down),
                (back + 7, Do::Ok, Up),
            ],
        );
    }
    // a restart in the moved time moves it again
    play(
        &hourly(),
        &[
            (0, Do::Ok, Up),
            (80, Do::Away(60), Late),
            (83, Do::Away(82), Late),
            (87, Do::Look, Late),
            (88, Do::Look, Down),
            (100, Do::Away(95), Down),
        ],
    );
    // never longer than a round
    let mut beat = hourly();
    beat.schedule = Schedule::Every(Duration::from_secs(60));
    beat.start_within = Duration::from_secs(60);
    beat.grace = Duration::from_secs(60);
    play(
        &beat,
        &[
            (0, Do::Ok, Up),
            (30, Do::Away(1), Late),
            (31, Do::Look, Late),
            (32, Do::Look, Down),
        ],
    );
    // nor does a failure become a success
    play(&hourly(), &[(0, Do::Fail, Down), (80, Do::Away(10), Down)]);
}

#[test]
fn the_clock_goes_back() {
    let mut row = play(&hourly(), &[(600, Do::Ok, Up), (610, Do::Start, Up)]);
    assert!(put_back(&mut row, at(0)));
    assert_eq!(row.last_ok, Some(at(0)));
    assert_eq!(
        minutes(due(&hourly(), &row).deadline),
        Some(10),
        "the run is watched from now"
    );
    assert!(!put_back(&mut row, at(0)));
}

#[test]
fn nobody_is_called_out_of_bed() {
    // Monday to Friday, 08:00 to 18:00 UTC; Friday is day 0, Monday day 3
    let mut beat = hourly();
    beat.hours = Some(Arc::new(Calendar {
        name: "business".into(),
        intervals: vec![TimeInterval {
            times: vec![Span { start: 480, end: 1080 }],
            weekdays: vec![Span { start: 1, end: 5 }],
            days_of_month: vec![],
            months: vec![],
            years: vec![],
            zone: TimeZone::UTC,
        }],
    }));
    let (friday, monday) = (17 * 60 + 30, 3 * 24 * 60 + 8 * 60);
    play(
        &beat,
        &[
            (friday, Do::Ok, Up),
            // half an hour of the period is left when the office closes, and the grace comes on Monday
            (24 * 60, Do::Look, Up),
            (monday, Do::Look, Up),
            (monday + 29, Do::Look, Up),
            (monday + 30, Do::Look, Late),
            (monday + 39, Do::Look, Late),
            (monday + 40, Do::Look, Down),
        ],
    );
    // an absence in the last minutes of Friday: the moved deadline is Monday's
    play(
        &beat,
        &[
            (16 * 60 + 49, Do::Ok, Up),
            (17 * 60 + 58, Do::Away(17 * 60 + 40), Late),
            (24 * 60, Do::Look, Late),
            (monday + 2, Do::Look, Late),
            (monday + 3, Do::Look, Down),
        ],
    );
    let view = |now, row: &HeartbeatRow| {
        let due = due(&beat, row);
        HeartbeatView {
            heartbeat: Arc::new(beat.clone()),
            row: row.clone(),
            due,
            state: judge(row, due, now),
            in_hours: beat.hours.as_ref().unwrap().contains(now),
            signals: [0; 5],
        }
        .fresh()
    };
    let row = play(&beat, &[(friday, Do::Ok, Up)]);
    assert_eq!(view(at(friday), &row), Some(true));
    assert_eq!(view(at(monday + 41), &row), Some(false));
    assert_eq!(
        view(at(monday + 11 * 60), &row),
        Some(true),
        "after hours it is nobody's business"
    );
    assert_eq!(view(at(0), &HeartbeatRow::default()), None);
}

#[test]
fn cron_jobs_are_judged_by_their_slots() {
    let mut beat = hourly();
    beat.schedule = Schedule::Cron(Box::new(CronSchedule::parse("0 3 * * *", TimeZone::UTC).unwrap()));
    beat.start_within = Duration::from_secs(30 * 60);
    beat.max_runtime = Duration::from_secs(120 * 60);
    let day = 24 * 60;
    play(
        &beat,
        &[
            // the client's clock runs ahead: this is the report of 03:00
            (2 * 60 + 56, Do::Ok, Up),
            (3 * 60 + 40, Do::Look, Up),
            (day + 3 * 60 - 1, Do::Look, Up),
            (day + 3 * 60, Do::Look, Late),
            (day + 3 * 60 + 1, Do::Start, Up),
            (day + 5 * 60, Do::Look, Up),
            (day + 5 * 60 + 1, Do::Look, Down),
            (day + 6 * 60, Do::Ok, Up),
            (2 * day + 3 * 60 + 29, Do::Look, Late),
            (2 * day + 3 * 60 + 30, Do::Look, Down),
        ],
    );
}
