//! alertmanager.yml as it is rendered: receivers by their secrets, routes, inhibition.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml::Value as Yaml;

use crate::{alert_names, items, read, repository, skipped, succeed, tool, version, yaml};

/// alertmanager.yml as Alertmanager gets it when exactly these secrets exist.
fn rendered(secrets: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    for name in secrets {
        let path = directory.path().join(name);
        fs::write(&path, "http://127.0.0.1:9/hook\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let output = directory.path().join("alertmanager.yml");
    succeed(&mut render(directory.path(), &output));
    (directory, output)
}

fn render(secrets: &Path, output: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanpulse"));
    command
        .args(["alertmanager", "render"])
        .arg(repository("alertmanager/alertmanager.yml"))
        .arg("--secrets")
        .arg(secrets)
        .arg("--output")
        .arg(output);
    command
}

/// Every secret, and what its receiver has in the rendered file where all are there.
const SECRETS: &[(&[&str], &str, &str)] = &[
    (&["discord_webhook_url"], "discord_configs", "webhook_url_file"),
    (&["slack_webhook_url"], "slack_configs", "api_url_file"),
    (
        &["telegram_bot_token", "telegram_chat_id"],
        "telegram_configs",
        "bot_token_file",
    ),
    (&["email_to", "email_smarthost"], "email_configs", "to"),
    (&["webhook_url"], "webhook_configs", "url_file"),
    (&["ntfy_url"], "webhook_configs", "url_file"),
];

fn receiver(file: &Path, name: &str) -> Yaml {
    let config = yaml(file);
    let found = items(&config["receivers"])
        .iter()
        .find(|receiver| receiver["name"].as_str() == Some(name));
    found.unwrap_or_else(|| panic!("no receiver {name}")).clone()
}

#[test]
fn a_receiver_exists_exactly_where_its_secret_does() {
    let (_none, without) = rendered(&[]);
    for receiver in items(&yaml(&without)["receivers"]) {
        assert_eq!(
            receiver.as_mapping().unwrap().len(),
            1,
            "without a secret it has a name and nothing else: {receiver:?}"
        );
    }
    for (secrets, kind, key) in SECRETS {
        let (_some, with) = rendered(secrets);
        let alerts = receiver(&with, "alerts");
        assert_eq!(
            alerts.as_mapping().unwrap().len(),
            2,
            "{kind} and nothing else: {alerts:?}"
        );
        let configured = items(&alerts[*kind]);
        assert_eq!(configured.len(), 1, "{alerts:?}");
        assert!(configured[0][*key].is_string(), "{kind}: {key}");
        assert_eq!(configured[0]["send_resolved"].as_bool(), Some(true), "{kind}");
    }
    let everything: Vec<&str> = SECRETS.iter().flat_map(|(names, _, _)| *names).copied().collect();
    let (_all, with) = rendered(&everything);
    let alerts = receiver(&with, "alerts");
    assert_eq!(alerts.as_mapping().unwrap().len(), 6, "{alerts:?}");
    assert_eq!(items(&alerts["webhook_configs"]).len(), 2);
    let open = |line: &&str| line.contains("@secrets/") && !line.starts_with('#');
    assert_eq!(read(&with).lines().find(open), None);
}

#[test]
fn the_watchdog_has_a_receiver_of_its_own() {
    let (_some, with) = rendered(&["watchdog_url"]);
    assert_eq!(receiver(&with, "alerts").as_mapping().unwrap().len(), 1);
    let watchdog = receiver(&with, "watchdog");
    assert_eq!(items(&watchdog["webhook_configs"]).len(), 1, "{watchdog:?}");
}

#[test]
fn mail_needs_no_password_and_takes_one() {
    let email = |secrets: &[&str]| receiver(&rendered(secrets).1, "alerts")["email_configs"][0].clone();
    assert!(email(&["email_to"]).get("auth_username").is_none());
    let with = email(&["email_to", "email_username", "email_from"]);
    assert_eq!(with["auth_username"].as_str(), Some("http://127.0.0.1:9/hook"));
    assert_eq!(with["from"].as_str(), Some("http://127.0.0.1:9/hook"));
}

#[test]
fn an_empty_secret_is_none() {
    let (directory, output) = rendered(&["webhook_url"]);
    fs::write(directory.path().join("webhook_url"), "").unwrap();
    succeed(&mut render(directory.path(), &output));
    let (_none, without) = rendered(&[]);
    assert_eq!(read(output), read(without));
}

#[test]
fn a_secret_that_alertmanager_cannot_read_stops_the_start() {
    let (directory, output) = rendered(&["webhook_url"]);
    let before = read(&output);
    let secret = directory.path().join("webhook_url");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let run = render(directory.path(), &output).output().unwrap();
    assert!(!run.status.success());
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(said.contains(&format!("chmod o+r {}", secret.display())), "{said}");
    assert!(
        !said.contains("127.0.0.1:9"),
        "the secret itself is nobody's business: {said}"
    );
    assert_eq!(read(&output), before);
}

/// The shipped file with its examples switched on.
fn with_examples(text: &str) -> String {
    text.replace("# example: ", "")
}

#[test]
fn amtool_accepts_the_configuration() {
    let Some(amtool) = tool("amtool") else { return };
    let check = |file: &Path| succeed(Command::new(&amtool).arg("check-config").arg(file));
    let (_none, without) = rendered(&[]);
    check(&without);
    if version(&amtool) < (0, 31) {
        skipped("amtool before 0.31 does not know chat_id_file: only the one without secrets is checked");
        return;
    }
    let all: Vec<&str> = SECRETS.iter().flat_map(|(names, _, _)| *names).copied().collect();
    let (directory, with) = rendered(&all);
    // where Alertmanager needs an address, the secret is one
    fs::write(directory.path().join("email_smarthost"), "mail.example.org:587").unwrap();
    succeed(&mut render(directory.path(), &with));
    check(&with);
    check(&repository("alertmanager/alertmanager.yml"));
    let examples = directory.path().join("examples.yml");
    fs::write(&examples, with_examples(&read(&with))).unwrap();
    check(&examples);
}

/// Which receivers get an alert with these labels; panics unless it is this one.
fn check_route(amtool: &Path, config: &Path, labels: &[&str], receiver: &str) {
    succeed(
        Command::new(amtool)
            .args(["config", "routes", "test"])
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--verify.receivers={receiver}"))
            .args(labels),
    );
}

#[test]
fn amtool_routes_alerts_as_meant() {
    let Some(amtool) = tool("amtool") else { return };
    let (directory, without) = rendered(&[]);
    let cases: &[(&[&str], &str)] = &[
        (&["alertname=DeviceDown", "severity=critical", "site=home"], "alerts"),
        (&["alertname=DeviceFlapping", "severity=warning", "site=home"], "alerts"),
        (&["alertname=DeviceUnreachable", "severity=info", "site=home"], "none"),
        (&["alertname=LanpulseDown", "severity=critical"], "alerts"),
        (&["alertname=HeartbeatMissed", "severity=critical"], "alerts"),
        (&["alertname=Watchdog", "severity=info"], "watchdog"),
        (&["alertname=SomethingOfYours"], "alerts"),
    ];
    for (labels, receiver) in cases {
        check_route(&amtool, &without, labels, receiver);
    }
    let examples = directory.path().join("examples.yml");
    fs::write(&examples, with_examples(&read(&without))).unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&["alertname=DeviceDown", "severity=critical", "site=office"], "office"),
        (&["alertname=DeviceUnreachable", "severity=info", "site=office"], "none"),
        (&["alertname=DeviceDown", "severity=critical", "site=home"], "alerts"),
        (
            &["alertname=DeviceFlapping", "severity=warning", "role=printer"],
            "alerts",
        ),
    ];
    for (labels, receiver) in cases {
        check_route(&amtool, &examples, labels, receiver);
    }
}

#[test]
fn inhibition_starts_from_alerts_that_exist() {
    let config = yaml(repository("alertmanager/alertmanager.yml"));
    for rule in items(&config["inhibit_rules"]) {
        assert!(!items(&rule["equal"]).is_empty(), "inhibits everywhere: {rule:?}");
        for matcher in items(&rule["source_matchers"]) {
            let text = matcher.as_str().unwrap();
            if let Some(name) = text.strip_prefix("alertname=\"") {
                let name = name.trim_end_matches('"');
                assert!(alert_names().contains(name), "there is no alert {text}");
            }
        }
    }
}
