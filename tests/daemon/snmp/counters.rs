//! Many scripted agents: counters that wrap, restart or are renumbered, and devices that do not answer.

use std::fmt::Write as _;
use std::time::Duration;

use crate::support::agent::{Agent, Asn, Script, UPTIME, if_entry, ifx_entry};
use crate::support::{Daemon, Exposition, Home, loopback, wait_until};

use super::snmpd::{LONG, up};

#[test]
fn counters_on_metrics_survive_wraps_restarts_and_renumbering() {
    if !loopback("counters") {
        return;
    }
    let mut script = Script::device(2);
    script.interface(3, "old");
    for column in [6, 7, 10, 11] {
        script.mib.remove(&ifx_entry(column, 3));
    }
    script.mib.insert(if_entry(10, 3), Asn::counter32(4_294_967_000));
    let agent = Agent::start("127.0.0.1:161", script);
    let home = Home::new(
        "snmp: {credentials: {public: {version: 2c, community: public}}}\ntargets:\n  - {name: switch, address: 127.0.0.1, \
         probes: {snmp: {credentials: public, interval: 300ms}}}\n",
    );
    let daemon = Daemon::start(&home);
    let bytes = |interface: &'static str| [("device", "switch"), ("interface", interface)];
    let received = "lanpulse_interface_receive_bytes_total";
    daemon.wait_value(LONG, received, &bytes("old"), 4_294_967_000.0);
    daemon.wait_value(LONG, received, &bytes("eth1"), 8_589_934_592.0 + 1_006.0);
    agent.script().mib.insert(if_entry(10, 3), Asn::counter32(704));
    daemon.wait_value(LONG, received, &bytes("old"), 4_294_968_000.0);
    // Its twin, under the same name: both are told apart, nothing is lost.
    agent.script().interface(7, "eth2");
    wait_until(LONG, "twins", || daemon.value(received, &bytes("eth2#7")).is_some());
    let metrics = daemon.metrics();
    assert!(metrics.value(received, &bytes("eth2#2")).is_some() && metrics.value(received, &bytes("eth2")).is_none());
    // The column of 64 bits goes: nothing is better than the other one.
    agent.script().mib.remove(&ifx_entry(6, 1));
    wait_until(LONG, "the counter goes", || {
        daemon.value(received, &bytes("eth1")).is_none()
    });
    let metrics = daemon.metrics();
    assert!(
        metrics
            .value("lanpulse_interface_transmit_bytes_total", &bytes("eth1"))
            .is_some()
    );
    assert_eq!(
        metrics.all("lanpulse_interface_info", &bytes("eth1"))[0].labels["counter_bits"],
        "64"
    );
    // A restart with other numbers: the name stays, the counter falls to what the device says.
    let mut script = Script::device(0);
    script.interface(40, "old");
    for column in [6, 7, 10, 11] {
        script.mib.remove(&ifx_entry(column, 40));
    }
    script.mib.insert(UPTIME.to_vec(), Asn::ticks(200));
    script.mib.insert(if_entry(10, 40), Asn::counter32(600));
    *agent.script() = script;
    daemon.wait_value(LONG, received, &bytes("old"), 600.0);
    let metrics = daemon.metrics();
    assert_eq!(
        metrics.all("lanpulse_interface_info", &bytes("old"))[0].labels["ifindex"],
        "40"
    );
    assert_eq!(
        metrics.value("lanpulse_snmp_uptime_seconds", &[("device", "switch")]),
        Some(2.0)
    );
    assert_eq!(
        metrics.values_of("lanpulse_interface_info", "interface").len(),
        1,
        "what is gone is gone"
    );
    // Dead: no interface has a number any more, the device is down, and the reason is there.
    agent.script().silent = true;
    daemon.wait_value(LONG, "lanpulse_device_up", &[("device", "switch")], 0.0);
    let metrics = daemon.metrics();
    assert!(metrics.all(received, &[]).is_empty());
    assert!(metrics.value("lanpulse_snmp_uptime_seconds", &[]).is_none());
    assert_eq!(up(&metrics, "switch"), Some(0.0));
}

#[test]
fn the_dead_and_the_silent_delay_nobody() {
    if !loopback("200 agents") {
        return;
    }
    let mut config =
        String::from("snmp: {credentials: {public: {version: 2c, community: public, port: 1161}}}\ntargets:\n");
    let mut agents = Vec::new();
    for n in 1..=200 {
        let address = format!("127.0.1.{n}");
        if n > 2 {
            agents.push(Agent::start(&format!("{address}:1161"), Script::device(8)));
        }
        writeln!(
            config,
            "  - {{name: d{n}, address: {address}, probes: {{snmp: {{credentials: public, interval: 4s, timeout: 1s}}}}}}"
        )
        .unwrap();
    }
    // The second has a socket that nobody reads; nobody listens at the first.
    let _hole = std::net::UdpSocket::bind("127.0.1.2:1161").unwrap();
    let home = Home::new(&config);
    let daemon = Daemon::start(&home);
    let failures = |metrics: &Exposition, device: &str, reason: &str| {
        metrics
            .value(
                "lanpulse_snmp_failures_total",
                &[("device", device), ("reason", reason)],
            )
            .unwrap()
    };
    wait_until(Duration::from_secs(40), "two failures of both", || {
        let metrics = daemon.metrics();
        failures(&metrics, "d1", "unreachable") >= 2.0 && failures(&metrics, "d2", "timeout") >= 2.0
    });
    let metrics = daemon.metrics();
    for n in 3..=200 {
        let device = format!("d{n}");
        assert_eq!(up(&metrics, &device), Some(1.0), "{device}");
        let all: f64 = metrics
            .all("lanpulse_snmp_failures_total", &[("device", &device)])
            .iter()
            .map(|s| s.value)
            .sum();
        assert!(all < 0.5, "{device}");
        assert_eq!(metrics.all("lanpulse_interface_up", &[("device", &device)]).len(), 8);
    }
    let (status, _) = daemon.stop();
    assert_eq!(status, Some(0));
}
