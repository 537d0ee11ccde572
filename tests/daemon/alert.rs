//! The whole way: a host dies, and somebody is told; it returns, and they are told that too.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Daemon, Home, Lan, Server, WebhookSink, repository, wait_for, wait_until};

/// The repository's rules with what takes minutes shortened; all else as shipped.
fn rules(home: &Home) {
    let mut count = 0;
    for entry in fs::read_dir(repository("prometheus/rules")).expect("prometheus/rules") {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "yml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let short = text.lines().map(|line| match line.trim_start().split(' ').next() {
            Some("keep_firing_for:") => {
                line.split("keep_firing_for").next().unwrap().to_owned() + "keep_firing_for: 2s"
            }
            _ => line.to_owned(),
        });
        home.write(
            &format!("rules/{}", path.file_name().unwrap().display()),
            &short.collect::<Vec<_>>().join("\n"),
        );
        count += 1;
    }
    assert!(count > 0, "no rules");
}

#[test]
fn a_dead_host_is_reported_and_so_is_its_return() {
    let Some(lan) = Lan::new("alerts") else { return };
    let home = Home::new(
        "global: {interval: 500ms, timeout: 400ms, site: home}
targets:
  - {name: router, address: 10.77.0.2, role: gateway, probes: {icmp: {}}}
  - {name: nas, address: 10.77.60.7, parent: router, probes: {icmp: {}}}
  - {name: camera, address: 10.77.60.8, parent: nas, probes: {icmp: {}}}
",
    );
    rules(&home);
    let daemon = Daemon::start(&home);
    daemon.wait_devices(
        Duration::from_secs(10),
        "lanpulse_device_up",
        &["router", "nas", "camera"],
    );

    let sink = WebhookSink::start();
    let Some(alertmanager) = Server::alertmanager(&format!(
        "route: {{receiver: sink, group_by: [alertname, device], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: sink, webhook_configs: [{{url: '{}', send_resolved: true}}]}}]
",
        sink.url()
    )) else {
        return;
    };
    let Some(prometheus) = Server::alerting_prometheus(&home.path("rules")) else {
        return;
    };
    wait_until(Duration::from_secs(20), "Prometheus knows the devices", || {
        prometheus.query("lanpulse_device_up == 1").len() == 3
    });
    let about = |status: &str| -> Vec<Value> {
        let is = |alert: &Value| alert["labels"]["alertname"] == "DeviceDown" && alert["status"] == status;
        sink.alerts().into_iter().filter(is).collect()
    };
    assert!(about("firing").is_empty(), "{:?}", about("firing"));

    lan.kill_host("10.77.60.7");
    let alert = wait_for(Duration::from_secs(40), "DeviceDown fires", || about("firing").pop());
    assert_eq!(alert["labels"]["device"], "nas", "{alert}");
    assert!(
        alert["annotations"]["summary"]
            .as_str()
            .is_some_and(|text| text.contains("nas")),
        "{alert}"
    );
    lan.revive_host("10.77.60.7");
    let alert = wait_for(Duration::from_secs(40), "DeviceDown is resolved", || {
        about("resolved").pop()
    });
    assert_eq!(alert["labels"]["device"], "nas", "{alert}");
    let others = about("firing")
        .iter()
        .filter(|alert| alert["labels"]["device"] != "nas")
        .count();
    assert_eq!(others, 0, "{:?}", sink.alerts());

    // rules that fail are silent alerts
    let groups = prometheus.get("/api/v1/rules").json();
    for group in groups["data"]["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            // "unknown" has not had its turn yet
            assert_ne!(rule["health"], "err", "{rule}");
        }
    }
    drop((alertmanager, prometheus));
}

#[test]
fn one_outage_is_one_alert() {
    let Some(lan) = Lan::new("alerts about a router") else {
        return;
    };
    let home = Home::new(
        "global: {interval: 500ms, timeout: 400ms}
targets:
  - {name: switch, address: 10.77.60.7, probes: {icmp: {}}}
  - {name: camera, address: 10.77.60.8, parent: switch, probes: {icmp: {}}}
",
    );
    rules(&home);
    let daemon = Daemon::start(&home);
    daemon.wait_devices(Duration::from_secs(10), "lanpulse_device_up", &["switch", "camera"]);
    let Some(prometheus) = Server::prometheus(&format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ['{}/*.yml']
scrape_configs: [{{job_name: lanpulse, static_configs: [{{targets: ['127.0.0.1:10526']}}]}}]
",
        home.path("rules").display()
    )) else {
        return;
    };
    wait_until(Duration::from_secs(20), "Prometheus knows the devices", || {
        prometheus.query("lanpulse_device_up == 1").len() == 2
    });
    lan.kill_host("10.77.60.7");
    lan.kill_host("10.77.60.8");
    let firing = |device: &str| {
        let expression = format!("ALERTS{{alertname=\"DeviceDown\", alertstate=\"firing\", device=\"{device}\"}}");
        !prometheus.query(&expression).is_empty()
    };
    wait_until(Duration::from_secs(40), "DeviceDown of the switch", || firing("switch"));
    std::thread::sleep(Duration::from_secs(3));
    assert!(firing("switch"));
    assert!(
        !firing("camera"),
        "what is behind a dead device is not reported on its own"
    );
}
