//! The inventory as its users see it: the list, service discovery for Prometheus, events, the command line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Daemon, Home, Segment, Server, wait_until};

use super::tools::{LIMIT, SCAN, address, devices, patch, scan, wait_devices};

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
