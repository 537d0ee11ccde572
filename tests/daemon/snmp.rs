//! The daemon and SNMP, from outside: real net-snmp agents of all versions, and many scripted ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::agent::{Agent, Asn, Script, UPTIME, if_entry, ifx_entry};
use crate::support::{Daemon, Exposition, Home, Lan, binary, loopback, run, wait_until};

const LONG: Duration = Duration::from_secs(20);

/// net-snmp's agent on the far side of the wire.
struct Snmpd {
    child: Child,
    directory: TempDir,
    pid: String,
}

/// Users: name, protocols as net-snmp and as lanpulse call them.
const USERS: [(&str, &str, &str, &str, &str); 6] = [
    ("md5des", "MD5", "md5", "DES", "des"),
    ("sha1aes128", "SHA", "sha1", "AES", "aes128"),
    ("sha224aes128", "SHA-224", "sha224", "AES", "aes128"),
    ("sha256aes192", "SHA-256", "sha256", "AES-192", "aes192"),
    ("sha384aes256", "SHA-384", "sha384", "AES-256", "aes256"),
    ("sha1aes256", "SHA", "sha1", "AES-256", "aes256"),
];
const AUTH_PASSWORD: &str = "correct horse";
const PRIVACY_PASSWORD: &str = "battery staple";

impl Snmpd {
    fn start(lan: &Lan) -> Option<Self> {
        let program = binary("snmpd")?;
        let directory = tempfile::tempdir().unwrap();
        let mut config = String::from(
            "agentaddress udp:10.77.0.2:161\nrocommunity geheim\nsysName core-switch\nsysLocation cellar\n\
             sysContact somebody\ncreateUser signer SHA-512 \"correct horse\"\nrouser signer auth\n\
             createUser guest\nrouser guest noauth\n",
        );
        for (name, auth, _, privacy, _) in USERS {
            writeln!(
                config,
                "createUser {name} {auth} \"{AUTH_PASSWORD}\" {privacy} \"{PRIVACY_PASSWORD}\""
            )
            .unwrap();
            writeln!(config, "rouser {name} priv").unwrap();
        }
        fs::write(directory.path().join("snmpd.conf"), config).unwrap();
        let pid = lan.peer(&["readlink", "/proc/self/ns/net"]);
        let child = Self::spawn(&program, lan, &directory);
        let snmpd = Self { child, directory, pid };
        snmpd.wait(lan);
        Some(snmpd)
    }

    fn spawn(program: &std::path::Path, lan: &Lan, directory: &TempDir) -> Child {
        lan.peer_command(program.to_str().unwrap())
            .args(["-f", "-C", "-c"])
            .arg(directory.path().join("snmpd.conf"))
            .arg("-Lf")
            .arg(directory.path().join("log"))
            .env("SNMP_PERSISTENT_DIR", directory.path().join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("snmpd")
    }

    fn wait(&self, lan: &Lan) {
        wait_until(LONG, "snmpd answers", || {
            Command::new("snmpget")
                .args(["-v2c", "-cgeheim", "-t1", "-r0", "10.77.0.2", "1.3.6.1.2.1.1.3.0"])
                .output()
                .expect("snmpget")
                .status
                .success()
        });
        let _ = (lan, &self.pid);
    }

    /// Ends it and starts it again: another boot of its engine, and counters of its own at zero.
    fn restart(&mut self, lan: &Lan) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.child = Self::spawn(&binary("snmpd").unwrap(), lan, &self.directory);
        self.wait(lan);
    }
}

impl Drop for Snmpd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A column as net-snmp's own tool reads it, by index.
fn snmpwalk(column: &str) -> BTreeMap<String, String> {
    let output = Command::new("snmpwalk")
        .args([
            "-v2c",
            "-cgeheim",
            "-On",
            "-Oe",
            "-OQ",
            "-OU",
            "-Ot",
            "10.77.0.2",
            column,
        ])
        .output()
        .expect("snmpwalk");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, value)| {
            let index = name.rsplit('.').next().unwrap().to_owned();
            (index, value.trim_matches('"').to_owned())
        })
        .collect()
}

fn credentials(home: &Home) -> String {
    home.write("secrets/auth", &format!("{AUTH_PASSWORD}\n"));
    home.write("secrets/privacy", PRIVACY_PASSWORD);
    home.write("secrets/wrong", "wrong horse");
    let mut text = String::from(
        "snmp:\n  credentials:\n    v1: {version: 1, community: geheim}\n    v2c: {version: 2c, community: geheim}\n    \
         stranger: {version: 2c, community: wrong-community, timeout: 200ms, retries: 1}\n    \
         guest: {version: 3, user: guest}\n    \
         signer: {version: 3, user: signer, auth: {protocol: sha512, password_file: secrets/auth}}\n    \
         nobody: {version: 3, user: nobody, auth: {protocol: sha512, password_file: secrets/auth}}\n    \
         forger: {version: 3, user: signer, auth: {protocol: sha512, password_file: secrets/wrong}}\n    \
         weak: {version: 3, user: md5des, auth: {protocol: md5, password_file: secrets/auth}}\n",
    );
    for (name, _, auth, _, privacy) in USERS {
        writeln!(
            text,
            "    {name}: {{version: 3, user: {name}, auth: {{protocol: {auth}, password_file: secrets/auth}}, \
             privacy: {{protocol: {privacy}, password_file: secrets/privacy}}}}"
        )
        .unwrap();
    }
    text
}

fn target(name: &str, address: &str, more: &str) -> String {
    format!("  - {{name: {name}, address: {address}, probes: {{snmp: {{credentials: {name}, interval: 1s{more}}}}}}}\n")
}

#[track_caller]
fn up(metrics: &Exposition, device: &str) -> Option<f64> {
    metrics.value("lanpulse_snmp_up", &[("device", device)])
}

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
