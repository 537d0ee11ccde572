//! Every way to be told: each receiver as it is shipped, through a real Alertmanager, to what stands in for the service.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::notify::{alert, discord, hasty, post, rendered};
use crate::support::{Home, MailSink, Server, WebhookSink, loopback, wait_for, wait_until};

/// Stand-ins for all services, and the secrets that lead to them.
struct Services {
    discord: WebhookSink,
    slack: WebhookSink,
    telegram: WebhookSink,
    ntfy: WebhookSink,
    webhook: WebhookSink,
    mail: MailSink,
}

impl Services {
    fn start() -> Option<Self> {
        Some(Self {
            mail: MailSink::start()?,
            discord: WebhookSink::start(),
            slack: WebhookSink::start(),
            telegram: WebhookSink::start(),
            ntfy: WebhookSink::start(),
            webhook: WebhookSink::start(),
        })
    }

    /// The shipped configuration with all secrets there. What has no secret for its address gets it here: Telegram has
    /// one place for all, and the mail server's CA is nobody's but ours.
    fn configuration(&self, home: &Home) -> String {
        let ntfy = format!("{}my-topic?template=alertmanager\n", self.ntfy.url());
        let secrets = [
            ("discord_webhook_url", self.discord.url()),
            ("slack_webhook_url", self.slack.url()),
            ("telegram_bot_token", "123:geheim\n".to_owned()),
            ("telegram_chat_id", "-1001\n".to_owned()),
            ("ntfy_url", ntfy),
            ("webhook_url", self.webhook.url()),
            ("email_to", "me@example.org\n".to_owned()),
            ("email_smarthost", "localhost:2525\n".to_owned()),
            ("email_from", "lanpulse@example.org\n".to_owned()),
            ("email_username", "lanpulse\n".to_owned()),
            ("email_password", "geheim\n".to_owned()),
        ];
        let secrets = secrets.each_ref().map(|(name, value)| (*name, value.as_str()));
        let text = rendered(home, &secrets);
        for secret in ["123:geheim", "password: geheim", &self.discord.url()] {
            assert!(!text.contains(secret), "a secret in the configuration: {secret}");
        }
        let telegram = self.telegram.url();
        let text = text
            .replace(
                "telegram_configs:\n      - ",
                &format!(
                    "telegram_configs:\n      - api_url: {}\n        ",
                    telegram.trim_end_matches('/')
                ),
            )
            .replace(
                "email_configs:\n      - ",
                &format!(
                    "email_configs:\n      - tls_config: {{ca_file: {}}}\n        ",
                    self.mail.ca_file().display()
                ),
            );
        assert!(text.contains("api_url: http") && text.contains("ca_file"), "{text}");
        hasty(&text)
    }
}

/// The last of these once one of them contains all parts.
#[track_caller]
fn wait_all(what: &str, parts: &[&str], ask: impl Fn() -> Vec<Value>) -> Value {
    let mut seen = Vec::new();
    let found = (0..600).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        seen = ask();
        let texts = seen.iter().find(|one| {
            let text = one.to_string();
            parts.iter().all(|part| text.contains(part))
        });
        texts.cloned()
    });
    found.unwrap_or_else(|| panic!("{what}: nothing with {parts:?} in {seen:#?}"))
}

/// The value of one of Alertmanager's own metrics, over all its labels.
fn metric(alertmanager: &Server, name: &str) -> f64 {
    let text = alertmanager.get("/metrics").text();
    let lines = text
        .lines()
        .filter(|line| line.starts_with(name) && !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
        .sum()
}

const DASHBOARD: &str = "http://localhost:3000/d/lanpulse-device?var-device=nas&var-instance=host%3A10526";
const RUNBOOK: &str = "https://github.com/lanpulse/lanpulse/blob/main/docs/runbooks/DeviceDown.md";
const SILENCE: &str =
    "/#/silences/new?filter=%7Balertname%3D%22DeviceDown%22%2Csite%3D%22home%22%2Cdevice%3D%22nas%22%7D";

#[test]
fn every_receiver_tells_of_an_outage_and_of_its_end() {
    if !loopback("receivers") {
        return;
    }
    let Some(services) = Services::start() else { return };
    let home = Home::new("");
    let Some(alertmanager) = Server::alertmanager(&services.configuration(&home)) else {
        return;
    };
    let mut outage = alert("DeviceDown", "critical", "nas", &Value::Null);
    post(&[outage.clone()]);

    let body = wait_all("Discord", &["nas"], || services.discord.bodies());
    let (title, text) = discord(&body);
    assert_eq!(title, "nas is down (home)");
    assert!(
        text.starts_with("nas has been down for 33s, reason: timeout."),
        "{text}"
    );
    for (name, link) in [("graph", DASHBOARD), ("what to do", RUNBOOK)] {
        assert!(text.contains(&format!("[{name}]({link})")), "{name}: {text}");
    }
    assert!(text.contains(SILENCE), "{text}");

    let body = wait_all("Slack", &["nas"], || services.slack.bodies());
    let message = &body["attachments"][0];
    assert_eq!(message["title"], "nas is down (home)", "{body}");
    assert_eq!(message["title_link"], DASHBOARD, "{body}");
    let text = message["text"].as_str().unwrap();
    assert!(text.starts_with("nas has been down for 33s"), "{text}");
    assert!(text.contains(&format!("<{RUNBOOK}|what to do>")), "{text}");
    assert!(text.contains(SILENCE), "{text}");

    let plain = |text: &str| {
        for part in [
            "nas is down (home)",
            "nas has been down for 33s",
            DASHBOARD,
            RUNBOOK,
            SILENCE,
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    };
    let body = wait_all("Telegram", &["nas"], || services.telegram.bodies());
    assert_eq!(services.telegram.paths()[0], "/bot123:geheim/sendMessage");
    assert_eq!(body["chat_id"], "-1001", "{body}");
    plain(body["text"].as_str().unwrap());

    let mail = wait_all("mail", &["nas"], || services.mail.mails());
    assert_eq!(mail["subject"], "nas is down (home)", "{mail}");
    assert_eq!(mail["tls"], true, "{mail}");
    assert_eq!(mail["user"], "lanpulse:geheim", "{mail}");
    assert!(mail["to"][0].as_str().unwrap().contains("<me@example.org>"), "{mail}");
    assert!(
        mail["from"].as_str().unwrap().contains("<lanpulse@example.org>"),
        "{mail}"
    );
    plain(mail["text"].as_str().unwrap());

    // both make the text themselves, from the whole alert
    for (name, sink, path) in [
        ("ntfy", &services.ntfy, "/my-topic?template=alertmanager"),
        ("webhook", &services.webhook, "/"),
    ] {
        let body = wait_all(name, &["nas"], || sink.bodies());
        assert_eq!(sink.paths()[0], path, "{name}");
        assert_eq!(body["version"], "4", "{name}: {body}");
        let one = &body["alerts"][0];
        assert_eq!(one["labels"]["device"], "nas", "{name}: {body}");
        assert_eq!(one["annotations"], outage["annotations"], "{name}: {body}");
    }

    outage["endsAt"] = json!("2020-01-01T00:00:00Z");
    outage["startsAt"] = json!("2019-12-31T00:00:00Z");
    post(&[outage]);
    let end = "Resolved: nas is down (home)";
    let (title, _) = discord(&wait_all("Discord", &[end], || services.discord.bodies()));
    assert_eq!(title, end);
    let body = wait_all("Slack", &[end], || services.slack.bodies());
    assert_eq!(body["attachments"][0]["color"], "good", "{body}");
    wait_all("Telegram", &[end], || services.telegram.bodies());
    let mail = wait_all("mail", &[end], || services.mail.mails());
    assert!(!mail["text"].as_str().unwrap().contains("Silence:"), "{mail}");
    for sink in [&services.ntfy, &services.webhook] {
        wait_all("its end", &[r#""status":"resolved""#], || sink.bodies());
    }
    assert!(metric(&alertmanager, "alertmanager_notifications_total") >= 12.0);
    assert!(metric(&alertmanager, "alertmanager_notifications_failed_total") < 1.0);
}

#[test]
fn many_alerts_stay_within_the_limits_of_all() {
    if !loopback("many alerts") {
        return;
    }
    let Some(services) = Services::start() else { return };
    let home = Home::new("");
    let Some(alertmanager) = Server::alertmanager(&services.configuration(&home)) else {
        return;
    };
    // as long as names may be, and of what has to be escaped
    let named = |n: usize| {
        let name = format!("{n:02}{}", "(*_*)&<|".repeat(12));
        alert("DeviceDown", "critical", &name, &json!({"site": "<&>".repeat(30)}))
    };
    post(&(0..100).map(named).collect::<Vec<_>>());
    let (_, text) = discord(&wait_all("Discord", &["and 85 more"], || services.discord.bodies()));
    assert!(text.contains("[what to do](https://"), "{text}");
    assert!(text.contains("[silence](http"), "{text}");
    let body = wait_all("Telegram", &["and 85 more"], || services.telegram.bodies());
    let text = body["text"].as_str().unwrap();
    assert!(text.chars().count() <= 4096 && text.contains("Silence: http"), "{text}");
    wait_all("Slack", &["and 85 more"], || services.slack.bodies());
    wait_all("mail", &["and 85 more"], || services.mail.mails());
    let body = wait_all("ntfy", &["DeviceDown"], || services.ntfy.bodies());
    assert_eq!(body["alerts"].as_array().unwrap().len(), 4, "{body}");
    assert_eq!(body["truncatedAlerts"], 96, "{body}");
    assert_eq!(services.discord.bodies().len(), 1, "one message");
    assert!(metric(&alertmanager, "alertmanager_notifications_failed_total") < 1.0);
}

#[test]
fn without_a_secret_nothing_is_sent_and_nothing_fails() {
    if !loopback("no secrets") {
        return;
    }
    let home = Home::new("");
    let Some(alertmanager) = Server::alertmanager(&hasty(&rendered(&home, &[]))) else {
        return;
    };
    post(&[
        alert("DeviceDown", "critical", "nas", &Value::Null),
        alert("DeviceFlapping", "warning", "ap", &Value::Null),
        json!({"labels": {"alertname": "Watchdog", "severity": "info"}}),
    ]);
    wait_until(Duration::from_secs(20), "the alerts are known", || {
        alertmanager
            .get("/api/v2/alerts")
            .json()
            .as_array()
            .is_some_and(|all| all.len() == 3)
    });
    // past group_wait and a group_interval
    wait_for(Duration::from_secs(20), "groups have been flushed", || {
        let groups = alertmanager.get("/api/v2/alerts/groups").json();
        (groups.as_array()?.len() == 3).then_some(())
    });
    std::thread::sleep(Duration::from_secs(4));
    assert!(metric(&alertmanager, "alertmanager_notifications_failed_total") < 1.0);
    let complaints: Vec<String> = alertmanager
        .log()
        .lines()
        .filter(|line| {
            ["level=error", "level=ERROR", "level=warn", "level=WARN"]
                .iter()
                .any(|level| line.contains(level))
        })
        .map(str::to_owned)
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}
