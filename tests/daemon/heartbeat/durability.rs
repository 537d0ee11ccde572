//! Restarts, kills and a store that fails: a report that was acknowledged is never lost.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::Connection;

use crate::support::{Daemon, Home, loopback, now, wait_until};

use super::tools::{Client, heartbeat, many, shown};

/// Heartbeats and clients of the kills. So many that the 100 reports kept of each hold all 20 * 8 * 45 that may be sent:
/// what is forgotten for its age is not lost.
const BEATS: usize = 80;

const WORKERS: usize = 8;

#[test]
fn nothing_acknowledged_is_lost_by_kills_under_load() {
    if !loopback("kills under load") {
        return;
    }
    let home = Home::new(&many(BEATS));
    let acknowledged = Mutex::new(HashSet::new());
    for round in 0..20_u64 {
        let daemon = Daemon::start(&home);
        std::thread::scope(|scope| {
            for worker in 0..WORKERS {
                let acknowledged = &acknowledged;
                scope.spawn(move || {
                    let mut client = Client::from([127, 0, 1, worker as u8]);
                    for n in 0..45 {
                        let name = worker + WORKERS * (n % (BEATS / WORKERS));
                        let message = format!("round {round} worker {worker} number {n}");
                        match client.send("POST", &format!("/ping/token-h{name}/log"), &message) {
                            Some(200) => acknowledged.lock().unwrap().insert(message),
                            Some(other) => panic!("{message}: {other}"),
                            None => return,
                        };
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(5 + 37 * round % 140));
            daemon.kill9();
        });
        let file = Connection::open(home.database()).unwrap();
        let check: String = file.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        let mut statement = file.prepare("SELECT message FROM heartbeat_signals").unwrap();
        let stored: HashSet<String> = statement
            .query_map((), |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let acknowledged = acknowledged.lock().unwrap();
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert!(
            lost.is_empty(),
            "round {round}: {} of {} lost: {lost:?}",
            lost.len(),
            acknowledged.len()
        );
    }
    assert!(
        acknowledged.lock().unwrap().len() > 500,
        "{}",
        acknowledged.lock().unwrap().len()
    );
}

#[test]
fn a_restart_across_a_deadline_is_no_alarm_and_no_blindness() {
    if !loopback("deadlines and restarts") {
        return;
    }
    let home = Home::new(&format!(
        "heartbeats:\n{}{}",
        heartbeat("missed", "schedule: {every: 2s}, grace: 1s"),
        heartbeat("before", "schedule: {every: 1s}, grace: 1s")
    ));
    let daemon = Daemon::start(&home);
    let state = |daemon: &Daemon, name: &str| shown(daemon, name)["state"].as_str().unwrap().to_owned();
    assert_eq!(daemon.post("/ping/token-before").status, 200);
    wait_until(Duration::from_secs(10), "down", || state(&daemon, "before") == "down");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(daemon.post("/ping/token-missed").status, 200);
    assert_eq!(daemon.stop().0, Some(0));
    // its deadline passes while nobody is there
    std::thread::sleep(Duration::from_secs(4));
    let daemon = Daemon::start(&home);
    let started = now();
    assert_eq!(state(&daemon, "missed"), "late", "nobody was there to be told");
    assert_eq!(state(&daemon, "before"), "down", "this one had missed it before");
    let deadline = daemon.value(
        "lanpulse_heartbeat_deadline_timestamp_seconds",
        &[("heartbeat", "missed")],
    );
    assert!(
        deadline.is_some_and(|at| at > started && at <= started + 3.5),
        "{deadline:?} at {started}"
    );
    wait_until(Duration::from_secs(10), "down again", || {
        state(&daemon, "missed") == "down"
    });
    assert!(now() - started > 2.0);
}

#[test]
fn a_report_that_cannot_be_stored_is_not_acknowledged() {
    if !loopback("a store that fails") {
        return;
    }
    let home = Home::new(&many(1));
    let daemon = Daemon::start(&home);
    assert_eq!(daemon.post("/ping/token-h0").status, 200);
    let blocker = Connection::open(home.database()).unwrap();
    blocker.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let reply = daemon.request("POST", "/ping/token-h0/fail").send();
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(reply.header("retry-after").is_some());
    // what was said counts all the same
    assert_eq!(
        daemon.value("lanpulse_heartbeat_consecutive_failures", &[("heartbeat", "h0")]),
        Some(1.0)
    );
    drop(blocker);
    wait_until(Duration::from_secs(20), "acknowledged again", || {
        daemon.post("/ping/token-h0/fail").status == 200
    });
    daemon.kill9();
    let daemon = Daemon::start(&home);
    assert!(shown(&daemon, "h0")["consecutive_failures"].as_u64().unwrap() >= 2);
}
