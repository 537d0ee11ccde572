//! Is the internet up, and whose fault is it? Everything on the way fails in turn, in a LAN with a gateway, a DNS
//! server and an internet behind them.

use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Daemon, Home, Lan, dnsmasq, now, programs, wait_until};

const PATIENCE: Duration = Duration::from_secs(20);
const INTERNET: [&str; 3] = ["10.80.0.1", "10.80.0.2", "10.80.0.3"];

const CONFIG: &str = "
discovery: {methods: []}
global: {interval: 400ms, timeout: 1s, down_after: 3}
internet:
  interval: 400ms
  quorum: 2
  checks:
    - {name: far, icmp: {address: 10.80.0.1}}
    - {name: resolver, dns: {server: 10.80.0.2, query: nas.test}}
    - {name: web, http: {url: \"http://web.test/\", expect: {status: [200]}}}
targets:
  - {name: neighbour, address: 10.77.60.1}
  - {name: service, address: 10.77.60.2, probes: {tcp: {port: 80}}}
  - {name: self, address: 127.0.0.1}
";

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn fault(daemon: &Daemon) -> Option<String> {
    let metrics = daemon.metrics();
    let all = metrics.all("lanpulse_internet_fault", &[]);
    let mut on = all.iter().filter(|sample| sample.value > 0.5);
    let fault = on.next().map(|sample| sample.labels["fault"].clone());
    assert!(all.len() == 5 && on.next().is_none(), "{all:?}");
    fault
}

fn wait_state(daemon: &Daemon, up: f64, expected: &str) {
    wait_until(
        PATIENCE,
        &format!("internet_up {up}, fault {expected}\n{}", daemon.log()),
        || daemon.value("lanpulse_internet_up", &[]) == Some(up) && fault(daemon).as_deref() == Some(expected),
    );
}

/// Waits until each of these checks has failed so often that one success does not meet an unfinished count.
fn wait_failing(daemon: &Daemon, checks: &[&str]) {
    let failures = |check: &&str| -> f64 {
        let metrics = daemon.metrics();
        let all = metrics.all(
            "lanpulse_probe_failures_total",
            &[("device", "internet"), ("probe", check)],
        );
        all.iter().map(|sample| sample.value).sum()
    };
    let before: Vec<f64> = checks.iter().map(failures).collect();
    wait_until(PATIENCE, "more failures", || {
        checks
            .iter()
            .map(failures)
            .zip(&before)
            .all(|(now, before)| now >= before + 3.0)
    });
}

fn outages(daemon: &Daemon) -> Vec<Value> {
    let body = daemon.get("/api/v1/outages").json();
    body["outages"].as_array().unwrap().clone()
}

fn seconds(value: &Value) -> f64 {
    let text = value.as_str().unwrap();
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond() as f64 / 1e6
}

/// Starts the daemon with this host's resolver pointed at the gateway.
fn start(home: &Home) -> Daemon {
    let resolver = home.write("resolv.conf", "nameserver 10.77.0.2\noptions timeout:1 attempts:1\n");
    let mount = format!(
        "mount --bind {} /etc/resolv.conf && exec \"$0\" \"$@\"",
        resolver.display()
    );
    let mut daemon = Daemon::spawn_by(&["unshare", "-m", "sh", "-c", &mount], home, &home.config(), &[]);
    daemon.wait_ready();
    daemon
}

#[test]
fn each_failure_has_its_fault_and_its_outage() {
    let Some(lan) = Lan::new("the internet") else { return };
    if !programs(&["dnsmasq", "python3"]) {
        return;
    }
    lan.here(&["ip", "route", "add", "default", "via", "10.77.0.2"]);
    let home = Home::exactly(CONFIG);
    let names = ["--address=/web.test/10.80.0.3"];
    let pid_file = home.path("dnsmasq.pid");
    let mut dns = Killed(dnsmasq(&pid_file, &names, Some(&lan)));
    home.write("www/index.html", "hello");
    let mut web = lan.peer_command("python3");
    web.args(["-m", "http.server", "80", "--directory"])
        .arg(home.path("www"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _web = Killed(web.spawn().unwrap());
    wait_until(PATIENCE, "the web server", || {
        std::net::TcpStream::connect("10.80.0.3:80").is_ok()
    });
    let mut daemon = start(&home);
    wait_state(&daemon, 1.0, "none");
    assert!(outages(&daemon).is_empty());
    for device in ["neighbour", "service", "self"] {
        daemon.wait_value(PATIENCE, "lanpulse_device_up", &[("device", device)], 1.0);
    }

    // quorum: one of three may fail
    lan.kill_host(INTERNET[0]);
    let far = [("device", "internet"), ("probe", "far"), ("kind", "icmp")];
    daemon.wait_value(PATIENCE, "lanpulse_probe_success", &far, 0.0);
    let failures = [&far[..], &[("reason", "timeout")]].concat();
    wait_until(PATIENCE, "four failures", || {
        daemon.value("lanpulse_probe_failures_total", &failures).unwrap() >= 4.0
    });
    assert_eq!(daemon.value("lanpulse_internet_up", &[]), Some(1.0));

    // the provider
    let before = now();
    for address in &INTERNET[1..] {
        lan.kill_host(address);
    }
    wait_state(&daemon, 0.0, "provider");
    wait_failing(&daemon, &["far", "resolver", "web"]);
    let page = daemon.get("/").text();
    assert!(
        page.contains("internet down</span> for ") && page.contains("nothing behind it does"),
        "{page}"
    );
    let open = &outages(&daemon)[0];
    assert!(open["end"].is_null() && open["gateway_reachable"] == true, "{open}");
    let start_of_it = seconds(&open["start"]);
    assert!(start_of_it >= before - 0.5 && start_of_it <= now(), "{open}");
    for address in INTERNET {
        lan.revive_host(address);
    }
    wait_state(&daemon, 1.0, "none");
    let closed = &outages(&daemon)[0];
    assert_eq!(closed["failed_checks"].as_array().unwrap().len(), 3, "{closed}");
    assert!(seconds(&closed["end"]) > start_of_it, "{closed}");

    // DNS
    let _ = dns.0.kill();
    let _ = dns.0.wait();
    wait_state(&daemon, 0.0, "dns");
    wait_failing(&daemon, &["resolver", "web"]);
    assert_eq!(daemon.value("lanpulse_probe_success", &far), Some(1.0));
    dns = Killed(dnsmasq(&pid_file, &names, Some(&lan)));
    wait_state(&daemon, 1.0, "none");

    // the gateway, and with it all behind it
    let gone = [&["10.77.0.2"], &INTERNET[..]].concat();
    for address in &gone {
        lan.kill_host(address);
    }
    wait_state(&daemon, 0.0, "gateway");
    wait_failing(&daemon, &["far", "resolver", "web"]);
    for address in &gone {
        lan.revive_host(address);
    }
    wait_state(&daemon, 1.0, "none");

    // this host's own link: nobody is down, nobody can be told of
    lan.peer(&["ip", "link", "set", "lp1", "down"]);
    wait_state(&daemon, 0.0, "link");
    std::thread::sleep(Duration::from_secs(3)); // longer than it takes a device to be down
    let metrics = daemon.metrics();
    for device in ["neighbour", "service"] {
        let status = |status| metrics.value("lanpulse_device_status", &[("device", device), ("status", status)]);
        assert_eq!((status("unknown"), status("down")), (Some(1.0), Some(0.0)), "{device}");
        assert_eq!(metrics.value("lanpulse_device_up", &[("device", device)]), None);
    }
    assert_eq!(metrics.value("lanpulse_device_up", &[("device", "self")]), Some(1.0));
    assert!(!daemon.log().contains("device is down"), "{}", daemon.log());
    lan.peer(&["ip", "link", "set", "lp1", "up"]);
    wait_state(&daemon, 1.0, "none");
    for device in ["neighbour", "service"] {
        daemon.wait_value(PATIENCE, "lanpulse_device_up", &[("device", device)], 1.0);
    }

    // the log of it all, before and after a restart
    assert_eq!(daemon.value("lanpulse_internet_outages_total", &[]), Some(4.0));
    let before = outages(&daemon);
    let faults: Vec<_> = before.iter().map(|outage| outage["fault"].as_str().unwrap()).collect();
    assert_eq!(faults, ["link", "gateway", "dns", "provider"], "{before:#?}");
    assert_eq!(before[1]["gateway_reachable"], false, "{before:#?}");
    assert!(before.iter().all(|outage| outage["end"].is_string()), "{before:#?}");
    assert_eq!(
        daemon.log().matches("the internet is down").count(),
        4,
        "{}",
        daemon.log()
    );
    assert_eq!(daemon.stop().0, Some(0));

    // an outage that goes on while the daemon does not is still the same one
    daemon = start(&home);
    let after = outages(&daemon);
    assert_eq!(after, before);
    for address in INTERNET {
        lan.kill_host(address);
    }
    wait_state(&daemon, 0.0, "provider");
    wait_failing(&daemon, &["far", "resolver", "web"]);
    let open = outages(&daemon)[0]["start"].clone();
    assert_eq!(daemon.stop().0, Some(0));
    daemon = start(&home);
    for address in INTERNET {
        lan.revive_host(address);
    }
    wait_state(&daemon, 1.0, "none");
    let all = outages(&daemon);
    assert_eq!(all.len(), 5);
    assert!(all[0]["start"] == open && all[0]["end"].is_string(), "{all:#?}");
    drop(dns);
}
