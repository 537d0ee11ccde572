//! What scans find: devices by their hardware address, who is gone, and what is possible without the privilege.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Daemon, Home, Segment, wait_until};

use super::tools::{LIMIT, SCAN, address, devices, finish, patch, scan, start, wait_devices};

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
