//! What people are told: one message for one outage, within the limits of chat services, and none about what is muted or
//! acknowledged. Real Prometheus and Alertmanager, with the configuration as it is shipped.

use std::fmt::Write as _;
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::notify::{alert, discord, hasty, post, rendered};
use crate::support::{Daemon, Home, Lan, Server, WebhookSink, loopback, repository, wait_for, wait_until};

/// Messages that speak of something, after one that has to come.
fn wait_message(sink: &WebhookSink, part: &str) -> Value {
    wait_for(Duration::from_secs(30), part, || {
        sink.bodies().into_iter().find(|body| body.to_string().contains(part))
    })
}

fn lanpulse(arguments: &[&str]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_lanpulse"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_hundred_devices_behind_a_dead_router_are_one_message() {
    let Some(lan) = Lan::new("a hundred devices") else {
        return;
    };
    let mut config = "global: {interval: 500ms, timeout: 400ms, site: home}\ntargets:
  - {name: router, address: 10.77.60.200, role: gateway}\n"
        .to_owned();
    for n in 1..=100 {
        writeln!(
            config,
            "  - {{name: host-{n:03}, address: 10.77.60.{n}, parent: router}}"
        )
        .unwrap();
    }
    let home = Home::new(&config);
    let _daemon = Daemon::start(&home);
    let sink = WebhookSink::start();
    let Some(_alertmanager) = Server::alertmanager(&rendered(&home, &[("discord_webhook_url", &sink.url())])) else {
        return;
    };
    let Some(prometheus) = Server::alerting_prometheus(&repository("prometheus/rules")) else {
        return;
    };
    wait_until(Duration::from_secs(30), "Prometheus knows the devices", || {
        prometheus.query("lanpulse_device_up == 1").len() == 101
    });
    // all at once, as when the power fails
    lan.peer(&["nft", "add element inet lab dead4 { 10.77.60.1-10.77.60.200 }"]);
    wait_until(Duration::from_secs(40), "all alerts fire", || {
        prometheus
            .query("ALERTS{alertname=\"DeviceUnreachable\", alertstate=\"firing\"}")
            .len()
            == 100
    });
    let (title, text) = discord(&wait_message(&sink, "router"));
    assert_eq!(title, "router is down (home)");
    assert!(text.contains("10.77.60.200"), "{text}");
    assert!(text.contains("/d/lanpulse-device?var-device=router"), "{text}");
    assert!(
        text.contains("/#/silences/new?filter=%7Balertname%3D%22DeviceDown%22%2Csite%3D%22home%22"),
        "{text}"
    );
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(sink.bodies().len(), 1, "{:?}", sink.bodies());
}

#[test]
fn a_hundred_alerts_stay_within_the_limits_of_discord() {
    if !loopback("a hundred alerts") {
        return;
    }
    let home = Home::new("");
    let (chat, slack) = (WebhookSink::start(), WebhookSink::start());
    let secrets = [("discord_webhook_url", chat.url()), ("slack_webhook_url", slack.url())];
    let secrets = secrets.each_ref().map(|(name, url)| (*name, url.as_str()));
    let Some(_alertmanager) = Server::alertmanager(&hasty(&rendered(&home, &secrets))) else {
        return;
    };
    let named = |n: usize| alert("DeviceDown", "critical", &format!("host-{n:03}"), &Value::Null);
    let hundred: Vec<Value> = (0..100).map(named).collect();
    post(&hundred);
    let (title, text) = discord(&wait_message(&chat, "host-"));
    assert_eq!(title, "DeviceDown: 100 firing (home)");
    assert_eq!(
        text.lines().filter(|line| line.starts_with("- host")).count(),
        15,
        "{text}"
    );
    assert!(text.contains("and 85 more"), "{text}");
    assert!(
        text.contains("[graph](http://localhost:3000/d/lanpulse-device?var-device=host-0"),
        "{text}"
    );
    assert!(text.contains("[silence](http"), "{text}");
    let body = wait_message(&slack, "host-");
    let text = body["attachments"][0]["text"].as_str().unwrap();
    assert!(text.contains("and 85 more"), "{text}");

    // whatever devices are called
    let evil = format!("](http://evil.example) @everyone **{}", "W\u{1F980}".repeat(400));
    let more: Vec<Value> = (0..40)
        .map(|n| alert("DeviceFlapping", "warning", &format!("{n}{evil}"), &Value::Null))
        .collect();
    post(&more);
    let (_, text) = discord(&wait_message(&chat, "DeviceFlapping"));
    assert!(text.contains("and 25 more"), "{text}");
    assert!(
        !text.contains("](http://evil") || text.contains(r"\]\(http://evil"),
        "{text}"
    );
    assert_eq!(chat.bodies().len(), 2, "one message each");
}

#[test]
fn what_is_muted_or_acknowledged_stays_silent() {
    if !loopback("silence") {
        return;
    }
    let home = Home::new("");
    let sink = WebhookSink::start();
    // never is now, and always is every hour of every day
    let config = hasty(&rendered(&home, &[("webhook_url", &sink.url())]).replace("# example: ", "")).replace(
        r#"times: [{start_time: "08:00", end_time: "18:00"}]"#,
        r#"years: ["1999"]"#,
    );
    assert!(config.contains("1999"), "{config}");
    let Some(alertmanager) = Server::alertmanager(&config) else {
        return;
    };

    let ack = lanpulse(&["ack", "nas 1", "--for", "1h", "--comment", "new disk", "--author", "me"]);
    let said = String::from_utf8_lossy(&ack.stdout);
    assert!(ack.status.success(), "{ack:?}");
    assert!(said.contains("nas 1 is acknowledged for 1h"), "{said}");
    assert!(said.contains("No alert about it is active now"), "{said}");
    let silences = alertmanager.get("/api/v2/silences").json();
    assert_eq!(silences[0]["comment"], "new disk", "{silences}");
    assert_eq!(silences[0]["createdBy"], "me", "{silences}");

    let printer = json!({"role": "printer"});
    post(&[
        alert("DeviceDown", "critical", "nas 1", &Value::Null),
        alert("DeviceFlapping", "warning", "printer", &printer),
        alert("DeviceFlapping", "warning", "nas 1", &Value::Null),
        alert("DeviceUnreachable", "info", "camera", &Value::Null),
        // the proof that messages do come, and come later than the others would have
        alert("DeviceUnresolved", "warning", "switch", &Value::Null),
    ]);
    wait_message(&sink, "switch");
    std::thread::sleep(Duration::from_secs(5));
    let told: Vec<Value> = sink
        .alerts()
        .iter()
        .map(|alert| alert["labels"]["device"].clone())
        .collect();
    assert_eq!(told, ["switch"], "{told:?}");

    let undo = lanpulse(&["ack", "nas 1", "--undo"]);
    assert_eq!(
        String::from_utf8_lossy(&undo.stdout),
        "nas 1 is no longer acknowledged.\n",
        "{undo:?}"
    );
    let body = wait_message(&sink, "nas 1");
    assert_eq!(body["alerts"][0]["labels"]["alertname"], "DeviceDown", "{body}");
    // what is critical says it all: flapping of the same device is inhibited
    let again = lanpulse(&["ack", "nas 1", "--alert", "DeviceDown"]);
    assert!(
        String::from_utf8_lossy(&again.stdout).contains("1 alert is silent from now on."),
        "{again:?}"
    );
}

#[test]
fn an_acknowledgement_that_cannot_be_made_says_why() {
    if !loopback("no Alertmanager") {
        return;
    }
    for (arguments, part) in [
        (&["ack", "nas"][..], "cannot connect to 127.0.0.1:9093: "),
        (
            &[
                "ack",
                "nas",
                "--alertmanager.url",
                "https://127.0.0.1:9093",
                "--user",
                "me",
            ],
            "--user and --password-file go together",
        ),
        (
            &["ack", "nas", "--alertmanager.url", "alerts.lan"],
            "write http://HOST:PORT",
        ),
    ] {
        let run = lanpulse(arguments);
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    let Some(_alertmanager) = Server::alertmanager("route: {receiver: none}\nreceivers: [{name: none}]\n") else {
        return;
    };
    let run = lanpulse(&["ack", "nas", "--alertmanager.url", "http://localhost:9093/elsewhere"]);
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains("says: status 404"), "{said}");
    let run = lanpulse(&["ack", "nas", "--alertmanager.url", "https://localhost:9093"]);
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains("is https spoken there?"), "{said}");
}

#[test]
fn one_outage_is_not_told_again_by_what_depends_on_it() {
    if !loopback("inhibition") {
        return;
    }
    let home = Home::new("");
    let sink = WebhookSink::start();
    let Some(alertmanager) = Server::alertmanager(&hasty(&rendered(&home, &[("webhook_url", &sink.url())]))) else {
        return;
    };
    let cabin = json!({"site": "cabin"});
    let gateway = json!({"role": "gateway"});
    let interface = json!({"interface": "eth0"});
    let other = json!({"interface": "eth1"});
    post(&[
        alert("DeviceDown", "critical", "router", &gateway),
        alert("InternetDown", "critical", "internet", &Value::Null),
        alert("DeviceUnreachable", "info", "switch", &Value::Null),
        alert("SomethingSlow", "warning", "switch", &Value::Null),
        alert("SiteDown", "critical", "", &cabin),
        alert("DeviceDown", "critical", "cabin-router", &cabin),
        alert("PortErrors", "critical", "core", &interface),
        alert("PortErrors", "warning", "edge", &other),
        json!({"labels": {"alertname": "DiskFull", "severity": "critical", "mountpoint": "/"}}),
        json!({"labels": {"alertname": "DiskFull", "severity": "warning", "mountpoint": "/data"}}),
    ]);
    let suppressed = || -> Vec<String> {
        let alerts = alertmanager.get("/api/v2/alerts").json();
        let mut names: Vec<String> = alerts
            .as_array()
            .unwrap()
            .iter()
            .filter(|alert| alert["status"]["state"] == "suppressed")
            .map(|alert| format!("{} {}", alert["labels"]["alertname"], alert["labels"]["device"]).replace('"', ""))
            .collect();
        names.sort();
        names
    };
    let expected = [
        "DeviceDown cabin-router",
        "InternetDown internet",
        "SomethingSlow switch",
    ];
    wait_until(Duration::from_secs(20), "inhibition", || suppressed() == expected);
    wait_message(&sink, "DiskFull");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(suppressed(), expected);
    let told: Vec<String> = sink
        .alerts()
        .iter()
        .map(|alert| alert["labels"]["device"].to_string())
        .collect();
    assert!(
        !told
            .iter()
            .any(|device| device.contains("cabin-router") || device.contains("internet")),
        "{told:?}"
    );
}
