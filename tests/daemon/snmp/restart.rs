//! Counters of 32 bits over the end of lanpulse, tidy or not: no spike, no fall, and no claim.

use std::time::Duration;

use rusqlite::Connection;

use crate::support::agent::{Agent, Asn, Script, UPTIME, if_entry, ifx_entry};
use crate::support::{Daemon, Home, loopback, wait_until};

const LONG: Duration = Duration::from_secs(20);
const RECEIVED: &str = "lanpulse_interface_receive_bytes_total";
const OLD: [(&str, &str); 2] = [("device", "switch"), ("interface", "old")];
/// A little before the end of 32 bits.
const LATE: u32 = 4_294_967_000;
const ROUND: f64 = 4_294_967_296.0;

/// A device with an old interface beside two new ones.
fn device() -> Script {
    let mut script = Script::device(2);
    script.interface(3, "old");
    for column in [6, 7, 10, 11] {
        script.mib.remove(&ifx_entry(column, 3));
    }
    script.mib.insert(if_entry(10, 3), Asn::counter32(LATE));
    script
}

fn received(agent: &Agent, bytes: u32) {
    agent.script().mib.insert(if_entry(10, 3), Asn::counter32(bytes));
}

fn home() -> Home {
    Home::new(
        "snmp: {credentials: {public: {version: 2c, community: public}}}\ntargets:\n  - {name: switch, address: 127.0.0.1, \
         probes: {snmp: {credentials: public, interval: 300ms}}}\n",
    )
}

/// Until the file has this in the counters of the old interface.
#[track_caller]
fn wait_stored(home: &Home, part: &str) {
    wait_until(LONG, part, || {
        let sql = "SELECT counters FROM interface_counters WHERE device = 'switch' AND interface = 'old'";
        let row = Connection::open(home.database()).and_then(|file| file.query_row(sql, (), |row| row.get(0)));
        row.is_ok_and(|text: String| text.contains(part))
    });
}

/// What is exposed first is this; nothing else was before.
#[track_caller]
fn wait_first(daemon: &Daemon, expected: f64) {
    let first = crate::support::wait_for(LONG, "the first total", || daemon.value(RECEIVED, &OLD));
    assert!(
        (first - expected).abs() < 0.5,
        "{first}, not {expected}: {}",
        daemon.log()
    );
}

fn width(daemon: &Daemon, interface: &str) -> String {
    let labels = [("device", "switch"), ("interface", interface)];
    daemon.metrics().all("lanpulse_interface_info", &labels)[0].labels["counter_bits"].clone()
}

#[test]
fn totals_and_widths_go_on_after_a_stop() {
    if !loopback("a stop") {
        return;
    }
    let agent = Agent::start("127.0.0.1:161", device());
    let home = home();
    let daemon = Daemon::start(&home);
    wait_first(&daemon, LATE.into());
    received(&agent, 704);
    daemon.wait_value(LONG, RECEIVED, &OLD, ROUND + 704.0);
    // Not only what was written after the wrap: the very last is there after a tidy end.
    received(&agent, 1_704);
    daemon.wait_value(LONG, RECEIVED, &OLD, ROUND + 1_704.0);
    assert_eq!(daemon.stop().0, Some(0));

    // Nothing happens meanwhile, but the device has the counters of 64 bits now, and lost them elsewhere.
    let mut script = device();
    script.interface(3, "old");
    script.mib.insert(if_entry(10, 3), Asn::counter32(1_704));
    script.mib.insert(ifx_entry(6, 3), Asn::counter64((9 << 32) + 1_704));
    script.mib.remove(&ifx_entry(6, 1));
    *agent.script() = script;
    let daemon = Daemon::start(&home);
    wait_first(&daemon, ROUND + 1_704.0);
    assert_eq!(width(&daemon, "old"), "32");
    assert_eq!(width(&daemon, "eth1"), "64");
    let eth1 = [("device", "switch"), ("interface", "eth1")];
    assert_eq!(daemon.value(RECEIVED, &eth1), None, "never the counter of 32 bits");
    agent.script().mib.remove(&ifx_entry(6, 3));
    received(&agent, LATE);
    daemon.wait_value(LONG, RECEIVED, &OLD, ROUND + f64::from(LATE));
    assert_eq!(daemon.stop().0, Some(0));

    // It wraps meanwhile.
    received(&agent, 4);
    let daemon = Daemon::start(&home);
    wait_first(&daemon, 2.0 * ROUND + 4.0);
    assert_eq!(daemon.stop().0, Some(0));

    // The agent restarts meanwhile, with a little traffic since.
    agent.script().mib.insert(UPTIME.to_vec(), Asn::ticks(200));
    received(&agent, 600);
    let daemon = Daemon::start(&home);
    wait_first(&daemon, 600.0);
    assert_eq!(daemon.stop().0, Some(0));

    // At another address is another device.
    home.configure(
        "snmp: {credentials: {public: {version: 2c, community: public}}}\ntargets:\n  - {name: switch, address: 127.0.0.2, \
         probes: {snmp: {credentials: public, interval: 300ms}}}\n",
    );
    let other = Agent::start("127.0.0.2:161", device());
    received(&other, 3);
    let daemon = Daemon::start(&home);
    wait_first(&daemon, 3.0);
    received(&other, 5);
    daemon.wait_value(LONG, RECEIVED, &OLD, 5.0);
}

#[test]
fn and_after_a_kill() {
    if !loopback("a kill") {
        return;
    }
    let agent = Agent::start("127.0.0.1:161", device());
    let home = home();
    let daemon = Daemon::start(&home);
    wait_first(&daemon, LATE.into());
    // The first walk is written at once; the counter wraps while nobody looks.
    wait_stored(&home, &LATE.to_string());
    daemon.kill9();
    received(&agent, 704);
    let daemon = Daemon::start(&home);
    wait_first(&daemon, ROUND + 704.0);
    // So is every wrap, without waiting for the minute.
    received(&agent, LATE);
    daemon.wait_value(LONG, RECEIVED, &OLD, ROUND + f64::from(LATE));
    received(&agent, 4);
    daemon.wait_value(LONG, RECEIVED, &OLD, 2.0 * ROUND + 4.0);
    wait_stored(&home, &((2_u64 << 32) + 4).to_string());
    daemon.kill9();
    received(&agent, 9);
    let daemon = Daemon::start(&home);
    wait_first(&daemon, 2.0 * ROUND + 9.0);
    assert_eq!(width(&daemon, "old"), "32");
}

#[test]
fn what_does_not_change_is_not_written() {
    if !loopback("a quiet device") {
        return;
    }
    let _agent = Agent::start("127.0.0.1:161", Script::device(48));
    let home = home();
    let daemon = Daemon::start(&home);
    let writes = |daemon: &Daemon| daemon.value("lanpulse_store_writes_total", &[]).unwrap();
    // The device, its walk and its interfaces.
    wait_until(LONG, "the first walk on disk", || writes(&daemon) >= 50.0);
    let runs = |daemon: &Daemon| daemon.value("lanpulse_snmp_requests_total", &[]).unwrap();
    let (before, asked) = (writes(&daemon), runs(&daemon));
    wait_until(LONG, "ten more walks", || runs(&daemon) > asked + 40.0);
    assert!(writes(&daemon) <= before + 2.0, "{} rows", writes(&daemon) - before);
}
