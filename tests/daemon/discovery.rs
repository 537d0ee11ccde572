//! Discovery and inventory in a running daemon, on a segment of real hosts with chosen hardware addresses.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Daemon, Home, Segment, Server, wait_for, wait_until};

const SCAN: &str = "discovery: {interval: 1h, methods: [arp, icmp, neighbours], offline_after: {default: 1}}
internet: {checks: []}
global: {interval: 200ms, timeout: 500ms}
";
const LIMIT: Duration = Duration::from_secs(20);

fn devices(daemon: &Daemon, query: &str) -> Vec<Value> {
    daemon.get(&format!("/api/v1/devices?sort=id{query}")).json()["devices"]
        .as_array()
        .unwrap()
        .clone()
}

/// Waits until there are so many devices.
fn wait_devices(daemon: &Daemon, count: usize) -> Vec<Value> {
    wait_until(LIMIT, &format!("{count} devices"), || {
        devices(daemon, "").len() == count
    });
    devices(daemon, "")
}

fn address(device: &Value) -> String {
    let all = device["addresses"].as_array().unwrap();
    let current: Vec<&str> = all
        .iter()
        .filter(|seen| seen["current"] == true)
        .map(|seen| seen["address"].as_str().unwrap())
        .collect();
    current.join(" ")
}

/// Scans now, and waits for its end.
fn scan(daemon: &Daemon) -> Value {
    let id = start(daemon);
    finish(daemon, id)
}

fn start(daemon: &Daemon) -> u64 {
    wait_for(LIMIT, "a scan may start", || {
        let reply = daemon.post("/api/v1/discovery/scan");
        (reply.status == 202).then(|| reply.json()["id"].as_u64().unwrap())
    })
}

fn finish(daemon: &Daemon, id: u64) -> Value {
    wait_for(LIMIT, "the end of a scan", || {
        let scan = daemon.get(&format!("/api/v1/discovery/scans/{id}")).json();
        (scan["state"] != "running").then_some(scan)
    })
}

fn patch(daemon: &Daemon, id: &Value, change: &Value) -> u16 {
    let request = daemon.request("PATCH", &format!("/api/v1/devices/{id}"));
    request
        .header("Content-Type", "application/json")
        .body(change.to_string())
        .send()
        .status
}

#[test]
fn devices_are_known_again_by_their_hardware_address() {
    let Some(segment) = Segment::new("discovery with hosts of chosen addresses") else {
        return;
    };
    segment.add("a", "00:11:32:00:00:0a", &["10.77.0.10"]);
    segment.add("b", "02:00:00:00:00:0b", &["10.77.0.11", "10.77.0.12"]);
    segment.add("vip", "00:00:5e:00:01:07", &["10.77.0.250"]);
    segment.here(&["ip", "route", "add", "default", "via", "10.77.0.11"]);
    let home = Home::exactly(SCAN);
    let daemon = Daemon::start(&home);
    let found = wait_devices(&daemon, 3);
    let by = |found: &[Value], address_wanted: &str| {
        found
            .iter()
            .find(|device| address(device).split(' ').any(|a| a == address_wanted))
            .cloned()
            .unwrap()
    };
    let (a, b) = (by(&found, "10.77.0.10"), by(&found, "10.77.0.11"));
    assert_eq!(
        (a["name"].as_str(), a["status"].as_str()),
        (Some("synology-00000a"), Some("new"))
    );
    assert!(
        a["vendor"].as_str().unwrap().starts_with("Synology") && a["class"] == "nas",
        "{a}"
    );
    assert_eq!(
        address(&b),
        "10.77.0.11 10.77.0.12",
        "two addresses on one hardware address are one device"
    );
    assert_eq!(
        (b["name"].as_str(), b["vendor"].as_str()),
        (Some("device-00000b"), None),
        "made up: no maker"
    );
    assert_eq!(
        by(&found, "10.77.0.250")["macs"],
        json!([]),
        "a virtual router address identifies nobody"
    );
    // A person approves and names one; it is watched from the first.
    let (ida, idb) = (&a["id"], &b["id"]);
    let change = json!({"status": "approved", "name": "nas", "notes": "in the cellar", "labels": {"floor": "0"}});
    assert_eq!(patch(&daemon, ida, &change), 200);
    assert_eq!(patch(&daemon, idb, &json!({"name": "nas"})), 409);
    assert_eq!(patch(&daemon, idb, &json!({"colour": 1})), 400);
    daemon.wait_value(LIMIT, "lanpulse_device_up", &[("device", "nas")], 1.0);
    let metrics = daemon.metrics();
    assert_eq!(
        metrics.value("lanpulse_device_authorized", &[("device", "nas")]),
        Some(1.0)
    );
    assert_eq!(
        metrics.value("lanpulse_device_authorized", &[("device", "device-00000b")]),
        Some(0.0)
    );
    let info = [
        ("device", "nas"),
        ("mac", "00:11:32:00:00:0a"),
        ("class", "nas"),
        ("source", "discovery"),
        ("floor", "0"),
    ];
    assert_eq!(metrics.value("lanpulse_device_info", &info), Some(1.0));
    let of_gateway = [("device", "device-00000b"), ("role", "gateway")];
    assert_eq!(metrics.value("lanpulse_device_info", &of_gateway), Some(1.0));
    let behind = [("device", "nas"), ("gateway", "10.77.0.11")];
    assert_eq!(metrics.value("lanpulse_device_info", &behind), Some(1.0));
    // The same hardware address on a new address is the same device; another one on the old address is another.
    segment.take("a", "10.77.0.10");
    segment.give("a", "10.77.0.20");
    segment.add("c", "00:11:32:00:00:0c", &["10.77.0.10"]);
    assert_eq!(scan(&daemon)["state"], "complete");
    let found = wait_devices(&daemon, 4);
    let page = daemon.get("/").text();
    assert!(
        page.contains("4 devices known</a>, ") && page.contains("last complete scan "),
        "{page}"
    );
    assert_eq!(
        (&by(&found, "10.77.0.20")["id"], &by(&found, "10.77.0.20")["name"]),
        (ida, &json!("nas"))
    );
    assert_ne!(&by(&found, "10.77.0.10")["id"], ida);
    daemon.wait_value(LIMIT, "lanpulse_discovery_events_total", &[("event", "new")], 4.0);
    assert_eq!(
        daemon.value("lanpulse_discovery_events_total", &[("event", "address_changed")]),
        Some(1.0)
    );
    assert_eq!(
        daemon.value("lanpulse_discovery_events_total", &[("event", "mac_changed")]),
        Some(1.0)
    );
    let audit = |query: &str| daemon.get(&format!("/api/v1/audit{query}"));
    let rows = audit("").json();
    assert_eq!(
        rows["audit"].as_array().unwrap().len(),
        1,
        "refused changes are none: {rows}"
    );
    let row = &rows["audit"][0];
    assert_eq!((&row["device"], &row["change"]), (ida, &change));
    assert!(
        row["by"] == "loopback from 127.0.0.1" && row["at"].is_string() && rows["next"].is_null(),
        "{rows}"
    );
    assert_eq!(patch(&daemon, ida, &json!({"notes": "in the attic"})), 200);
    let newest = audit("?limit=1").json();
    assert_eq!(newest["audit"][0]["change"], json!({"notes": "in the attic"}));
    assert_eq!(audit(&format!("?before={}", newest["next"])).json(), rows);
    assert_eq!(audit(&format!("?device={idb}")).json()["audit"], json!([]));
    assert_eq!((audit("?device=x").status, audit("?colour=1").status), (400, 400));
    let elsewhere = daemon
        .request("GET", "/api/v1/audit")
        .header("Host", "lanpulse.example")
        .send();
    assert_eq!(elsewhere.status, 403, "the audit is for who may write");
    let before = devices(&daemon, "");
    // All of it survives a kill, and nobody is new afterwards.
    std::thread::sleep(Duration::from_millis(2500));
    daemon.kill9();
    let daemon = Daemon::start(&home);
    let after = devices(&daemon, "");
    let essence = |all: &[Value]| -> Vec<Value> {
        all.iter()
            .map(|d| {
                json!([
                    d["id"],
                    d["name"],
                    d["status"],
                    d["notes"],
                    d["labels"],
                    address(d),
                    d["macs"][0]["mac"],
                    d["first_seen"]
                ])
            })
            .collect()
    };
    assert_eq!(essence(&after), essence(&before));
    scan(&daemon);
    assert_eq!(devices(&daemon, "").len(), 4);
    assert_eq!(
        daemon.value("lanpulse_discovery_events_total", &[("event", "new")]),
        Some(0.0)
    );
    assert_eq!(
        daemon.value(
            "lanpulse_inventory_devices",
            &[("status", "approved"), ("online", "true")]
        ),
        Some(1.0)
    );
    assert_eq!(
        daemon.value("lanpulse_inventory_devices", &[("status", "new"), ("online", "true")]),
        Some(3.0)
    );
    assert_eq!(daemon.stop().0, Some(0));
}

#[test]
fn an_interface_that_goes_down_marks_nobody_offline_and_a_complete_scan_does() {
    let Some(segment) = Segment::new("a scan that is cut short") else {
        return;
    };
    segment.crowd(10..14);
    // Slow, so that there is time within a scan; no pings, which would be evidence too.
    let home = Home::exactly(
        "discovery: {interval: 1h, methods: [arp], offline_after: {default: 1}, monitor: none, arp: {rate: 150}}
internet: {checks: []}
",
    );
    let daemon = Daemon::start(&home);
    wait_devices(&daemon, 4);
    let id = start(&daemon);
    assert_eq!(
        daemon.post("/api/v1/discovery/scan").status,
        409,
        "one scan of a network at a time"
    );
    std::thread::sleep(Duration::from_millis(300));
    segment.there(&["ip", "link", "set", "lp1", "down"]);
    let scan_of = finish(&daemon, id);
    assert_eq!(scan_of["state"], "partial", "{scan_of}");
    assert!(
        scan_of["passes"][0]["reason"].as_str().unwrap().contains("lp0"),
        "{scan_of}"
    );
    assert_eq!(devices(&daemon, "&online=true").len(), 4);
    segment.there(&["ip", "link", "set", "lp1", "up"]);
    segment.remove("h10");
    wait_until(LIMIT, "the one that is gone is offline", || {
        scan(&daemon);
        devices(&daemon, "&online=false").len() == 1
    });
    assert_eq!(address(&devices(&daemon, "&online=false")[0]), "10.77.0.10");
    assert_eq!(
        daemon.value("lanpulse_discovery_events_total", &[("event", "gone")]),
        Some(1.0)
    );
    let partial = [("network", "10.77.0.0/24"), ("method", "arp"), ("result", "partial")];
    assert!(daemon.value("lanpulse_discovery_scans_total", &partial).unwrap() >= 1.0);
    segment.add("h10", "00:11:32:00:00:10", &["10.77.0.99"]);
    scan(&daemon);
    wait_until(LIMIT, "it is back", || devices(&daemon, "&online=true").len() == 4);
    assert_eq!(
        daemon.value("lanpulse_discovery_events_total", &[("event", "back")]),
        Some(1.0)
    );
}

#[test]
fn the_list_is_filtered_sorted_paged_and_csv() {
    let Some(segment) = Segment::new("the inventory's list") else {
        return;
    };
    segment.crowd(10..16);
    let home = Home::exactly(SCAN);
    let daemon = Daemon::start(&home);
    let all = wait_devices(&daemon, 6);
    assert_eq!(
        patch(
            &daemon,
            &all[0]["id"],
            &json!({"status": "ignored", "notes": "=cmd, \"x\""})
        ),
        200
    );
    let page = daemon.get("/api/v1/devices?sort=-address&limit=2").json();
    assert_eq!((page["total"].as_u64(), page["next"].as_u64()), (Some(6), Some(2)));
    assert_eq!(address(&page["devices"][0]), "10.77.0.15");
    let page = daemon.get("/api/v1/devices?sort=-address&limit=2&offset=4").json();
    assert_eq!(
        (address(&page["devices"][1]), page["next"].is_null()),
        ("10.77.0.10".into(), true)
    );
    assert_eq!(devices(&daemon, "&status=ignored").len(), 1);
    assert_eq!(devices(&daemon, "&q=10.77.0.12").len(), 1);
    assert_eq!(devices(&daemon, "&class=printer").len(), 0);
    for query in ["?status=x", "?colour=1", "?limit=0", "?sort=x"] {
        let reply = daemon.get(&format!("/api/v1/devices{query}"));
        assert_eq!(
            (reply.status, reply.error().0.as_str()),
            (400, "bad_request"),
            "{query}"
        );
    }
    let csv = daemon.get("/api/v1/devices?format=csv&status=ignored");
    assert!(csv.header("content-type").unwrap().starts_with("text/csv"));
    assert!(csv.text().contains(",\"'=cmd, \"\"x\"\"\"\r\n"), "{}", csv.text());
    assert_eq!(daemon.get("/api/v1/devices/99999").status, 404);
    // A page of another site cannot change anything.
    let request = daemon.request("PATCH", &format!("/api/v1/devices/{}", all[1]["id"]));
    let reply = request
        .header("Origin", "http://evil.example")
        .header("Content-Type", "application/json")
        .body("{}")
        .send();
    assert_eq!(reply.status, 403);
    wait_until(LIMIT, "an ignored device is not watched", || {
        daemon.metrics().of_device(all[0]["name"].as_str().unwrap()).is_empty()
    });
}

#[test]
fn prometheus_discovers_its_targets_here() {
    let Some(segment) = Segment::new("http_sd") else { return };
    segment.add("a", "00:11:32:00:00:0a", &["10.77.0.10"]);
    segment.add("b", "00:11:32:00:00:0b", &["10.77.0.11"]);
    let home = Home::exactly(&format!(
        "{SCAN}targets: [{{name: self, address: 127.0.0.1, role: gateway}}]\n"
    ));
    let daemon = Daemon::start(&home);
    let found = wait_devices(&daemon, 2);
    let names = |path: &str| -> Vec<String> {
        let all = daemon.get(path).json();
        all.as_array()
            .unwrap()
            .iter()
            .map(|group| group["targets"][0].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names("/sd?port=10526"),
        ["127.0.0.1:10526"],
        "strangers are not scraped"
    );
    assert_eq!(names("/sd?status=blocked"), [""; 0]);
    assert_eq!(names("/sd?status=new").len(), 2);
    assert_eq!(daemon.get("/sd?port=x").status, 400);
    assert_eq!(patch(&daemon, &found[0]["id"], &json!({"status": "approved"})), 200);
    wait_until(LIMIT, "the approved one is listed", || {
        names("/sd?port=9100").contains(&"10.77.0.10:9100".to_owned())
    });
    let config = "global: {scrape_interval: 1s}
scrape_configs:
  - job_name: found
    http_sd_configs: [{url: 'http://127.0.0.1:10526/sd?port=10526&role=gateway', refresh_interval: 1s}]
    relabel_configs: [{source_labels: [__meta_lanpulse_device], target_label: device_name}]
";
    let Some(prometheus) = Server::prometheus(config) else {
        return;
    };
    wait_until(LIMIT, "Prometheus scrapes what it found", || {
        prometheus.query("up{job=\"found\", device_name=\"self\"} == 1").len() == 1
    });
}

#[test]
fn events_are_told_and_resumed() {
    let Some(segment) = Segment::new("events") else { return };
    segment.add("a", "00:11:32:00:00:0a", &["10.77.0.10"]);
    let home = Home::exactly(SCAN);
    let daemon = Daemon::start(&home);
    wait_devices(&daemon, 1);
    let read = |after: &str, until: &str| -> Vec<String> {
        let mut stream = TcpStream::connect(daemon.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        write!(stream, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n{after}\r\n").unwrap();
        let mut lines = Vec::new();
        for line in BufReader::new(stream).lines() {
            let line = line.unwrap();
            let done = line.contains(until);
            lines.push(line);
            if done {
                break;
            }
        }
        lines
    };
    let all = read("Last-Event-ID: 0\r\n", "event: scan");
    assert!(
        all.iter()
            .any(|line| line == "Content-Type: text/event-stream" || line == "content-type: text/event-stream"),
        "{all:?}"
    );
    assert!(
        all.contains(&"event: hello".to_owned()) && all.contains(&"event: device_discovered".to_owned()),
        "{all:?}"
    );
    let data = all
        .iter()
        .find(|line| line.starts_with("data: ") && line.contains("synology-00000a"))
        .unwrap();
    assert!(
        serde_json::from_str::<Value>(&data[6..]).unwrap()["mac"] == "00:11:32:00:00:0a",
        "{data}"
    );
    // Without an id only what comes from now on.
    let listener = std::thread::scope(|scope| {
        let listening = scope.spawn(|| read("", "event: device_discovered"));
        std::thread::sleep(Duration::from_millis(500));
        segment.add("b", "00:11:32:00:00:0b", &["10.77.0.11"]);
        scan(&daemon);
        listening.join().unwrap()
    });
    assert_eq!(
        listener
            .iter()
            .filter(|line| *line == "event: device_discovered")
            .count(),
        1,
        "{listener:?}"
    );
    let (code, took) = daemon.stop();
    assert!(code == Some(0) && took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn the_command_line_speaks_of_the_inventory() {
    let Some(segment) = Segment::new("lanpulse devices") else {
        return;
    };
    segment.add("a", "00:11:32:00:00:0a", &["10.77.0.10"]);
    segment.add("b", "00:11:32:00:00:0b", &["10.77.0.11"]);
    let home = Home::exactly(SCAN);
    let daemon = Daemon::start(&home);
    wait_devices(&daemon, 2);
    let cli = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_lanpulse"))
            .arg("devices")
            .args(words)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    };
    assert!(cli(&["list"]).1.contains("synology-00000a"), "{}", cli(&["list"]).1);
    assert_eq!(
        cli(&["approve", "synology-00000a", "nobody"]),
        (false, "lanpulse: there is no device \"nobody\"\n".into())
    );
    assert_eq!(devices(&daemon, "&status=approved").len(), 0, "all or none");
    assert_eq!(
        cli(&["approve", "synology-00000a"]),
        (true, "synology-00000a: approved\n".into())
    );
    assert_eq!(
        cli(&["rename", "synology-00000a", "nas"]),
        (true, "nas: approved\n".into())
    );
    assert_eq!(cli(&["block", "2"]), (true, "synology-00000b: blocked\n".into()));
    assert!(cli(&["ignore", "2"]).0);
    assert!(cli(&["list", "--status", "approved"]).1.lines().count() == 2);
    assert!(cli(&["show", "nas"]).1.contains("\"00:11:32:00:00:0a\""));
    assert!(cli(&["export"]).1.starts_with("id,name,status") && cli(&["export", "--format", "json"]).0);
    let taken = cli(&["rename", "nas", "synology-00000b"]);
    assert!(!taken.0 && taken.1.contains("is taken"), "{taken:?}");
}

/// A server that a test needs, on the hosts' side. Killed when dropped.
struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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

#[test]
fn without_the_privilege_it_finds_what_the_kernel_knows() {
    let Some(segment) = Segment::new("discovery without CAP_NET_RAW") else {
        return;
    };
    segment.add("a", "00:11:32:00:00:0a", &["10.77.0.10"]);
    segment.add("b", "00:11:32:00:00:0b", &["10.77.0.11"]);
    segment.here(&["sh", "-c", "fping -c1 -t500 10.77.0.10"]);
    let home = Home::exactly(SCAN);
    let drop = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"];
    let mut daemon = Daemon::spawn_by(&drop, &home, &home.config(), &[]);
    daemon.wait_ready();
    let found = wait_devices(&daemon, 1);
    assert_eq!(
        (found[0]["macs"][0]["mac"].as_str(), address(&found[0])),
        (Some("00:11:32:00:00:0a"), "10.77.0.10".into())
    );
    let log = daemon.log();
    assert!(
        log.contains("give lanpulse CAP_NET_RAW") && log.contains("neighbour cache"),
        "{log}"
    );
    segment.here(&["sh", "-c", "echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range"]);
    scan(&daemon);
    let found = wait_devices(&daemon, 2);
    assert_eq!(
        found[1]["macs"][0]["mac"], "00:11:32:00:00:0b",
        "datagram ICMP found it, the cache knows it"
    );
}
