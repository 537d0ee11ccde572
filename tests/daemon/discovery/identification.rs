//! Names, models and classes from real responders: avahi, dnsmasq and snmpd.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Daemon, Home, Segment, wait_for, wait_until};

use super::tools::{Helper, LIMIT, devices, patch, scan, wait_devices};

const AVAHI: &str = "[server]
host-name=office-printer
use-ipv4=yes
use-ipv6=no
allow-interfaces=a
enable-dbus=no
[publish]
publish-workstation=no
publish-hinfo=no
";

const SERVICE: &str = "<?xml version=\"1.0\" standalone='no'?>
<!DOCTYPE service-group SYSTEM \"avahi-service.dtd\">
<service-group><name>Office Printer</name><service><type>_ipp._tcp</type><port>631</port>
<txt-record>ty=LaserWriter 9000</txt-record><txt-record>UUID=1234-5678</txt-record></service></service-group>
";

#[test]
fn names_models_and_classes_arrive_from_real_responders() {
    let Some(segment) = Segment::new("identification by avahi and dnsmasq") else {
        return;
    };
    // Made-up hardware addresses, as phones have: the second turns up as the printer under another one.
    segment.add("a", "02:00:00:00:00:0a", &["10.77.0.10"]);
    segment.add("b", "00:11:32:00:00:0b", &["10.77.0.11"]);
    let home = Home::exactly("discovery: {interval: 1h, methods: [arp, mdns, neighbours]}\ninternet: {checks: []}\n");
    home.write("avahi.conf", AVAHI);
    home.write("services/printer.service", SERVICE);
    home.write("hosts", "10.77.0.11 files.test\n");
    let resolv = home.write("resolv.conf", "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n");
    let hosts = format!("--addn-hosts={}", home.path("hosts").display());
    let dns = Command::new("dnsmasq")
        .args([
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--bind-interfaces",
            "--user=root",
            "--pid-file",
        ])
        .args(["--listen-address=127.0.0.53", "--log-facility=-", &hosts])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(dns) = dns else {
        crate::support::skip("no dnsmasq: run tests/tools/install.sh as root");
        return;
    };
    let _dns = Helper(dns);
    let script = format!(
        "mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon && mount --bind {} /etc/avahi/services && \
         exec avahi-daemon --no-drop-root --no-rlimits --no-chroot -f {}",
        home.path("services").display(),
        home.path("avahi.conf").display()
    );
    if crate::support::binary("avahi-daemon").is_none() {
        return;
    }
    let avahi = || {
        let log = home.path("avahi.log");
        let mut command = segment.over_there();
        let command = command
            .args(["unshare", "-m", "sh", "-ec", &script])
            .stdin(Stdio::null());
        let child = command
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let helper = Helper(child);
        wait_until(LIMIT, "avahi announces its service", || {
            std::fs::read_to_string(&log)
                .unwrap()
                .contains("successfully established")
        });
        helper
    };
    let responder = avahi();
    let script = format!("mount --bind {} /etc/resolv.conf && exec \"$@\"", resolv.display());
    let mut daemon = Daemon::spawn_by(
        &["unshare", "-m", "sh", "-ec", &script, "sh"],
        &home,
        &home.config(),
        &[],
    );
    daemon.wait_ready();
    let found = wait_devices(&daemon, 2);
    let named = |found: &[Value], name: &str| found.iter().find(|device| device["name"] == name).cloned();
    let printer = named(&found, "office-printer").unwrap_or_else(|| panic!("{found:#?}\n{}", daemon.log()));
    assert_eq!(
        (printer["model"].as_str(), printer["class"].as_str()),
        (Some("LaserWriter 9000"), Some("printer"))
    );
    assert_eq!(printer["hostname"], "office-printer");
    let files = named(&found, "files").unwrap_or_else(|| panic!("{found:#?}"));
    assert_eq!(
        (files["hostname"].as_str(), files["class"].as_str()),
        (Some("files.test"), Some("nas"))
    );
    let hostname = files["facts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|fact| fact["topic"] == "hostname")
        .unwrap()
        .clone();
    assert_eq!(
        (hostname["source"].as_str(), hostname["confidence"].as_f64()),
        (Some("dns"), Some(0.7))
    );
    // The printer comes back under another made-up hardware address and on another address: proposed, not merged.
    std::mem::drop(responder);
    segment.remove("a");
    segment.add("a", "02:00:00:00:00:1a", &["10.77.0.30"]);
    let _responder = avahi();
    let again = wait_for(Duration::from_secs(40), "the proposal", || {
        scan(&daemon);
        let found = devices(&daemon, "");
        found
            .iter()
            .find(|device| !device["proposed_same_as"].as_array().unwrap().is_empty())
            .cloned()
    });
    assert_eq!(again["proposed_same_as"], json!([printer["id"]]), "{again:#}");
    assert_eq!(patch(&daemon, &again["id"], &json!({"same_as": printer["id"]})), 200);
    wait_until(LIMIT, "one device", || devices(&daemon, "").len() == 2);
    assert_eq!(patch(&daemon, &again["id"], &json!({"same_as": 0})), 200);
    wait_until(LIMIT, "two again", || devices(&daemon, "").len() == 3);
}

/// Starts an agent on the hosts' side that listens on this address.
fn snmpd(segment: &Segment, home: &Home, address: &str, name: &str) -> Helper {
    let config = home.write(
        &format!("{name}.conf"),
        &format!(
            "agentaddress udp:{address}:161\nrocommunity geheim\nsysName {name}\nsysLocation cellar\nsysContact me\n\
             sysDescr RouterOS CCR1009-7G\nsysObjectID 1.3.6.1.4.1.14988.1\n"
        ),
    );
    let mut command = segment.over_there();
    let command = command.args(["snmpd", "-f", "-C", "-Lf", "/dev/null", "-c"]);
    let child = command
        .arg(config)
        .env("SNMP_PERSISTENT_DIR", home.path(&format!("{name}.state")))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(LIMIT, "snmpd answers", || {
        let words = ["-v2c", "-cgeheim", "-t1", "-r0", address, "1.3.6.1.2.1.1.3.0"];
        Command::new("snmpget").args(words).output().unwrap().status.success()
    });
    Helper(child)
}

#[test]
fn snmp_tells_what_found_and_configured_devices_are() {
    let Some(segment) = Segment::new("identification by snmpd") else {
        return;
    };
    if crate::support::binary("snmpd").is_none() || crate::support::binary("snmpget").is_none() {
        return;
    }
    segment.add("a", "02:00:00:00:00:0a", &["10.77.0.10"]);
    segment.add("b", "02:00:00:00:00:0b", &["10.77.0.11"]);
    segment.add("c", "02:00:00:00:00:0c", &["10.77.0.12"]);
    // What arrives at the silent one is counted.
    segment.there(&[
        "sh",
        "-ec",
        "nft add table t; nft add chain t c '{type filter hook input priority 0;}'; \
        nft add rule t c ip daddr 10.77.0.12 udp dport 161 counter drop",
    ]);
    let home = Home::exactly(
        "discovery: {interval: 1h, methods: [arp]}
internet: {checks: []}
identify: {snmp: {credentials: [wrong, right]}}
snmp:
  credentials:
    wrong: {version: 2c, community: x, timeout: 200ms}
    right: {version: 2c, community: geheim, timeout: 500ms}
targets: [{name: edge, address: 10.77.0.11, probes: {snmp: {credentials: right, interval: 1s}}}]
",
    );
    let agent = snmpd(&segment, &home, "10.77.0.10", "Core.example");
    let _configured = snmpd(&segment, &home, "10.77.0.11", "walked");
    let daemon = Daemon::start(&home);
    let found = wait_devices(&daemon, 3);
    let named = |found: &[Value], name: &str| found.iter().find(|device| device["name"] == name).cloned();
    let core = named(&found, "core").unwrap_or_else(|| panic!("{found:#?}\n{}", daemon.log()));
    assert_eq!(
        [&core["hostname"], &core["model"], &core["class"]],
        ["Core.example", "CCR1009-7G", "router"]
    );
    let snmp = &core["snmp"];
    assert_eq!(
        [
            &snmp["name"],
            &snmp["description"],
            &snmp["object_id"],
            &snmp["location"],
            &snmp["contact"]
        ],
        [
            "Core.example",
            "RouterOS CCR1009-7G",
            "1.3.6.1.4.1.14988.1",
            "cellar",
            "me"
        ]
    );
    assert!(snmp["uptime_seconds"].as_f64().unwrap() < 60.0, "{snmp}");
    assert!(
        core["facts"]
            .as_array()
            .unwrap()
            .iter()
            .any(|fact| fact["source"] == "snmp")
    );
    // The configured one was walked, and nobody else asked it.
    let edge = wait_for(LIMIT, "facts of the walk", || {
        named(&devices(&daemon, ""), "edge").filter(|edge| edge["class"] == "router")
    });
    assert_eq!([&edge["hostname"], &edge["snmp"]["name"]], ["walked", "walked"]);
    let info = [("device", "core"), ("hostname", "Core.example"), ("class", "router")];
    daemon.wait_value(LIMIT, "lanpulse_device_info", &info, 1.0);
    // Who was silent is not asked at the next scan.
    let silent = "device-00000c";
    assert!(named(&found, silent).unwrap()["snmp"].is_null());
    let packets = || segment.there(&["nft", "list", "table", "t"]);
    let before = packets();
    assert!(
        before.contains("counter packets 4 "),
        "two attempts with each of two: {before}"
    );
    assert_eq!(scan(&daemon)["state"], "complete");
    assert_eq!(packets(), before);
    // It comes back under another made-up hardware address and on another address: proposed, not merged.
    std::mem::drop(agent);
    segment.remove("a");
    segment.add("a", "02:00:00:00:00:1a", &["10.77.0.30"]);
    let _agent = snmpd(&segment, &home, "10.77.0.30", "Core.example");
    scan(&daemon);
    let again = named(&devices(&daemon, ""), "router-00001a").unwrap();
    assert_eq!(again["proposed_same_as"], json!([core["id"]]), "{again:#}");
    // It is still known after a restart, before anybody was asked.
    std::thread::sleep(Duration::from_millis(2500));
    daemon.kill9();
    home.write("lanpulse.yaml", "discovery: {methods: []}\ninternet: {checks: []}\n");
    let daemon = Daemon::start(&home);
    assert_eq!(
        named(&devices(&daemon, ""), "core").unwrap()["snmp"]["location"],
        "cellar"
    );
}
