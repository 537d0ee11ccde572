//! A network that means no good: what it says is bounded and harmless, and everything else goes on.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::support::{Daemon, Home, Segment, Server, binary, repository, wait_for, wait_until};

const CONFIG: &str = "discovery: {interval: 1h, methods: [arp, mdns], networks: [10.78.0.0/22], arp: {rate: 2000}}
internet: {checks: []}
global: {interval: 10s, timeout: 150ms}
targets: [{name: self, address: 127.0.0.1, probes: {icmp: {interval: 200ms}}}]
";
const LIMIT: Duration = Duration::from_secs(40);
/// The addresses of the network.
const ADDRESSES: u64 = 1022;
/// Of those that claim an address the latest is watched: so many at least.
const WATCHED: usize = 700;

struct Liar(Child);

impl Liar {
    fn start(segment: &Segment) -> Self {
        let mut command = segment.over_there();
        command.arg("python3").arg(repository("tests/servers/hostile.py"));
        command.args(["lp1", "10.78.0.2"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn scan(daemon: &Daemon) {
    let id = wait_for(LIMIT, "a scan may start", || {
        let reply = daemon.post("/api/v1/discovery/scan");
        (reply.status == 202).then(|| reply.json()["id"].as_u64().unwrap())
    });
    wait_until(LIMIT, "the end of a scan", || {
        daemon.get(&format!("/api/v1/discovery/scans/{id}")).json()["state"] != "running"
    });
}

fn total(daemon: &Daemon) -> u64 {
    daemon.get("/api/v1/devices?limit=1").json()["total"].as_u64().unwrap()
}

#[test]
fn a_host_that_claims_every_address_and_announces_rubbish_harms_nobody() {
    let Some(segment) = Segment::new("a hostile host") else {
        return;
    };
    if binary("python3").is_none() {
        return;
    }
    segment.there(&["ip", "address", "add", "10.78.0.2/22", "dev", "lp1"]);
    segment.here(&["ip", "address", "add", "10.78.0.1/22", "dev", "lp0"]);
    let _liar = Liar::start(&segment);
    let home = Home::exactly(CONFIG);
    let daemon = Daemon::start(&home);
    // its own first one, and another
    scan(&daemon);
    let found = total(&daemon);
    let memory = daemon.value("process_resident_memory_bytes", &[]).unwrap();
    println!("{found} devices, {memory} bytes of memory");
    // in each scan two claims to an address are told, a third is noise
    assert!(
        (2 * ADDRESSES..=2 * 2 * ADDRESSES + 20).contains(&found),
        "{found} devices"
    );
    assert!(memory < 200e6, "{memory}");
    wait_until(LIMIT, "they are on /metrics", || {
        daemon.metrics().all("lanpulse_device_info", &[]).len() > WATCHED
    });
    let metrics = daemon.metrics();
    let text = |value: &str| !value.contains(char::is_control) && value.chars().count() <= 256;
    for sample in &metrics.samples {
        assert!(sample.labels.values().all(|value| text(value)), "{sample:?}");
    }
    // what it announced has arrived, made harmless
    let odd = |labels: &BTreeMap<String, String>| labels.values().any(|value| value.contains("quo\"te"));
    assert!(metrics.samples.iter().any(|sample| odd(&sample.labels)));
    let device = [("device", "self")];
    assert_eq!(metrics.value("lanpulse_device_up", &device), Some(1.0));
    assert!(metrics.value("lanpulse_device_status_changes_total", &device).unwrap() <= 1.0);
    let before = metrics.value("lanpulse_icmp_replies_total", &device).unwrap();
    wait_until(LIMIT, "probes go on", || {
        daemon.value("lanpulse_icmp_replies_total", &device).unwrap() > before + 5.0
    });
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
    let Some(prometheus) = Server::prometheus(
        "global: {scrape_interval: 5s, scrape_timeout: 5s}
scrape_configs: [{job_name: lanpulse, static_configs: [{targets: ['127.0.0.1:10526']}]}]
",
    ) else {
        return;
    };
    wait_until(LIMIT, "a scrape", || {
        let first = |query: &str| prometheus.query(query).first().map(|(_, value)| *value);
        first("up") == Some(1.0) && first("count(lanpulse_device_info)") > Some(WATCHED as f64)
    });
}
