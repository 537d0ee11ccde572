//! Real net-snmp agents of all versions, by the daemon and by the command line.

use std::process::Command;

use crate::support::agent::{Agent, Script};
use crate::support::{Daemon, Exposition, Home, Lan, loopback, run, wait_until};

use super::snmpd::{AUTH_PASSWORD, LONG, PRIVACY_PASSWORD, Snmpd, USERS, credentials, snmpwalk, target};

#[test]
fn real_agents_of_every_version_say_what_their_own_tools_say() {
    let Some(lan) = Lan::new("net-snmp") else { return };
    lan.peer(&[
        "sh",
        "-ec",
        "ip link add up1 type veth peer name up2; ip link set up1 alias 'uplink to core'; ip link set up1 up",
    ]);
    let Some(mut snmpd) = Snmpd::start(&lan) else { return };
    let home = Home::new("");
    let good: Vec<&str> = ["v1", "v2c", "guest", "signer"]
        .into_iter()
        .chain(USERS.map(|user| user.0))
        .collect();
    let bad = ["stranger", "nobody", "forger", "weak"];
    let mut config = credentials(&home) + "targets:\n";
    for name in good.iter().chain(&bad) {
        config += &target(name, "10.77.0.2", "");
    }
    home.configure(&config);
    let daemon = Daemon::start(&home);
    for name in &good {
        daemon.wait_value(LONG, "lanpulse_snmp_up", &[("device", name)], 1.0);
    }
    for name in bad {
        daemon.wait_value(LONG, "lanpulse_snmp_up", &[("device", name)], 0.0);
    }
    let before = [
        ("receive_bytes", "1.3.6.1.2.1.31.1.1.1.6"),
        ("transmit_packets", "1.3.6.1.2.1.31.1.1.1.11"),
    ];
    let columns = before.map(|(name, column)| (name, snmpwalk(column)));
    let metrics = daemon.metrics();
    let names = snmpwalk("1.3.6.1.2.1.31.1.1.1.1");
    assert!(
        names.len() >= 4 && names.values().any(|name| name == "up1"),
        "{names:?}"
    );
    let speeds = snmpwalk("1.3.6.1.2.1.31.1.1.1.15");
    for device in &good {
        for (index, name) in &names {
            let labels = [("device", *device), ("interface", name.as_str())];
            let info = metrics.all("lanpulse_interface_info", &labels);
            assert_eq!(info.len(), 1, "{device} {name}");
            assert_eq!(&info[0].labels["ifindex"], index);
            let bits = if *device == "v1" { "32" } else { "64" };
            assert_eq!(info[0].labels["counter_bits"], bits);
            let speed = speeds[index].parse::<f64>().unwrap() * 1e6 / 8.0;
            assert_eq!(
                metrics.value("lanpulse_interface_speed_bytes_per_second", &labels),
                Some(speed)
            );
            assert!(metrics.value("lanpulse_interface_enabled", &labels).is_some());
            // What carries nothing does not move between our walk and theirs.
            if name.starts_with("up") {
                for (measure, column) in &columns {
                    let value = metrics
                        .value(&format!("lanpulse_interface_{measure}_total"), &labels)
                        .unwrap();
                    let theirs: f64 = column[index].parse().unwrap();
                    assert!(
                        value <= theirs + 100_000.0 && value >= 0.0,
                        "{measure} {value} {theirs}"
                    );
                }
            }
        }
        let info = metrics.all("lanpulse_device_info", &[("device", device)]);
        assert_eq!(info[0].labels["hostname"], "core-switch");
        assert_eq!(metrics.value("lanpulse_device_up", &[("device", device)]), Some(1.0));
    }
    let reason = |device: &str, reason: &str| {
        let labels = [("device", device), ("reason", reason)];
        metrics.value("lanpulse_snmp_failures_total", &labels).unwrap()
    };
    assert!(reason("stranger", "timeout") > 0.0);
    for device in ["nobody", "forger", "weak"] {
        assert!(reason(device, "authentication") > 0.0, "{device}");
        assert_eq!(metrics.all("lanpulse_interface_info", &[("device", device)]).len(), 0);
    }

    // What is wrong is said once, however often it is so.
    let log = daemon.log();
    assert_eq!(log.matches("SNMP walk").count(), bad.len(), "{log}");

    // The agent restarts: another boot of its engine. Nobody is refused for it.
    let refused = |metrics: &Exposition| -> f64 {
        let reasons = ["authentication", "malformed", "error", "loop"];
        let count = |device: &&str, reason: &str| {
            metrics
                .value(
                    "lanpulse_snmp_failures_total",
                    &[("device", device), ("reason", reason)],
                )
                .unwrap()
        };
        good.iter()
            .map(|device| reasons.iter().map(|reason| count(device, reason)).sum::<f64>())
            .sum()
    };
    assert!(refused(&metrics).abs() < 0.5);
    snmpd.restart(&lan);
    let after = crate::support::now();
    wait_until(LONG, "everybody is read again", || {
        let metrics = daemon.metrics();
        good.iter().all(|device| {
            let at = metrics.value("lanpulse_snmp_last_success_timestamp_seconds", &[("device", device)]);
            at.is_some_and(|at| at > after)
        })
    });
    assert!(refused(&daemon.metrics()).abs() < 0.5, "{}", daemon.log());

    // Secrets are nowhere.
    let places = [
        daemon.log(),
        daemon.get("/metrics").text(),
        daemon.get("/").text(),
        daemon.get("/api/v1/targets").text(),
        daemon.get("/api/v1/status").text(),
    ];
    for text in &places {
        for secret in [
            AUTH_PASSWORD,
            PRIVACY_PASSWORD,
            "wrong horse",
            "geheim",
            "wrong-community",
        ] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    let targets = daemon.get("/api/v1/targets").json();
    let row = |device: &str| {
        targets["targets"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["device"] == device)
            .unwrap()
            .clone()
    };
    assert_eq!(row("forger")["failure"]["reason"], "authentication");
    assert!(
        row("forger")["failure"]["message"]
            .as_str()
            .unwrap()
            .contains("wrong authentication password")
    );
    assert_eq!(
        (row("v2c")["success"].as_bool(), row("v2c")["kind"].as_str()),
        (Some(true), Some("snmp"))
    );
}

#[test]
fn the_command_line_walks_and_says_why_not() {
    if !loopback("the command line") {
        return;
    }
    let agent = Agent::start("127.0.0.1:161", Script::device(3));
    let home = Home::new(
        "snmp: {credentials: {public: {version: 2c, community: hush-hush}, other: {version: 1, community: hush-hush, timeout: 50ms}}}\n",
    );
    let config = home.config();
    let walk = |words: &[&str]| {
        let words = [&["--config.file", config.to_str().unwrap(), "snmp", "walk"], words].concat();
        let output = Command::new(env!("CARGO_BIN_EXE_lanpulse"))
            .args(words)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(!text.contains("hush-hush"));
        (output.status.code(), text)
    };
    let (code, text) = walk(&["127.0.0.1", "--credentials", "public"]);
    assert_eq!(code, Some(0), "{text}");
    for part in [
        "name         switch",
        "eth2",
        "ethernetCsmacd",
        "8589936598",
        "3 interfaces, ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (code, text) = walk(&["localhost", "--credentials", "public"]);
    assert_eq!(code, Some(0), "{text}");
    agent.script().silent = true;
    let (code, text) = walk(&["127.0.0.1", "--credentials", "other"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("timeout (no reply from 127.0.0.1:161"), "{text}");
    let (code, text) = walk(&["127.0.0.1", "--credentials", "nobody"]);
    assert_eq!(code, Some(64));
    assert!(text.contains("there are other, public"), "{text}");
    assert_eq!(run(&["snmp", "walk"]).status.code(), Some(2));
}
