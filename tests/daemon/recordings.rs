//! The daemon and recordings of devices: what each of them says is what is exposed.
//!
//! The recordings are made up, each after oddities that real ones have.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::support::agent::{Agent, Script};
use crate::support::{Daemon, Exposition, Home, loopback, repository};

const LONG: Duration = Duration::from_secs(20);

/// What the daemon and the command line make of a device.
struct Seen {
    metrics: Exposition,
    text: String,
    walk: String,
    _agent: Agent,
}

impl Seen {
    /// One complete walk of it, or none where the machine cannot have the test.
    fn of(recording: &str) -> Option<Self> {
        if !loopback(recording) {
            return None;
        }
        let bytes = fs::read(repository("tests/recordings").join(recording)).unwrap();
        let agent = Agent::start("127.0.0.1:161", Script::recorded(&bytes));
        let home = Home::new(
            "snmp: {credentials: {public: {version: 2c, community: public}}}\ntargets:\n  - {name: it, address: \
             127.0.0.1, probes: {snmp: {credentials: public, interval: 1s}}}\n",
        );
        let daemon = Daemon::start(&home);
        daemon.wait_value(LONG, "lanpulse_snmp_up", &[("device", "it")], 1.0);
        let config = home.config();
        let output = Command::new(env!("CARGO_BIN_EXE_lanpulse"))
            .args(["--config.file", config.to_str().unwrap()])
            .args(["snmp", "walk", "127.0.0.1", "--credentials", "public"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        Some(Self {
            metrics: daemon.metrics(),
            text: daemon.get("/metrics").text(),
            walk: String::from_utf8(output.stdout).unwrap(),
            _agent: agent,
        })
    }

    /// The names of the interfaces.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .metrics
            .all("lanpulse_interface_info", &[])
            .iter()
            .map(|sample| sample.labels["interface"].clone())
            .collect();
        names.sort();
        names
    }

    /// A label of what of an interface does not change from walk to walk; empty where it is absent.
    fn info(&self, interface: &str, label: &str) -> String {
        let sample = self.metrics.all("lanpulse_interface_info", &[("interface", interface)])[0];
        sample.labels.get(label).cloned().unwrap_or_default()
    }

    /// A value of an interface, exactly as it is written.
    fn exact(&self, metric: &str, interface: &str) -> Option<String> {
        let start = format!("lanpulse_interface_{metric}{{");
        let label = format!("interface=\"{interface}\"");
        let line = self
            .text
            .lines()
            .find(|line| line.starts_with(&start) && line.contains(&label))?;
        Some(line.rsplit(' ').next().unwrap().to_owned())
    }

    #[track_caller]
    fn counters(&self, interface: &str, expected: [Option<u64>; 8]) {
        let measures = ["bytes", "packets", "errors", "discards"];
        let names = measures.map(|measure| ["receive", "transmit"].map(|way| format!("{way}_{measure}_total")));
        for (name, expected) in names.iter().flatten().zip(expected) {
            let said = self.exact(name, interface);
            assert_eq!(said, expected.map(|number| number.to_string()), "{name} of {interface}");
            let row = self.walk.lines().find(|line| line.contains(&format!(" {interface} ")));
            if let (Some(number), Some(row)) = (expected, row) {
                assert!(
                    row.split_whitespace().any(|cell| cell == number.to_string()),
                    "{name}: {row}"
                );
            }
        }
    }

    #[track_caller]
    fn state(&self, interface: &str, up: Option<&str>, enabled: Option<&str>, speed: Option<&str>) {
        assert_eq!(self.exact("up", interface).as_deref(), up, "{interface}");
        assert_eq!(self.exact("enabled", interface).as_deref(), enabled, "{interface}");
        assert_eq!(
            self.exact("speed_bytes_per_second", interface).as_deref(),
            speed,
            "{interface}"
        );
    }
}

#[test]
fn counters_of_64_bits_in_the_old_columns() {
    let Some(seen) = Seen::of("wide-in-old-columns.snmprec") else {
        return;
    };
    assert_eq!(seen.names(), ["bond0", "feth0"]);
    for (interface, factor) in [("feth0", 1), ("bond0", 3)] {
        let columns = [10, 16, 11, 17, 14, 20, 13, 19];
        seen.counters(interface, columns.map(|column| Some(397_676_678_388 * factor + column)));
        assert_eq!(seen.info(interface, "counter_bits"), "64");
    }
}

#[test]
fn counters_of_32_bits_in_the_new_columns() {
    let Some(seen) = Seen::of("narrow-in-new-columns.snmprec") else {
        return;
    };
    for (interface, index) in [("eth0", 1_u64), ("eth1", 2)] {
        let new = |column: u64| Some(4_294_960_000 + 100 * index + column);
        let old = |column: u64| Some(1_000 * index + column);
        let expected = [new(6), new(10), new(7), new(11), old(14), old(20), old(13), old(19)];
        seen.counters(interface, expected);
        assert_eq!(seen.info(interface, "counter_bits"), "32");
        seen.state(interface, Some("1"), Some("1"), Some("12500000"));
    }
}

#[test]
fn rows_that_differ_from_column_to_column() {
    let Some(seen) = Seen::of("holes-and-giants.snmprec") else {
        return;
    };
    let names = [
        "Eth1/1",
        "Eth1/2",
        "Lo0",
        "Null0",
        "Veth1#520161280",
        "Veth1#520161281",
        "mgmt0",
    ];
    assert_eq!(seen.names(), names);
    // No counters and no row in ifXTable; counters of 32 bits; all of it.
    seen.counters("Null0", [None; 8]);
    seen.state("Null0", Some("1"), Some("1"), Some("536870911.875"));
    assert_eq!(seen.info("Null0", "counter_bits"), "");
    seen.counters("Lo0", [10, 16, 11, 17, 14, 20, 13, 19].map(|column| Some(35 + column)));
    assert_eq!(seen.info("Lo0", "counter_bits"), "32");
    let old = |index: u64, column: u64| Some((index * 7 + column) % (1 << 32));
    let index = 436_207_616;
    let end = Some(u64::MAX);
    let rest = [14, 20, 13, 19].map(|column| old(index, column));
    seen.counters("Eth1/1", [end, end, end, end, rest[0], rest[1], rest[2], rest[3]]);
    seen.state("Eth1/1", Some("1"), Some("1"), Some("5000000000"));
    for (label, value) in [
        ("ifindex", "436207616"),
        ("alias", "uplink to core, \"left\""),
        ("description", "Ethernet1/1"),
        ("type", "ethernetCsmacd"),
        ("mac", "00:00:5e:00:53:ee"),
        ("counter_bits", "64"),
    ] {
        assert_eq!(seen.info("Eth1/1", label), value, "{label}");
    }
    seen.state("Eth1/2", Some("0"), Some("0"), Some("536870911.875"));
    seen.state("Veth1#520161280", Some("1"), Some("1"), Some("1250"));
    seen.state("Veth1#520161281", Some("0"), Some("1"), Some("1200"));
    assert_eq!(seen.info("mgmt0", "alias"), "");
    let uptime = seen.metrics.value("lanpulse_snmp_uptime_seconds", &[]);
    assert_eq!(uptime, Some(42_949_672.95));
}

#[test]
fn a_text_of_snmpwalk() {
    let Some(seen) = Seen::of("printer.walk") else { return };
    assert_eq!(seen.names(), ["B\u{fffd}ro", "lo"]);
    let most = Some(u64::from(u32::MAX));
    seen.counters("lo", [most, most, None, None, None, None, None, None]);
    seen.state("lo", Some("1"), Some("1"), Some("0"));
    let name = "B\u{fffd}ro";
    seen.counters(name, [Some(17), Some(0), None, None, None, None, None, None]);
    seen.state(name, Some("0"), Some("1"), Some("1250000"));
    assert_eq!(seen.info(name, "alias"), "room \u{fffd}2");
    assert_eq!(seen.info(name, "mac"), "02:00:5e:00:53:01");
    assert_eq!(seen.info("lo", "type"), "softwareLoopback");
    assert_eq!(seen.metrics.value("lanpulse_snmp_uptime_seconds", &[]), Some(1_234.56));
    assert_eq!(
        seen.metrics.all("lanpulse_device_info", &[])[0].labels["hostname"],
        "prn \"2\""
    );
    assert!(
        seen.walk
            .contains("A printer\u{fffd}firmware = 1.2\u{fffd}(c) somebody"),
        "{}",
        seen.walk
    );
}

#[test]
fn a_device_without_interfaces() {
    let Some(seen) = Seen::of("no-interfaces.snmprec") else {
        return;
    };
    assert!(seen.names().is_empty());
    assert_eq!(seen.metrics.value("lanpulse_snmp_uptime_seconds", &[]), None);
    assert_eq!(seen.metrics.value("lanpulse_device_up", &[("device", "it")]), Some(1.0));
    assert_eq!(
        seen.metrics.all("lanpulse_device_info", &[])[0].labels["hostname"],
        "UPS 1"
    );
    assert!(seen.walk.contains("0 interfaces"), "{}", seen.walk);
}

#[test]
fn interfaces_of_which_little_is_told() {
    let Some(seen) = Seen::of("names-alone.snmprec") else {
        return;
    };
    assert_eq!(seen.names(), ["if301", "pon 1", "pon 2", "uplink"]);
    seen.counters("pon 1", [None; 8]);
    seen.state("pon 1", None, None, Some("312500000"));
    assert_eq!(seen.info("pon 1", "alias"), "block A");
    seen.counters(
        "uplink",
        [Some(5_000_000_000), None, None, None, None, None, None, None],
    );
    seen.state("uplink", None, None, None);
    seen.counters("if301", [Some(9), None, None, None, None, None, None, None]);
    seen.state("if301", Some("0"), None, None);
    assert!(seen.walk.contains("4 interfaces"), "{}", seen.walk);
}
