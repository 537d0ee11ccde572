//! What Prometheus accepts and people regret: rates of gauges, ranges too short for their scrapes, names without a system.

use crate::names::without_strings;
use crate::{dashboards, elements, file_name, files, items, panels, read, rules, yaml};
use std::collections::BTreeSet;

/// Functions that take a counter's growth, which of a gauge is nonsense.
const GROWTH: &[&str] = &["rate", "increase", "irate"];

/// Seconds between two scrapes of the shipped configuration, and between two SNMP walks.
const SCRAPE: f64 = 5.0;
const WALK: f64 = 60.0;

/// Each call of one of these functions: its name and what stands in its parentheses.
fn calls<'a>(expression: &'a str, functions: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    for function in functions {
        let needle = format!("{function}(");
        for (at, _) in expression.match_indices(&needle) {
            let part_of_a_word =
                expression[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':');
            if part_of_a_word {
                continue;
            }
            let start = at + needle.len();
            let mut depth = 1;
            let end = expression[start..].find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0
            });
            let end = end.unwrap_or_else(|| panic!("unclosed: {expression}"));
            found.push((*function, &expression[start..start + end]));
        }
    }
    found
}

/// A duration of `PromQL` in seconds; None for a variable of Grafana's.
fn seconds(range: &str) -> Option<f64> {
    if range.starts_with('$') {
        return None;
    }
    let (number, unit) = range.split_at(range.len() - 1);
    let unit = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => panic!("a unit: {range}"),
    };
    Some(number.parse::<f64>().unwrap_or_else(|_| panic!("a duration: {range}")) * unit)
}

/// Panics where growth is taken of what is no counter, or over fewer than four readings. `step`: the panel's own minimum.
fn check_growth(place: &str, expression: &str, step: Option<&str>) {
    let bare = without_strings(expression);
    for (function, argument) in calls(&bare, GROWTH) {
        let metric: String = argument
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "_:".contains(*c))
            .collect();
        let counter = ["_total", "_bucket", "_sum", "_count"]
            .iter()
            .any(|end| metric.ends_with(end));
        assert!(
            counter,
            "{place}: {function} of {metric}, which is no counter: {expression}"
        );
        let range = argument.rsplit_once('[').expect("a range").1.split(']').next().unwrap();
        let walked = metric.starts_with("lanpulse_interface_");
        let needed = 4.0 * if walked { WALK } else { SCRAPE };
        match seconds(range) {
            Some(range) => assert!(range >= needed, "{place}: {range} s of {metric}, {needed} s at least"),
            None if range == "$__range" => {}
            None => {
                assert_eq!(range, "$__rate_interval", "{place}: {expression}");
                // four times the panel's step, or the data source's 5 s
                let step = step.and_then(seconds).unwrap_or(SCRAPE);
                assert!(4.0 * step >= needed, "{place}: {metric} needs a min step of {WALK} s");
            }
        }
    }
    for (function, argument) in calls(&bare, &["delta", "deriv", "idelta", "predict_linear"]) {
        assert!(
            !argument.contains("_total"),
            "{place}: {function} of a counter: {expression}"
        );
    }
}

#[test]
fn growth_is_taken_of_counters_over_four_readings() {
    for rule in rules() {
        let name = rule.text(&["alert"]).or(rule.text(&["record"])).expect("a name");
        check_growth(
            &format!("{}: {name}", rule.file),
            rule.text(&["expr"]).expect("expr"),
            None,
        );
    }
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            for target in elements(&panel["targets"]) {
                check_growth(
                    &format!("{name}: {}", panel["title"]),
                    target["expr"].as_str().expect("expr"),
                    target["interval"].as_str(),
                );
            }
        }
    }
    for path in files("docs/runbooks", "md") {
        for block in read(&path).split("```promql\n").skip(1) {
            let query = block.split("```").next().unwrap();
            assert_eq!(
                query.trim().lines().count(),
                1,
                "{}: one query a block: {query}",
                path.display()
            );
            check_growth(&file_name(&path), query, None);
        }
    }
}

#[test]
#[should_panic(expected = "which is no counter")]
fn the_growth_of_a_gauge_is_found() {
    check_growth("here", "sum(rate(lanpulse_device_up[5m]))", None);
}

#[test]
#[should_panic(expected = "needs a min step")]
fn a_graph_of_walks_at_the_pace_of_scrapes_is_found() {
    check_growth(
        "here",
        "rate(lanpulse_interface_receive_bytes_total[$__rate_interval])",
        Some("15s"),
    );
}

#[test]
fn recorded_names_say_of_what_and_how() {
    const LEVELS: &[&str] = &["device", "device_interface", "slo"];
    for rule in rules() {
        let Some(name) = rule.text(&["record"]) else { continue };
        let parts: Vec<&str> = name.split(':').collect();
        let [level, metric, operation] = parts[..] else {
            panic!("level:metric:operation, not {name}")
        };
        assert!(LEVELS.contains(&level), "{name}: {level}");
        assert!(metric.starts_with("lanpulse_"), "{name}: {metric}");
        assert!(!metric.ends_with("_total"), "{name}: a rate is no total");
        assert!(!operation.is_empty(), "{name}");
    }
}

/// Groups of one file have names of their own, and of all files too: Prometheus shows them side by side.
#[test]
fn rule_groups_have_names_of_their_own() {
    let mut names = BTreeSet::new();
    for path in files("prometheus/rules", "yml") {
        for group in items(&yaml(&path)["groups"]) {
            let name = group["name"].as_str().expect("name").to_owned();
            assert!(name.starts_with("lanpulse-"), "{name}: may meet another file's");
            assert!(names.insert(name.clone()), "{name} twice");
        }
    }
}
