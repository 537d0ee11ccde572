//! Alerts about missed heartbeats, with a real Prometheus and Alertmanager; and lanpulse's own outbound heartbeat.

use std::fs;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Daemon, Home, Server, WebhookSink, loopback, now, repository, wait_for, wait_until};

use super::tools::heartbeat;

#[test]
fn lanpulse_reports_for_itself_while_it_works() {
    if !loopback("the outbound heartbeat") {
        return;
    }
    let sink = WebhookSink::start();
    let home = Home::new("outbound_heartbeat: {url_file: url, every: 1s}\n");
    home.write("url", &format!("{}secret\n", sink.url()));
    let daemon = Daemon::start(&home);
    wait_until(Duration::from_secs(10), "two reports", || sink.bodies().len() >= 2);
    // a store that cannot be written is not health
    let blocker = Connection::open(home.database()).unwrap();
    blocker.execute_batch("BEGIN EXCLUSIVE").unwrap();
    home.configure(
        "outbound_heartbeat: {url_file: url, every: 1s}\ntargets: [{name: a, address: 127.0.0.1, probes: {icmp: {}}}]\n",
    );
    assert_eq!(daemon.post("/-/reload").status, 200);
    wait_until(Duration::from_secs(30), "the store is seen to fail", || {
        daemon.value("lanpulse_store_failures_total", &[]).unwrap() > 0.0
    });
    std::thread::sleep(Duration::from_millis(1500));
    let sent = sink.bodies().len();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(sink.bodies().len(), sent, "silence is the alarm");
    drop(blocker);
    wait_until(Duration::from_secs(30), "reports again", || sink.bodies().len() > sent);
    assert!(!daemon.log().contains("secret"), "{}", daemon.log());
}

#[test]
fn a_silent_host_alerts_and_only_within_its_hours() {
    if !loopback("alerts about heartbeats") {
        return;
    }
    let beat = "schedule: {every: 2s}, grace: 1s";
    // not today, wherever midnight falls; the epoch was a Thursday
    let days = [
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "monday",
        "tuesday",
        "wednesday",
    ];
    let day = days[((now() / 86_400.0) as usize + 3) % 7];
    let home = Home::new(&format!(
        "heartbeats:\n{}{}{}time_intervals:\n  - {{name: business, time_intervals: [{{weekdays: [{day}]}}]}}\n",
        heartbeat("silent", beat),
        heartbeat("asleep", &format!("{beat}, hours: business")),
        heartbeat("faithful", "schedule: {every: 1h}"),
    ));
    let text = fs::read_to_string(repository("prometheus/rules/heartbeats.yml")).unwrap();
    home.write("rules/heartbeats.yml", &text.replace("for: 30s", "for: 2s"));
    let daemon = Daemon::start(&home);
    let sink = WebhookSink::start();
    let Some(_alertmanager) = Server::alertmanager(&format!(
        "route: {{receiver: sink, group_by: [alertname, heartbeat], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: sink, webhook_configs: [{{url: '{}', send_resolved: true}}]}}]
",
        sink.url()
    )) else {
        return;
    };
    let Some(prometheus) = Server::alerting_prometheus(&home.path("rules")) else {
        return;
    };
    // what fires before Prometheus has found it is told a minute later only
    wait_until(Duration::from_secs(30), "Prometheus knows the Alertmanager", || {
        let known = prometheus.get("/api/v1/alertmanagers").json();
        known["data"]["activeAlertmanagers"]
            .as_array()
            .is_some_and(|active| !active.is_empty())
    });
    for name in ["silent", "asleep", "faithful"] {
        assert_eq!(daemon.post(&format!("/ping/token-{name}")).status, 200);
    }
    let about = |name: &str, status: &str| -> Vec<Value> {
        let is = |alert: &Value| alert["labels"]["alertname"] == name && alert["status"] == status;
        sink.alerts().into_iter().filter(is).collect()
    };
    let alert = wait_for(Duration::from_secs(40), "HeartbeatMissed fires", || {
        about("HeartbeatMissed", "firing").pop()
    });
    assert_eq!(alert["labels"]["heartbeat"], "silent", "{alert}");
    let watchdog = "ALERTS{alertname=\"Watchdog\", alertstate=\"firing\"}";
    assert_eq!(prometheus.query(watchdog).len(), 1);
    assert_eq!(daemon.post("/ping/token-faithful/fail").status, 200);
    let failed = wait_for(Duration::from_secs(40), "HeartbeatFailed fires", || {
        about("HeartbeatFailed", "firing").pop()
    });
    assert_eq!(failed["labels"]["heartbeat"], "faithful", "{failed}");
    // it reports again, often enough
    let start = Instant::now();
    wait_until(Duration::from_secs(40), "HeartbeatMissed is resolved", || {
        assert!(matches!(daemon.post("/ping/token-silent").status, 200 | 429));
        std::thread::sleep(Duration::from_millis(800));
        !about("HeartbeatMissed", "resolved").is_empty()
    });
    assert!(start.elapsed() < Duration::from_secs(40));
    let others: Vec<_> = sink
        .alerts()
        .into_iter()
        .filter(|alert| alert["labels"]["heartbeat"] == "asleep")
        .collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(
        prometheus
            .query("lanpulse_heartbeat_in_hours{heartbeat=\"asleep\"} == 0")
            .len(),
        1
    );
}
