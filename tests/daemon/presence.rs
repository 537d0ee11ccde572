//! Who is there and who is who, where networks are odd and hosts are hostile: duplicates, proxy ARP, a kill in mid-scan.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Daemon, Home, Segment, wait_for, wait_until};

const LIMIT: Duration = Duration::from_secs(20);
/// Pings would be evidence too.
const CONFIG: &str = "discovery: {interval: 1h, methods: [arp, neighbours], monitor: none, offline_after: {default: 1}}
internet: {checks: []}
";

fn devices(daemon: &Daemon) -> Vec<Value> {
    let all = daemon.get("/api/v1/devices?sort=id").json();
    all["devices"].as_array().unwrap().clone()
}

fn order(daemon: &Daemon, order: &Value) -> crate::support::Reply {
    let request = daemon.request("POST", "/api/v1/discovery/scan");
    request
        .header("Content-Type", "application/json")
        .body(order.to_string())
        .send()
}

/// Scans as ordered, and waits for its end.
fn scan(daemon: &Daemon, what: &Value) -> Value {
    let id = wait_for(LIMIT, "a scan may start", || {
        let reply = order(daemon, what);
        (reply.status == 202).then(|| reply.json()["id"].clone())
    });
    wait_for(LIMIT, "the end of a scan", || {
        let scan = daemon.get(&format!("/api/v1/discovery/scans/{id}")).json();
        (scan["state"] != "running").then_some(scan)
    })
}

/// The addresses that are a device's now, by its hardware address.
fn current(daemon: &Daemon, mac: &str) -> Vec<String> {
    let all = devices(daemon);
    let device = all.iter().find(|device| device["macs"][0]["mac"] == mac).unwrap();
    let addresses = device["addresses"].as_array().unwrap().iter();
    let mut now: Vec<String> = addresses
        .filter(|seen| seen["current"] == true)
        .map(|seen| seen["address"].as_str().unwrap().to_owned())
        .collect();
    now.sort();
    now
}

fn events(daemon: &Daemon, event: &str) -> f64 {
    daemon
        .value("lanpulse_discovery_events_total", &[("event", event)])
        .unwrap()
}

#[test]
fn duplicates_and_routers_that_answer_for_all_do_not_confuse_it() {
    let Some(segment) = Segment::new("duplicate addresses and proxy ARP") else {
        return;
    };
    segment.add("a", "02:00:00:00:00:0a", &["10.77.0.10"]);
    segment.add("b", "02:00:00:00:00:0b", &["10.77.0.11"]);
    segment.add("r", "02:00:00:00:00:0f", &["10.77.0.254"]);
    let home = Home::exactly(CONFIG);
    let daemon = Daemon::start(&home);
    wait_until(LIMIT, "three devices", || devices(&daemon).len() == 3);
    // Another host with the address of a, and a router that answers for 10.77.0.8/29, owners or not.
    segment.add("c", "02:00:00:00:00:0c", &["10.77.0.10"]);
    segment.there(&[
        "sh",
        "-ec",
        "echo 1 >/proc/sys/net/ipv4/conf/r/proxy_arp_pvlan; echo 0 >/proc/sys/net/ipv4/neigh/r/proxy_delay",
    ]);
    for last in 8..16 {
        segment.there(&["ip", "neigh", "add", "proxy", &format!("10.77.0.{last}"), "dev", "r"]);
    }
    segment.there(&["sh", "-ec", "echo 1 >/proc/sys/net/ipv4/conf/r/forwarding"]);
    for _ in 0..3 {
        assert_eq!(scan(&daemon, &json!({}))["state"], "complete");
    }
    assert_eq!(devices(&daemon).len(), 4, "{:#?}", devices(&daemon));
    assert_eq!(current(&daemon, "02:00:00:00:00:0a"), ["10.77.0.10"]);
    assert_eq!(current(&daemon, "02:00:00:00:00:0b"), ["10.77.0.11"]);
    assert!(
        current(&daemon, "02:00:00:00:00:0f").contains(&"10.77.0.13".to_owned()),
        "proxy ARP"
    );
    let (new, changed) = (events(&daemon, "new"), events(&daemon, "mac_changed"));
    assert_eq!(scan(&daemon, &json!({}))["state"], "complete");
    assert_eq!((events(&daemon, "new"), events(&daemon, "mac_changed")), (new, changed));
    assert!(changed < 1.5, "{changed}");
    // b goes, and the router answers for its address: b is gone all the same.
    segment.remove("b");
    scan(&daemon, &json!({}));
    let b = devices(&daemon)
        .into_iter()
        .find(|device| device["macs"][0]["mac"] == "02:00:00:00:00:0b");
    assert_eq!(b.unwrap()["online"], false);
}

#[test]
fn a_kill_in_mid_scan_makes_nobody_new_or_gone() {
    let Some(segment) = Segment::new("kill -9 while a scan runs") else {
        return;
    };
    segment.crowd(10..16);
    let home = Home::exactly(&CONFIG.replace("monitor", "arp: {rate: 200}, monitor"));
    let mut daemon = Daemon::start(&home);
    wait_until(LIMIT, "six devices", || devices(&daemon).len() == 6);
    // What is known must be on disk: the store commits every two seconds.
    std::thread::sleep(Duration::from_millis(2500));
    let before = devices(&daemon);
    for round in 0..3 {
        // The restarted daemon scans by itself; its progress can be seen.
        let id = wait_for(LIMIT, "a scan may start", || {
            let reply = order(&daemon, &json!({}));
            match reply.status {
                202 => Some(reply.json()["id"].clone()),
                _ => None,
            }
        });
        let path = format!("/api/v1/discovery/scans/{id}");
        let progress = wait_for(LIMIT, "progress", || {
            let scan = daemon.get(&path).json();
            (scan["asked"].as_u64().unwrap() > 20 + 40 * round).then_some(scan)
        });
        assert_eq!(progress["state"], "running", "{progress}");
        assert!(progress["left"].as_u64().unwrap() > 0, "{progress}");
        daemon.kill9();
        daemon = Daemon::start(&home);
        let after = devices(&daemon);
        let essence = |all: &[Value]| -> Vec<Value> {
            let one = |device: &Value| json!([device["id"], device["name"], device["online"], device["first_seen"]]);
            all.iter().map(one).collect()
        };
        assert_eq!(essence(&after), essence(&before));
    }
    assert_eq!(scan(&daemon, &json!({}))["state"], "complete");
    for event in ["new", "gone", "back"] {
        assert!(events(&daemon, event) < 0.5, "{event}");
    }
    assert_eq!(devices(&daemon).len(), 6);
}

#[test]
fn scans_by_order_are_of_what_was_named() {
    let Some(segment) = Segment::new("scans by order") else {
        return;
    };
    segment.add("a", "02:00:00:00:00:0a", &["10.77.0.10"]);
    // The other end of a /31, a second network and a part of the first on the same interface; an interface left alone.
    segment.add("p", "02:00:00:00:00:31", &[]);
    segment.there(&["ip", "address", "add", "10.77.4.0/31", "dev", "p"]);
    segment.add("s", "02:00:00:00:00:32", &[]);
    segment.there(&["ip", "address", "add", "192.168.9.7/24", "dev", "s"]);
    for address in ["10.77.4.1/31", "192.168.9.1/24", "10.77.0.2/25"] {
        segment.here(&["ip", "address", "add", address, "dev", "lp0"]);
    }
    segment.here(&["ip", "link", "add", "veth9", "type", "veth", "peer", "name", "far9"]);
    segment.here(&["ip", "address", "add", "10.99.0.1/30", "dev", "veth9"]);
    for end in ["veth9", "far9"] {
        segment.here(&["ip", "link", "set", end, "up"]);
    }
    let home = Home::exactly(CONFIG);
    let daemon = Daemon::start(&home);
    wait_until(LIMIT, "three devices", || devices(&daemon).len() == 3);
    let networks = |scan: &Value| -> Vec<String> {
        let sweeps = scan["passes"].as_array().unwrap().iter();
        sweeps
            .filter(|pass| pass["method"] != "neighbours")
            .map(|pass| {
                format!(
                    "{} {}",
                    pass["network"].as_str().unwrap(),
                    pass["method"].as_str().unwrap()
                )
            })
            .collect()
    };
    let mut all = networks(&scan(&daemon, &json!({})));
    all.sort();
    assert_eq!(all, ["10.77.0.0/24 arp", "10.77.4.0/31 arp", "192.168.9.0/24 arp"]);
    // One that is left alone otherwise, by its name; a part of a network; by pings, which miss nobody who was not pinged.
    let named = scan(&daemon, &json!({"interfaces": ["veth9"]}));
    assert_eq!(networks(&named), ["10.99.0.0/30 arp"]);
    let part = scan(&daemon, &json!({"networks": ["10.77.0.8/29"], "methods": ["icmp"]}));
    assert_eq!(networks(&part), ["10.77.0.8/29 icmp"]);
    let nobody = scan(&daemon, &json!({"networks": ["10.78.0.0/29"]}));
    assert_eq!(nobody["state"], "failed", "{nobody}");
    assert!(
        nobody["passes"][0]["reason"].as_str().unwrap().contains("only icmp"),
        "{nobody}"
    );
    let off_link = scan(
        &daemon,
        &json!({"networks": ["10.78.0.0/29"], "methods": ["arp", "icmp"], "timeout": "3s"}),
    );
    assert_eq!(networks(&off_link), ["10.78.0.0/29 icmp"], "{off_link}");
    let short = scan(&daemon, &json!({"networks": ["10.77.0.0/16"], "timeout": "500ms"}));
    assert_eq!(short["state"], "partial", "{short}");
    assert!(short["left"].as_u64().unwrap() > 0, "{short}");
    segment.there(&["ip", "link", "set", "dev", "a", "down"]);
    scan(&daemon, &json!({"networks": ["10.77.0.0/24"], "methods": ["icmp"]}));
    assert!(devices(&daemon).iter().all(|device| device["online"] == true));
    for (what, part) in [
        (json!({"networks": ["10.0.0.0/8"]}), "/16 at most"),
        (json!({"networks": ["10.77.0.1/24"]}), "did you mean"),
        (json!({"networks": []}), "networks is empty"),
        (json!({"methods": []}), "methods is empty"),
        (json!({"methods": ["nmap"]}), "nmap"),
        (json!({"interfaces": ["eth7"]}), "eth7: no such interface"),
        (json!({"timeout": "soon"}), "duration"),
        (json!({"colour": 1}), "colour"),
    ] {
        let reply = order(&daemon, &what);
        let (code, message) = reply.error();
        assert!(
            reply.status == 400 && code == "bad_request" && message.contains(part),
            "{what}: {} {message}",
            reply.status
        );
    }
}

#[test]
fn who_has_only_ipv6_is_found_and_missed_too() {
    let Some(segment) = Segment::new("hosts without IPv4") else {
        return;
    };
    segment.add("six", "00:11:32:00:00:66", &[]);
    segment.there(&["sh", "-ec", "echo 0 >/proc/sys/net/ipv6/conf/six/disable_ipv6"]);
    // The kernel believes for half a minute what it has heard.
    segment.here(&[
        "sh",
        "-ec",
        "echo 1000 >/proc/sys/net/ipv6/neigh/lp0/base_reachable_time_ms",
    ]);
    // It knows us already, as routers do, and does not ask for our hardware address.
    let own = wait_for(LIMIT, "an address of our own", || {
        let shown = segment.here(&["ip", "-6", "-o", "address", "show", "dev", "lp0", "scope", "link"]);
        let ready = !shown.is_empty() && !shown.contains("tentative");
        let mut words = shown.split_whitespace().skip_while(|word| *word != "inet6");
        words
            .nth(1)
            .filter(|_| ready)
            .map(|word| word.split('/').next().unwrap().to_owned())
    });
    let link = segment.here(&["ip", "-o", "link", "show", "lp0"]);
    let mac = link
        .split_whitespace()
        .skip_while(|word| *word != "link/ether")
        .nth(1)
        .unwrap();
    segment.there(&[
        "ip",
        "-6",
        "neigh",
        "replace",
        &own,
        "lladdr",
        mac,
        "dev",
        "six",
        "nud",
        "permanent",
    ]);
    let home = Home::exactly(&CONFIG.replace("[arp, neighbours]", "[arp, ipv6, neighbours]"));
    let daemon = Daemon::start(&home);
    let found = wait_for(LIMIT, "the device", || {
        scan(&daemon, &json!({}));
        devices(&daemon).first().cloned()
    });
    assert_eq!(found["macs"][0]["mac"], "00:11:32:00:00:66", "{found}");
    let address = found["addresses"][0]["address"].as_str().unwrap();
    assert!(address.starts_with("fe80::") && found["online"] == true, "{found}");
    segment.remove("six");
    wait_until(LIMIT, "it is gone", || {
        scan(&daemon, &json!({}));
        devices(&daemon)[0]["online"] == false
    });
}
