//! What survives the end of the daemon, tidy or not.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::support::{Daemon, Exposition, Home, Lan, loopback, wait_until};

const CONFIG: &str = "global: {interval: 200ms, timeout: 150ms}
targets:
  - {name: up, address: 10.77.60.1, probes: {icmp: {}}}
  - {name: down, address: 10.77.60.2, probes: {icmp: {}}}
";
const SINCE: &str = "lanpulse_device_status_since_timestamp_seconds";
const FIRST: &str = "lanpulse_device_first_seen_timestamp_seconds";
const LAST: &str = "lanpulse_device_last_seen_timestamp_seconds";

/// Runs, ends as `end` wants it, runs again: the same devices since the same times, and no change of state on the way.
fn survives(lan: &Lan, home: &Home, end: fn(Daemon)) {
    let up = [("device", "up")];
    let down = [("device", "down")];
    let daemon = Daemon::start(home);
    daemon.wait_value(Duration::from_secs(10), "lanpulse_device_up", &down, 1.0);
    lan.kill_host("10.77.60.2");
    daemon.wait_value(Duration::from_secs(10), "lanpulse_device_up", &down, 0.0);
    // longer ago than the few seconds that may be lost
    std::thread::sleep(Duration::from_secs(6));
    let before = daemon.metrics();
    end(daemon);
    std::thread::sleep(Duration::from_secs(1));

    let daemon = Daemon::start(home);
    let mut all: Vec<Exposition> = Vec::new();
    wait_until(Duration::from_secs(10), "both have been probed", || {
        let metrics = daemon.metrics();
        let runs = |device| metrics.value("lanpulse_icmp_requests_total", device).unwrap_or(0.0);
        let done = runs(&up) > 10.0 && runs(&down) > 10.0;
        all.push(metrics);
        done
    });
    let value = |of: &Exposition, name: &str, device| of.value(name, device).unwrap_or_else(|| panic!("no {name}"));
    for metrics in &all {
        // unknown for a moment at most, and never what it was not
        assert_ne!(metrics.value("lanpulse_device_up", &up), Some(0.0), "a flap");
        assert_ne!(metrics.value("lanpulse_device_up", &down), Some(1.0), "a flap");
        assert_eq!(metrics.value("lanpulse_device_status_changes_total", &up), Some(0.0));
    }
    let after = all.last().unwrap();
    assert_eq!(after.value("lanpulse_device_up", &up), Some(1.0));
    assert_eq!(after.value("lanpulse_device_up", &down), Some(0.0));
    for device in [&up, &down] {
        for name in [SINCE, FIRST] {
            let (before, after) = (value(&before, name, device), value(after, name, device));
            assert!(
                (before - after).abs() < 0.01,
                "{device:?} {name}: {before}, then {after}"
            );
        }
    }
    let (last, next) = (value(&before, LAST, &down), value(after, LAST, &down));
    assert!((last - next).abs() < 5.0, "last seen {last}, then {next}");
    assert!(value(after, LAST, &up) > value(&before, LAST, &up));
    lan.revive_host("10.77.60.2");
}

#[test]
fn a_restart_is_no_event() {
    let Some(lan) = Lan::new("restarts") else { return };
    let home = Home::new(CONFIG);
    survives(&lan, &home, |daemon| assert_eq!(daemon.stop().0, Some(0)));
}

#[test]
fn nor_is_a_kill() {
    let Some(lan) = Lan::new("kills") else { return };
    let home = Home::new(CONFIG);
    survives(&lan, &home, Daemon::kill9);
}

#[test]
fn kills_at_any_moment_do_no_harm() {
    let Some(_lan) = Lan::new("kills at any moment") else {
        return;
    };
    let home = Home::new(CONFIG);
    let mut first = None;
    for round in 0..12 {
        let daemon = Daemon::start(&home);
        daemon.wait_value(Duration::from_secs(10), "lanpulse_device_up", &[("device", "up")], 1.0);
        let seen = daemon.value(FIRST, &[("device", "up")]);
        if round == 0 {
            // until it is on disk
            std::thread::sleep(Duration::from_secs(5));
            first = seen;
        }
        assert_eq!(seen, first, "round {round}");
        std::thread::sleep(Duration::from_millis(137 * round % 700));
        daemon.kill9();
    }
    let daemon = Daemon::start(&home);
    assert_eq!(daemon.value("lanpulse_store_failures_total", &[]), Some(0.0));
    assert_eq!(daemon.stop().0, Some(0));
}

/// Whose address is which device, with its name and since when it is known.
fn inventory(daemon: &Daemon) -> BTreeMap<String, (u64, String, String)> {
    let page = daemon.get("/api/v1/devices?limit=1000").json();
    let devices = page["devices"].as_array().unwrap().iter();
    devices
        .map(|device| {
            assert_eq!(device["online"], true, "{device}");
            let text = |key: &str| device[key].as_str().unwrap().to_owned();
            let address = device["addresses"][0]["address"].as_str().unwrap().to_owned();
            (
                address,
                (device["id"].as_u64().unwrap(), text("name"), text("first_seen")),
            )
        })
        .collect()
}

#[test]
fn kills_in_the_middle_of_scans_change_nobody() {
    let Some(lan) = Lan::new("kills in the middle of scans") else {
        return;
    };
    let home = Home::exactly(
        "discovery: {interval: 1s, methods: [icmp], networks: [10.80.0.0/25], icmp: {rate: 200}, offline_after: {default: 1}}
internet: {checks: []}
global: {interval: 500ms, timeout: 400ms}
",
    );
    let daemon = Daemon::start(&home);
    wait_until(Duration::from_secs(30), "126 devices that answer pings", || {
        daemon.metrics().all("lanpulse_icmp_rtt_avg_seconds", &[]).len() == 126
    });
    let before = inventory(&daemon);
    assert_eq!(before.len(), 126);
    wait_until(Duration::from_secs(10), "a commit", || {
        let rows = "SELECT count(*) FROM inventory WHERE online = 1";
        let file = rusqlite::Connection::open(home.database()).unwrap();
        file.query_row(rows, (), |row| row.get::<_, i64>(0)).unwrap() == 126
    });
    daemon.kill9();
    for round in 0..10 {
        let daemon = Daemon::start(&home);
        // somewhere in the first scan, or at the start of the second
        std::thread::sleep(Duration::from_millis(83 * round % 1700));
        daemon.kill9();
        let file = rusqlite::Connection::open(home.database()).unwrap();
        let check: String = file.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
        assert_eq!(check, "ok", "round {round}");
        let rows = "SELECT count(*), sum(online) FROM inventory";
        let rows = file.query_row(rows, (), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        assert_eq!(rows.unwrap(), (126, 126), "round {round}");
    }
    let daemon = Daemon::start(&home);
    assert_eq!(inventory(&daemon), before);
    // a scan that does not come to its end says nothing about who is there
    lan.here(&["ip", "link", "set", "lp0", "down"]);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(inventory(&daemon), before);
    let new = daemon.value("lanpulse_discovery_events_total", &[("event", "new")]);
    assert!(new.unwrap_or(0.0) < 0.5, "{}", daemon.log());
}

#[test]
fn a_spoilt_database_is_refused_and_left_alone() {
    if !loopback("a spoilt database") {
        return;
    }
    let home = Home::new("");
    let spoilt = "this is no database".repeat(500);
    home.write("data/lanpulse.db", &spoilt);
    let mut daemon = Daemon::spawn(&home, &home.config(), &[]);
    let (code, _) = daemon.wait_exit();
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
    assert!(daemon.log().contains("lanpulse.db"), "{}", daemon.log());
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
    assert_eq!(fs::read_to_string(home.database()).unwrap(), spoilt);
}

#[test]
fn a_backup_of_the_running_database_can_be_restored() {
    let Some(_lan) = Lan::new("backups") else { return };
    let home = Home::new(CONFIG);
    let daemon = Daemon::start(&home);
    daemon.wait_value(Duration::from_secs(10), "lanpulse_device_up", &[("device", "up")], 1.0);
    wait_until(Duration::from_secs(10), "a commit", || {
        daemon.value("lanpulse_store_writes_total", &[]) > Some(1.0)
    });
    let first = daemon.value(FIRST, &[("device", "up")]);
    let (database, copy) = (home.database(), home.path("copy.db"));
    let backup = |to: &std::path::Path| {
        let storage = ["--storage.path", database.to_str().unwrap()];
        crate::support::run(&[&["backup", to.to_str().unwrap()][..], &storage].concat())
    };
    wait_until(Duration::from_secs(20), "a backup in which it is up", || {
        let output = backup(&copy);
        assert!(output.status.success(), "{output:?}");
        let sql = "SELECT count(*) FROM devices WHERE name = 'up' AND up = 1 AND first_seen IS NOT NULL";
        rusqlite::Connection::open(&copy)
            .unwrap()
            .query_row(sql, (), |row| row.get::<_, i64>(0))
            .unwrap()
            == 1
    });
    assert!(fs::metadata(&copy).unwrap().len() > 0);
    for (other, why) in [("notes.txt", "corrupt"), ("data/lanpulse.db", "itself")] {
        let path = home.path(other);
        if other == "notes.txt" {
            fs::write(&path, "not to be lost".repeat(100)).unwrap();
        }
        let before = fs::read(&path).unwrap();
        let output = backup(&path);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{other}: {said}");
        assert_eq!(fs::read(&path).unwrap(), before, "{other}");
    }
    assert_eq!(daemon.value("lanpulse_store_failures_total", &[]), Some(0.0));
    assert_eq!(daemon.stop().0, Some(0));
    // as docs/storage.md has it
    fs::remove_dir_all(home.path("data")).unwrap();
    fs::create_dir(home.path("data")).unwrap();
    fs::copy(&copy, home.database()).unwrap();
    let daemon = Daemon::start(&home);
    daemon.wait_value(Duration::from_secs(10), "lanpulse_device_up", &[("device", "up")], 1.0);
    assert_eq!(daemon.value(FIRST, &[("device", "up")]), first);
}

#[test]
fn the_manual_page_and_completions_know_the_flags() {
    for words in [
        &["man"][..],
        &["completions", "bash"],
        &["completions", "zsh"],
        &["completions", "fish"],
    ] {
        let output = crate::support::run(words);
        let text = String::from_utf8_lossy(&output.stdout).replace('\\', "");
        assert!(
            output.status.success() && text.contains("web.config.file"),
            "{words:?}: {text}"
        );
    }
}
