//! Where the links of alerts lead: to a dashboard that shows what the alert speaks of, its variables filled in.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value as Json;

use crate::names::mentioned;
use crate::{Rule, alert_names, dashboards, elements, files, items, panels, rules, yaml};

/// Joined to say where a device is and whether it counts: no alert is about these.
const BESIDE: &[&str] = &[
    "lanpulse_device_info",
    "lanpulse_device_status",
    "lanpulse_device_authorized",
];

fn dashboard(uid: &str) -> Json {
    let found = dashboards().into_iter().find(|(_, json)| json["uid"] == uid);
    found.unwrap_or_else(|| panic!("there is no dashboard {uid}")).1
}

/// Names of the variables that say what is shown. `job` is left to `All`: an instance is named by one job only.
fn variables(dashboard: &Json) -> BTreeSet<String> {
    let names = elements(&dashboard["templating"]["list"])
        .iter()
        .map(|variable| variable["name"].as_str().expect("name").to_owned());
    names
        .filter(|name| !["datasource", "job"].contains(&name.as_str()))
        .collect()
}

/// The metrics in an expression, and all those that the recorded ones among them are made of.
fn made_of(expression: &str) -> BTreeSet<String> {
    static RECORDED: LazyLock<Vec<(String, BTreeSet<String>)>> = LazyLock::new(|| {
        let parts = |rule: Rule| {
            let name = rule.text(&["record"])?.to_owned();
            Some((name, mentioned(rule.text(&["expr"]).expect("expr")).0))
        };
        rules().into_iter().filter_map(parts).collect()
    });
    let mut found = mentioned(expression).0;
    loop {
        let before = found.len();
        for (name, parts) in RECORDED.iter() {
            if found.contains(name) {
                found.extend(parts.iter().cloned());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// The dashboard that a link leads to, and the variables that it fills in.
fn target(link: &str) -> (String, BTreeSet<String>) {
    let word = |text: &str| -> String {
        text.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
            .collect()
    };
    let path = link
        .split_once("/d/")
        .unwrap_or_else(|| panic!("no dashboard: {link}"))
        .1;
    (word(path), path.split("var-").skip(1).map(word).collect())
}

#[test]
fn alerts_open_a_dashboard_that_shows_what_they_speak_of() {
    for rule in rules() {
        let Some(name) = rule.text(&["alert"]) else { continue };
        let link = rule
            .text(&["annotations", "dashboard_url"])
            .unwrap_or_else(|| panic!("{name}: no dashboard_url"));
        let about: BTreeSet<String> = made_of(rule.text(&["expr"]).expect("expr"))
            .into_iter()
            .filter(|metric| !BESIDE.contains(&metric.as_str()))
            .collect();
        let (uid, filled) = target(link);
        let dashboard = dashboard(&uid);
        let known = variables(&dashboard);
        assert!(
            filled.is_subset(&known),
            "{name}: {uid} has {known:?}, the link fills {filled:?}"
        );
        let shown: BTreeSet<String> = panels(&dashboard)
            .into_iter()
            .flat_map(|panel| elements(&panel["targets"]))
            .flat_map(|target| made_of(target["expr"].as_str().expect("expr")))
            .collect();
        // `up` and vector(1) are of no metric of lanpulse's
        assert!(
            about.is_empty() || !about.is_disjoint(&shown),
            "{name}: {uid} shows none of {about:?}"
        );
    }
}

/// A query string's names and values.
fn query(text: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let hex: String = rest.by_ref().take(2).map(char::from).collect();
                    u8::from_str_radix(&hex, 16).unwrap_or_else(|_| panic!("%{hex}: {text}"))
                }
                other => other,
            });
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or_else(|| panic!("{text}")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// What promtool has found to be the annotation of an alert with these labels.
#[test]
fn texts_and_links_carry_what_the_alert_is_about() {
    let mut seen = BTreeSet::new();
    for path in files("prometheus/tests", "yml") {
        let tests = yaml(&path);
        let cases = items(&tests["tests"])
            .iter()
            .flat_map(|test| items(&test["alert_rule_test"]));
        for case in cases {
            let name = case["alertname"].as_str().expect("alertname");
            for alert in items(&case["exp_alerts"]) {
                let Some(link) = alert["exp_annotations"]["dashboard_url"].as_str() else {
                    continue;
                };
                let description = alert["exp_annotations"]["description"].as_str().expect("description");
                assert!(
                    description.contains(|c: char| c.is_ascii_digit()),
                    "{name}: how much, how long, how many? {description}"
                );
                let path = link.rsplit_once("/d/").expect("/d/").1;
                let (uid, text) = path.split_once('?').unwrap_or((path, ""));
                let mut expected = Vec::new();
                for variable in variables(&dashboard(uid)) {
                    if let Some(value) = alert["exp_labels"][variable.as_str()].as_str() {
                        expected.push((format!("var-{variable}"), value.to_owned()));
                    }
                }
                let mut filled = query(text);
                filled.sort();
                assert_eq!(filled, expected, "{name}: {link}");
                seen.insert(name.to_owned());
            }
        }
    }
    let missing: Vec<String> = alert_names().difference(&seen).cloned().collect();
    assert!(missing.is_empty(), "no test looks at the link of {missing:?}");
}
