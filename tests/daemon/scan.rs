//! `lanpulse scan` on a real wire, from outside.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Lan, loopback};

const BINARY: &str = env!("CARGO_BIN_EXE_lanpulse");

/// 30 hosts answer ARP in 10.77.50.0/27, with the far side's hardware address; the rest of 10.77.48.0/20 but for the
/// lab's own ranges is silence.
fn sparse() -> Option<Lan> {
    let lan = Lan::new("an ARP scan")?;
    lan.peer(&["ip", "route", "add", "local", "10.77.50.0/27", "dev", "lo"]);
    // The far side would also answer ARP for what it can route elsewhere.
    lan.peer(&["sh", "-c", "echo 0 >/proc/sys/net/ipv4/conf/all/proxy_arp"]);
    Some(lan)
}

fn mac_of(text: &str) -> String {
    let mut words = text.split_whitespace();
    words.find(|word| *word == "link/ether").unwrap();
    words.next().unwrap().to_owned()
}

fn scan(arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .arg("scan")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = scan(&[arguments, &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_live_host_with_its_hardware_address() {
    let Some(lan) = sparse() else { return };
    let mac = mac_of(&lan.peer(&["ip", "link", "show", "lp1"]));
    for (network, asked, rate) in [("10.77.50.0/24", 254, "1000"), ("10.77.48.0/20", 4094, "4000")] {
        let found = json(&[network, "--rate", rate]);
        let hosts = found["hosts"].as_array().unwrap();
        let in_range = |n: u8| hosts.iter().find(|host| host["address"] == format!("10.77.50.{n}"));
        for n in 1..31 {
            let host = in_range(n).unwrap_or_else(|| panic!("10.77.50.{n} is missing in {network}"));
            assert_eq!(host["macs"], serde_json::json!([mac]), "{host}");
        }
        assert!(in_range(40).is_none() && in_range(254).is_none());
        let pass = &found["passes"][0];
        assert_eq!(
            (pass["result"].as_str(), pass["method"].as_str()),
            (Some("complete"), Some("arp")),
            "{pass}"
        );
        assert_eq!(
            (pass["asked"].as_u64(), pass["left"].as_u64()),
            (Some(asked), Some(0)),
            "{pass}"
        );
        eprintln!(
            "{network} at {rate}/s: {} hosts in {} s",
            hosts.len(),
            found["duration_seconds"]
        );
    }
}

#[test]
fn tables_csv_and_mistakes() {
    let Some(_lan) = sparse() else { return };
    let table = scan(&["10.77.50.0/28"]);
    let text = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(
        text.starts_with("ADDRESS") && text.contains("10.77.50.14 ") && text.contains("14 addresses in"),
        "{text}"
    );
    let csv = String::from_utf8(scan(&["10.77.50.0/30", "--format", "csv"]).stdout).unwrap();
    assert!(csv.starts_with("address,mac,vendor,methods\r\n10.77.50.1,"), "{csv}");
    for (argument, part) in [
        ("10.77.50.1/24", "did you mean 10.77.50.0/24"),
        ("eth7", "there are: lp0"),
        ("10.0.0.0/8", "too large"),
    ] {
        let output = scan(&[argument]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(part), "{argument}: {said}");
    }
}

#[test]
fn behind_a_router_it_pings() {
    let Some(_lan) = Lan::new("a scan behind a router") else {
        return;
    };
    let found = json(&["10.80.0.0/28"]);
    assert_eq!(found["hosts"].as_array().unwrap().len(), 14, "{found}");
    assert_eq!(found["passes"][0]["method"], "icmp");
}

#[test]
fn a_link_that_goes_down_makes_the_scan_partial() {
    let Some(lan) = sparse() else { return };
    let child = Command::new(BINARY)
        .args(["scan", "10.77.48.0/20", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(700));
    lan.peer(&["ip", "link", "set", "lp1", "down"]);
    let output = child.wait_with_output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["passes"][0]["result"], "partial", "{found}");
    assert!(found["passes"][0]["left"].as_u64().unwrap() > 0, "{found}");
    assert!(!output.status.success());
}

#[test]
fn without_the_privilege_it_says_so_and_uses_the_neighbour_cache() {
    let Some(lan) = sparse() else { return };
    lan.here(&["fping", "-c1", "-t500", "10.77.50.3"]);
    let output = Command::new("setpriv")
        .args([
            "--bounding-set=-net_raw",
            "--inh-caps=-net_raw",
            BINARY,
            "scan",
            "10.77.50.0/28",
            "--format",
            "json",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("CAP_NET_RAW") && said.contains("neighbour cache"),
        "{said}"
    );
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let addresses: Vec<&str> = found["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| h["address"].as_str().unwrap())
        .collect();
    assert_eq!(addresses, ["10.77.50.3"], "{found}");
    // With datagram ICMP allowed it finds them all, and the cache tells their hardware addresses.
    lan.here(&["sh", "-c", "echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range"]);
    let output = Command::new("setpriv")
        .args([
            "--bounding-set=-net_raw",
            "--inh-caps=-net_raw",
            BINARY,
            "scan",
            "10.77.50.0/28",
            "--format",
            "json",
        ])
        .output()
        .unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let hosts = found["hosts"].as_array().unwrap();
    assert_eq!(hosts.len(), 14, "{found}");
    assert!(
        hosts.iter().all(|host| host["macs"].as_array().unwrap().len() == 1),
        "{found}"
    );
}

#[test]
fn a_host_without_networks_says_so() {
    if !loopback("a scan without networks") {
        return;
    }
    let output = scan(&[]);
    assert!(!output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("no network"),
        "{output:?}"
    );
}
