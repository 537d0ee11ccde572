//! Alertmanager as it is shipped, the alerts it is given, and what its messages must keep to.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::{Home, Request, command, repository};

/// The shipped configuration for these secrets, rendered as compose.yaml does it, with the places as they are here.
pub fn rendered(home: &Home, secrets: &[(&str, &str)]) -> String {
    for (name, value) in secrets {
        home.write(&format!("secrets/{name}"), value);
    }
    fs::create_dir_all(home.path("secrets")).unwrap();
    let output = home.path("alertmanager.yml");
    command(
        Command::new(env!("CARGO_BIN_EXE_lanpulse"))
            .args(["alertmanager", "render"])
            .arg(repository("alertmanager/alertmanager.yml"))
            .arg("--secrets")
            .arg(home.path("secrets"))
            .arg("--output")
            .arg(&output),
    );
    let text = fs::read_to_string(output).unwrap();
    text.replace("/etc/alertmanager/secrets", home.path("secrets").to_str().unwrap())
        .replace(
            "/etc/alertmanager/templates",
            repository("alertmanager/templates").to_str().unwrap(),
        )
}

/// The same with waiting times that a test can bear.
pub fn hasty(text: &str) -> String {
    let hasty = |line: &str| {
        let key = line.trim_start().split(' ').next().unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start().len()];
        match key {
            "group_wait:" => format!("{indent}group_wait: 1s"),
            "group_interval:" => format!("{indent}group_interval: 2s"),
            _ => line.to_owned(),
        }
    };
    text.lines().map(hasty).collect::<Vec<_>>().join("\n")
}

/// An alert as Prometheus sends it, with `more` labels.
pub fn alert(name: &str, severity: &str, device: &str, more: &Value) -> Value {
    let mut labels = json!({
        "alertname": name, "severity": severity, "device": device,
        "job": "lanpulse", "instance": "host:10526", "agent": "local", "site": "home",
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        labels[key] = value.clone();
    }
    json!({
        "labels": labels,
        "annotations": {
            "summary": format!("{device} is down"),
            "description": format!("{device} has been down for 33s, reason: timeout."),
            "dashboard_url": format!("http://localhost:3000/d/lanpulse-device?var-device={device}&var-instance=host%3A10526"),
            "runbook_url": format!("https://github.com/lanpulse/lanpulse/blob/main/docs/runbooks/{name}.md"),
        },
        "generatorURL": "http://localhost:9090/graph",
    })
}

/// Hands alerts to Alertmanager.
pub fn post(alerts: &[Value]) {
    let reply = Request::new(([127, 0, 0, 1], 9093).into(), "POST", "/api/v2/alerts")
        .header("Content-Type", "application/json")
        .body(Value::from(alerts.to_vec()).to_string())
        .send();
    assert_eq!(reply.status, 200, "{}", reply.text());
}

/// A Discord message as its API takes it, with its limits; the title and the text.
#[track_caller]
pub fn discord(body: &Value) -> (String, String) {
    let embeds = body["embeds"].as_array().expect("embeds");
    assert_eq!(embeds.len(), 1, "{body}");
    let (title, text) = (
        embeds[0]["title"].as_str().unwrap(),
        embeds[0]["description"].as_str().unwrap(),
    );
    let length = |text: &str| text.chars().map(char::len_utf16).sum::<usize>();
    assert!(!title.is_empty() && length(title) <= 256, "{body}");
    assert!(
        !text.is_empty() && length(text) <= 4096,
        "{} of 4096: {body}",
        length(text)
    );
    assert!(length(title) + length(text) <= 6000, "{body}");
    assert!(length(body["content"].as_str().unwrap_or_default()) <= 2000, "{body}");
    assert!(
        !text.contains('…') && !text.contains("..."),
        "cut by Alertmanager: {text}"
    );
    (title.to_owned(), text.to_owned())
}
