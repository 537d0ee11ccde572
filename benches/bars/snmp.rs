//! Bar 7: the CPU of one SNMP walk, beside `snmp_exporter`'s.
//!
//! 200 scripted agents with 48 interfaces each, on loopback addresses of a namespace of their own. Both programs read the
//! same columns of the same agents: states, speeds, names and twelve counters. What the agents cost is not counted.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::measure::{Kill, cpu, total, version};
use crate::support::agent::{Agent, Script};
use crate::support::{Daemon, Home, QUIET, Request, loopback, repository, wait_until};
use crate::table::Row;

const AGENTS: u32 = 200;
const INTERFACES: u32 = 48;
/// From one walk to the next; shorter than anybody would choose, so that there is something to measure.
const INTERVAL: Duration = Duration::from_secs(5);
const ROUNDS: u32 = 6;

/// What lanpulse reads, in `snmp_exporter`'s words: name, object, type.
const OBJECTS: [(&str, &str, &str); 15] = [
    ("ifOperStatus", "1.3.6.1.2.1.2.2.1.8", "gauge"),
    ("ifAdminStatus", "1.3.6.1.2.1.2.2.1.7", "gauge"),
    ("ifInDiscards", "1.3.6.1.2.1.2.2.1.13", "counter"),
    ("ifInErrors", "1.3.6.1.2.1.2.2.1.14", "counter"),
    ("ifOutDiscards", "1.3.6.1.2.1.2.2.1.19", "counter"),
    ("ifOutErrors", "1.3.6.1.2.1.2.2.1.20", "counter"),
    ("ifHCInOctets", "1.3.6.1.2.1.31.1.1.1.6", "counter"),
    ("ifHCInUcastPkts", "1.3.6.1.2.1.31.1.1.1.7", "counter"),
    ("ifHCOutOctets", "1.3.6.1.2.1.31.1.1.1.10", "counter"),
    ("ifHCOutUcastPkts", "1.3.6.1.2.1.31.1.1.1.11", "counter"),
    ("ifHighSpeed", "1.3.6.1.2.1.31.1.1.1.15", "gauge"),
    ("ifType", "1.3.6.1.2.1.2.2.1.3", "gauge"),
    ("ifName", "1.3.6.1.2.1.31.1.1.1.1", ""),
    ("ifDescr", "1.3.6.1.2.1.2.2.1.2", ""),
    ("ifAlias", "1.3.6.1.2.1.31.1.1.1.18", ""),
];

pub fn bar() {
    if !loopback("SNMP walks") {
        return;
    }
    let agents: Vec<Agent> = (1..=AGENTS)
        .map(|n| Agent::start(&format!("127.0.1.{n}:1161"), Script::device(INTERFACES)))
        .collect();
    let (ours, failed) = lanpulse();
    let (name, theirs) = exporter();
    drop(agents);
    Row::new(7, "CPU a walk, a scrape a round included", ours * 1e3, "ms")
        .ratio_at_most(0.333)
        .peer(name, theirs.map(|seconds| seconds * 1e3))
        .record();
    Row::new(7, "walks that failed", failed, "").at_most(0.0).record();
}

/// Seconds of CPU a walk of the daemon takes, and how many walks failed.
fn lanpulse() -> (f64, f64) {
    let mut config =
        format!("{QUIET}snmp: {{credentials: {{public: {{version: 2c, community: public, port: 1161}}}}}}\ntargets:\n");
    let seconds = INTERVAL.as_secs();
    for n in 1..=AGENTS {
        let probe = format!("{{snmp: {{credentials: public, interval: {seconds}s}}}}");
        writeln!(config, "  - {{name: d{n}, address: 127.0.1.{n}, probes: {probe}}}").unwrap();
    }
    let home = Home::exactly(&config);
    let daemon = Daemon::start(&home);
    wait_until(Duration::from_secs(60), "a walk of every agent", || {
        let up = daemon.metrics();
        up.all("lanpulse_snmp_up", &[])
            .iter()
            .filter(|sample| sample.value > 0.5)
            .count()
            == AGENTS as usize
    });
    let walks = || daemon.value("lanpulse_schedule_lag_seconds_count", &[]).unwrap();
    let (walks_before, before) = (walks(), cpu(daemon.pid()));
    for _ in 0..ROUNDS {
        sleep(INTERVAL);
        daemon.get("/metrics");
    }
    let (after, walks_after) = (cpu(daemon.pid()), walks());
    let failed = total(&daemon.metrics(), "lanpulse_snmp_failures_total");
    ((after - before) / (walks_after - walks_before), failed)
}

/// Name and version of the exporter, and the seconds of CPU that a request takes it.
fn exporter() -> (String, Option<f64>) {
    let program = repository(".lab/bin/snmp_exporter");
    let Some(name) = version("snmp_exporter", &program.to_string_lossy(), "--version") else {
        return ("snmp_exporter".into(), None);
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("snmp.yml");
    fs::write(&file, config()).unwrap();
    let child = Kill::serve(
        Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg("--web.listen-address=127.0.0.1:9116"),
    );
    let address = "127.0.0.1:9116".parse().unwrap();
    let ask = |path: &str| Request::new(address, "GET", path).try_send();
    wait_until(Duration::from_secs(20), "snmp_exporter", || {
        ask("/").is_ok_and(|reply| reply.status == 200)
    });
    let walk = |n: u32| {
        let reply = ask(&format!("/snmp?target=127.0.1.{n}:1161&module=if_mib&auth=public_v2")).expect("a reply");
        let text = reply.text();
        assert!(reply.status == 200 && text.contains("ifHCInOctets{"), "{text}");
    };
    (1..=AGENTS).for_each(walk);
    let before = cpu(child.0.id());
    for _ in 0..ROUNDS {
        (1..=AGENTS).for_each(walk);
    }
    let seconds = cpu(child.0.id()) - before;
    (name, Some(seconds / f64::from(AGENTS * ROUNDS)))
}

/// What its generator would write for these objects.
fn config() -> String {
    let mut text = String::from(
        "auths:\n  public_v2: {version: 2, community: public}\nmodules:\n  if_mib:\n    max_repetitions: 25\n    get: [1.3.6.1.2.1.1.3.0]\n    walk:\n",
    );
    for (_, oid, _) in OBJECTS {
        writeln!(text, "      - {oid}").unwrap();
    }
    text += "    metrics:\n      - {name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: x}\n";
    for (name, oid, kind) in OBJECTS.iter().filter(|(.., kind)| !kind.is_empty()) {
        writeln!(
            text,
            "      - name: {name}\n        oid: {oid}\n        type: {kind}\n        help: x\n        \
             indexes: [{{labelname: ifIndex, type: gauge}}]\n        lookups:"
        )
        .unwrap();
        for (label, lookup, _) in OBJECTS.iter().filter(|(.., kind)| kind.is_empty()) {
            writeln!(
                text,
                "          - {{labels: [ifIndex], labelname: {label}, oid: {lookup}, type: DisplayString}}"
            )
            .unwrap();
        }
    }
    text
}
