//! Bar 9: how soon a change of the configuration is in force, and how soon a daemon with a large inventory is ready.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::measure::{targets, total};
use crate::support::{Daemon, Home, Lan, QUIET};
use crate::table::Row;

const TARGETS: u32 = 10_000;
const STORED: u32 = 100_000;

pub fn bar() {
    let Some(_lan) = Lan::new("reload and start") else {
        return;
    };
    reload();
    start();
}

fn reload() {
    let config = targets(TARGETS, "global: {interval: 5s}");
    let home = Home::exactly(&config);
    let daemon = Daemon::start(&home);
    sleep(Duration::from_secs(6));
    let requests = || total(&daemon.metrics(), "lanpulse_icmp_requests_total");
    let before = requests();
    home.replace("lanpulse.yaml", &config.replace("name: d77,", "name: changed,"));
    let start = Instant::now();
    let reply = daemon.post("/-/reload").text();
    let took = start.elapsed().as_secs_f64() * 1e3;
    // 10000 targets; probes: 1 started, 1 stopped, 9999 kept
    let kept = reply.split(" kept").next().and_then(|text| text.rsplit(' ').next());
    let kept: f64 = kept
        .and_then(|count| count.parse().ok())
        .unwrap_or_else(|| panic!("{reply}"));
    assert!(requests() >= before - 5.0, "counters were kept");
    Row::new(9, format!("reload, {TARGETS} targets, one changed"), took, "ms")
        .at_most(500.0)
        .record();
    Row::new(9, "targets untouched by it", kept, "")
        .at_least(9_999.0)
        .record();
}

fn start() {
    let home = Home::exactly(QUIET);
    // makes the tables
    drop(Daemon::start(&home));
    let fill = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {STORED}) \
         INSERT INTO devices (name, status, status_since, up, up_since, first_seen, last_seen) \
         SELECT 'old' || i, 'up', 1700000000000000, 1, 1700000000000000, 1700000000000000, 1700000000000000 FROM n;"
    );
    rusqlite::Connection::open(home.database())
        .unwrap()
        .execute_batch(&fill)
        .unwrap();
    let start = Instant::now();
    let daemon = Daemon::start(&home);
    let took = start.elapsed().as_secs_f64();
    drop(daemon);
    Row::new(9, format!("start until ready, {STORED} devices stored"), took, "s")
        .at_most(3.0)
        .record();
}
