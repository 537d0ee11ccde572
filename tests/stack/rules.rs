//! The rules before promtool, and what each alert must have: tests both ways, texts, a runbook.

use std::collections::BTreeSet;
use std::process::Command;

use crate::{alert_names, files, items, read, repository, rules, succeed, tools, yaml};

#[test]
fn promtool_accepts_the_configuration_and_the_rules() {
    for promtool in tools("promtool") {
        succeed(
            Command::new(&promtool)
                .args(["check", "config"])
                .arg(repository("prometheus/prometheus.yml")),
        );
        for file in files("prometheus/rules", "yml") {
            succeed(
                Command::new(&promtool)
                    .args(["check", "rules", "--lint=all", "--lint-fatal"])
                    .arg(file),
            );
        }
    }
}

#[test]
fn promtool_proves_the_rules() {
    // each version and file by itself, all at once: some look at days
    let (promtools, files) = (tools("promtool"), files("prometheus/tests", "yml"));
    std::thread::scope(|scope| {
        for (promtool, file) in promtools
            .iter()
            .flat_map(|tool| files.iter().map(move |file| (tool, file)))
        {
            scope.spawn(move || succeed(Command::new(promtool).args(["test", "rules"]).arg(file)));
        }
    });
}

#[test]
fn every_alert_is_tested_both_ways() {
    let (mut fires, mut rests) = (BTreeSet::new(), BTreeSet::new());
    for path in files("prometheus/tests", "yml") {
        for test in items(&yaml(&path)["tests"]) {
            for case in items(&test["alert_rule_test"]) {
                let name = case["alertname"].as_str().expect("alertname").to_owned();
                if items(&case["exp_alerts"]).is_empty() {
                    rests.insert(name);
                } else {
                    fires.insert(name);
                }
            }
        }
    }
    if alert_names().contains("Watchdog") {
        // it always fires: that is its purpose
        rests.insert("Watchdog".to_owned());
    }
    assert_eq!(fires, alert_names(), "alerts that an alert_rule_test sees firing");
    assert_eq!(rests, alert_names(), "alerts that an alert_rule_test sees at rest");
}

#[test]
fn every_alert_says_what_a_person_needs() {
    for rule in rules() {
        let Some(name) = rule.text(&["alert"]) else { continue };
        let annotation = |key: &str| {
            rule.text(&["annotations", key])
                .unwrap_or_else(|| panic!("{name}: no annotation {key}"))
        };
        let severity = rule
            .text(&["labels", "severity"])
            .unwrap_or_else(|| panic!("{name}: no severity"));
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}: severity {severity}"
        );
        assert!(annotation("summary").len() < 80, "{name}: a summary is one short line");
        assert!(
            annotation("description").contains("{{"),
            "{name}: the description names nothing"
        );
        assert_eq!(
            annotation("runbook_url"),
            format!("https://github.com/lanpulse/lanpulse/blob/main/docs/runbooks/{name}.md")
        );
        let chooses_a_job = ["job=", "job!", "job ="]
            .iter()
            .any(|text| rule.text(&["expr"]).expect("expr").contains(text));
        assert!(
            name == "LanpulseDown" || !chooses_a_job,
            "{name}: depends on how the scrape job is called"
        );
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    for name in alert_names() {
        let runbook = read(repository(&format!("docs/runbooks/{name}.md")));
        assert!(
            runbook.starts_with(&format!("# {name}\n")),
            "docs/runbooks/{name}.md: title"
        );
        for section in ["Meaning", "Impact", "Diagnosis", "Mitigation"] {
            assert!(
                runbook.contains(&format!("\n## {section}\n")),
                "docs/runbooks/{name}.md: no section {section}"
            );
        }
    }
    for path in files("docs/runbooks", "md") {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            alert_names().contains(&name),
            "docs/runbooks/{name}.md: there is no such alert"
        );
    }
}
