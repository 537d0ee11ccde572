//! Configurations that change, clocks that step, daemons that were away.

use super::*;

const START: Timestamp = Timestamp::from_secs(1_795_132_800);

fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn beat(name: &str, every: u64, grace: u64) -> Arc<Heartbeat> {
    let seconds = Duration::from_secs;
    Arc::new(Heartbeat::provisioned(name.into(), seconds(every), seconds(grace)))
}

fn ok() -> Signal {
    Signal {
        kind: SignalKind::Ok,
        run_id: None,
        duration: None,
        source: None,
        message: None,
    }
}

fn state(heartbeats: &Heartbeats, now: Timestamp) -> HeartbeatState {
    heartbeats.views(now)[0].state
}

use HeartbeatState::{Down, Late, New, Up};

/// With one hourly heartbeat that has reported at 0 and grace of ten minutes: down at 4200.
fn reported() -> Heartbeats {
    let mut heartbeats = Heartbeats::default();
    heartbeats.adopt(&[beat("a", 3600, 600)], at(0));
    assert_eq!(state(&heartbeats, at(0)), New);
    heartbeats.signal(&"a".into(), &ok(), at(0)).unwrap();
    assert_eq!(heartbeats.signal(&"b".into(), &ok(), at(0)), None);
    heartbeats
}

#[test]
fn a_restart_neither_storms_nor_blinds() {
    let row = reported().signal(&"a".into(), &ok(), at(0)).unwrap();
    // (alive until, started again, down then, seconds later that it is down)
    for (alive, started, then, down) in [
        (4000, 5000, Late, 300),
        (4201, 5000, Down, 0),
        (1000, 1060, Up, 4200 - 1060),
        (1000, 4100, Late, 300),
    ] {
        let mut heartbeats = Heartbeats::default();
        let rows = HashMap::from([("a".into(), row.clone())]);
        heartbeats.restore(rows, Some(at(alive)), at(started));
        heartbeats.adopt(&[beat("a", 3600, 600)], at(started));
        assert_eq!(state(&heartbeats, at(started)), then, "{alive}, {started}");
        if down > 0 {
            assert_ne!(state(&heartbeats, at(started + down - 1)), Down, "{alive}, {started}");
        }
        assert_eq!(state(&heartbeats, at(started + down)), Down, "{alive}, {started}");
        let moved = !heartbeats.dirty().is_empty();
        assert_eq!(moved, then == Late, "what moved is stored");
    }
}

#[test]
fn only_changes_are_told() {
    let mut heartbeats = reported();
    assert_eq!(heartbeats.sweep(at(1)).len(), 1, "new to up");
    assert_eq!(heartbeats.sweep(at(2)), []);
    assert_eq!(heartbeats.sweep(at(3600))[0].to, Late);
    assert_eq!(heartbeats.sweep(at(4200))[0].to, Down);
    heartbeats.signal(&"a".into(), &ok(), at(5000));
    let change = &heartbeats.sweep(at(5000))[0];
    assert_eq!((change.from, change.to), (Down, Up));
}

#[test]
fn a_step_of_the_clock_is_an_absence() {
    // (seconds the wall clock says, seconds that have passed, when it is down, steps)
    for (wall, elapsed, down, steps) in [
        (4500, 1, 4800, 1),    // forward, or suspended
        (4500, 4400, 4800, 1), // frozen, and the clock was 100 s off
        (4400, 4400, 4700, 0), // frozen
        (101, 101, 4200, 0),
        (2, 1, 4200, 0),
        (3, 1, 4200, 0),
    ] {
        let mut heartbeats = reported();
        heartbeats.tick(at(0), Duration::ZERO);
        heartbeats.tick(at(wall), Duration::from_secs(elapsed));
        assert_ne!(state(&heartbeats, at(down - 1)), Down, "{wall}, {elapsed}");
        assert_eq!(state(&heartbeats, at(down)), Down, "{wall}, {elapsed}");
        assert_eq!(heartbeats.clock_steps(), steps, "{wall}, {elapsed}");
    }
    // back by an hour: the last report cannot be in the future
    let mut heartbeats = reported();
    heartbeats.tick(at(3600), Duration::ZERO);
    heartbeats.signal(&"a".into(), &ok(), at(3600));
    heartbeats.tick(at(1), Duration::from_secs(1));
    let view = &heartbeats.views(at(1))[0];
    assert_eq!((view.row.last_ok, view.due.deadline), (Some(at(1)), Some(at(4201))));
    assert_eq!(heartbeats.clock_steps(), 1);
    assert_eq!(heartbeats.dirty().len(), 1);
}

#[test]
fn a_reload_keeps_what_stays_and_is_no_alarm() {
    let mut heartbeats = reported();
    heartbeats.adopt(&[beat("b", 60, 60), beat("a", 3600, 600)], at(100));
    assert_eq!(heartbeats.views(at(100))[1].row.last_ok, Some(at(0)));
    assert_eq!(heartbeats.views(at(100))[1].signals[0], 1);
    // every minute from now on, where it was every hour: it counts from now
    heartbeats.adopt(&[beat("a", 60, 60)], at(1000));
    assert_eq!(state(&heartbeats, at(1000)), Up);
    assert_eq!(state(&heartbeats, at(1060)), Late);
    assert_eq!(state(&heartbeats, at(1120)), Down);
    // what was overdue before stays so
    heartbeats.adopt(&[beat("a", 61, 60)], at(1200));
    assert_eq!(state(&heartbeats, at(1200)), Down);
    // one that was taken out and comes back has missed nothing
    heartbeats.adopt(&[], at(1300));
    assert!(heartbeats.is_empty());
    heartbeats.adopt(&[beat("a", 3600, 600)], at(9000));
    assert_eq!(state(&heartbeats, at(9000)), Up);
    assert_eq!(state(&heartbeats, at(9000 + 4200)), Down);
}

#[test]
fn a_pause_survives() {
    let mut heartbeats = reported();
    let row = heartbeats.pause(&"a".into(), true, at(10)).unwrap();
    heartbeats.adopt(&[beat("a", 60, 60)], at(20));
    assert_eq!(state(&heartbeats, at(9000)), HeartbeatState::Paused);
    let mut again = Heartbeats::default();
    again.restore(HashMap::from([("a".into(), row)]), Some(at(30)), at(40));
    again.adopt(&[beat("a", 60, 60)], at(40));
    assert_eq!(state(&again, at(9000)), HeartbeatState::Paused);
}

#[test]
fn a_store_that_could_not_be_read_at_first() {
    let mut stored = reported().signal(&"a".into(), &ok(), at(0)).unwrap();
    stored.paused = true;
    let mut heartbeats = Heartbeats::default();
    heartbeats.adopt(&[beat("a", 3600, 600), beat("b", 3600, 600)], at(100));
    heartbeats.signal(&"a".into(), &ok(), at(200));
    let rows = HashMap::from([("a".into(), stored.clone()), ("b".into(), stored)]);
    heartbeats.restore(rows, Some(at(50)), at(300));
    let views = heartbeats.views(at(300));
    assert_eq!((views[0].row.last_ok, views[0].row.paused), (Some(at(200)), true));
    assert_eq!((views[1].row.last_ok, views[1].row.paused), (Some(at(0)), true));
}

#[test]
fn clients_provision_heartbeats() {
    let mut heartbeats = reported();
    heartbeats.provision(&beat("auto", 60, 30), at(10));
    let row = heartbeats.signal(&"auto".into(), &ok(), at(10)).unwrap();
    let spans = (Duration::from_secs(60), Duration::from_secs(30));
    assert_eq!(row.provision, Some(spans));
    let expected = [("auto".into(), spans.0, spans.1)];
    assert_eq!(heartbeats.provisioned(), expected);
    // known from the store, though nobody watches it
    let mut again = Heartbeats::default();
    again.restore(HashMap::from([("auto".into(), row)]), Some(at(20)), at(20));
    assert_eq!(again.provisioned(), expected);
}
