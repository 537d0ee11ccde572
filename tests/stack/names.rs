//! Every metric and label that rules, dashboards and runbooks name is one that lanpulse exposes or a rule records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::{Rule, dashboards, elements, file_name, files, panels, read, repository, rules};

/// What lanpulse exposes, and by which labels its series may be chosen: the table of docs/metrics.md, which another test
/// writes from the one in src/metrics.
fn exposed() -> &'static BTreeMap<String, Vec<String>> {
    static TABLE: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
        let text = read(repository("docs/metrics.md"));
        let rows = text.lines().filter_map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            let name = cells[0].strip_prefix("| `")?.strip_suffix('`')?;
            // `reason (timeout, denied)` is one label with its values; words beside the names are prose
            let mut depth = 0;
            let mut bare = String::new();
            for c in cells[2].chars() {
                depth += i32::from(c == '(') - i32::from(c == ')');
                bare.push(if depth > 0 || c == ')' { ' ' } else { c });
            }
            let labels = bare
                .split(',')
                .map(|part| part.split_whitespace().next().unwrap_or_default());
            Some((name.to_owned(), labels.map(str::to_owned).collect()))
        });
        rows.collect()
    });
    &TABLE
}

/// Labels that any series may be chosen, grouped or joined by: Prometheus' own, and those of its alerts.
const COMMON_LABELS: &[&str] = &[
    "job",
    "instance",
    "agent",
    "device",
    "alertname",
    "alertstate",
    "severity",
];

/// Labels that recording rules add from `lanpulse_device_info`.
const PLACE_LABELS: &[&str] = &["site", "role", "parent"];

/// The metrics that rules record, with the labels that they may have: those of all metrics they are made of.
fn recorded_names() -> BTreeMap<String, Vec<String>> {
    let rules = rules();
    let recording: Vec<(&str, &Rule)> = rules
        .iter()
        .filter_map(|rule| Some((rule.text(&["record"])?, rule)))
        .collect();
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // as often as one rule can stand on another
    for _ in 0..8 {
        for (name, rule) in &recording {
            let (metrics, _) = mentioned(rule.text(&["expr"]).expect("expr"));
            let mut labels: BTreeSet<String> = PLACE_LABELS.iter().map(|label| (*label).to_owned()).collect();
            let own = rule.yaml["labels"].as_mapping().into_iter().flatten();
            labels.extend(own.filter_map(|(label, _)| label.as_str().map(str::to_owned)));
            for metric in metrics {
                labels.extend(known.get(&metric).cloned().unwrap_or_default());
                labels.extend(labels_of(&metric).unwrap_or_default().iter().cloned());
            }
            known.insert((*name).to_owned(), labels.into_iter().collect());
        }
    }
    known
}

/// An expression without what stands in its strings.
pub fn without_strings(expression: &str) -> String {
    let mut bare = String::new();
    let mut quote = None;
    let mut escaped = false;
    for c in expression.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None => bare.push(c),
        }
    }
    bare
}

/// Metric names and labels that a `PromQL` expression mentions: enough of a parser for the classic syntax.
pub fn mentioned(expression: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    const BEFORE_LABELS: &[&str] = &["by", "without", "on", "ignoring", "group_left", "group_right"];
    let (mut metrics, mut labels) = (BTreeSet::new(), BTreeSet::new());
    let (mut in_braces, mut in_range, mut in_list, mut list_follows) = (false, false, false, false);
    let mut word = String::new();
    for c in without_strings(expression).chars().chain([' ']) {
        if c.is_ascii_alphanumeric() || "_:$".contains(c) {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            let whole = std::mem::take(&mut word);
            if in_braces || in_list {
                labels.insert(whole);
            } else if !in_range {
                list_follows = BEFORE_LABELS.contains(&whole.as_str());
                if whole.starts_with("lanpulse_") || whole.contains(':') {
                    metrics.insert(whole);
                }
            }
        }
        match c {
            '{' => in_braces = true,
            '}' => in_braces = false,
            '[' => in_range = true,
            ']' => in_range = false,
            '(' if list_follows => (in_list, list_follows) = (true, false),
            ')' => in_list = false,
            _ => {}
        }
    }
    (metrics, labels)
}

#[test]
fn the_expression_reader_finds_metrics_and_labels() {
    let text = r#"sum by (le, reason) (rate(lanpulse_a_total{device="x{y}", kind!~"a\"b"}[5m:1m])) / on (job) group_left (site) a:lanpulse_b:rate5m"#;
    let (metrics, labels) = mentioned(text);
    assert_eq!(
        metrics.into_iter().collect::<Vec<_>>(),
        ["a:lanpulse_b:rate5m", "lanpulse_a_total"]
    );
    assert_eq!(
        labels.into_iter().collect::<Vec<_>>(),
        ["device", "job", "kind", "le", "reason", "site"]
    );
}

/// The labels of an exposed metric; of a histogram's three kinds of series too.
fn labels_of(metric: &str) -> Option<&'static [String]> {
    let find = |name: &str| exposed().get(name).map(Vec::as_slice);
    find(metric).or_else(|| {
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| metric.strip_suffix(end))?;
        find(base).filter(|labels| labels.iter().any(|label| label == "le"))
    })
}

/// Panics unless each metric is exposed or recorded and each label is one of theirs.
fn check_names(place: &str, expression: &str, recorded: &BTreeMap<String, Vec<String>>) {
    let (metrics, labels) = mentioned(expression);
    let mut allowed: BTreeSet<&str> = COMMON_LABELS.iter().copied().collect();
    // what an alert may carry: all labels that one of the metrics has
    if expression.contains("ALERTS") {
        allowed.extend(exposed().values().flatten().map(String::as_str));
    }
    for metric in &metrics {
        let own = recorded
            .get(metric)
            .map_or_else(|| labels_of(metric), |labels| Some(labels.as_slice()));
        let own = own.unwrap_or_else(|| panic!("{place}: there is no metric {metric}:\n{expression}"));
        allowed.extend(own.iter().map(String::as_str));
    }
    for label in &labels {
        assert!(
            allowed.contains(label.as_str()),
            "{place}: none of {metrics:?} has a label {label}:\n{expression}"
        );
    }
}

#[test]
fn the_table_of_metrics_is_read() {
    assert_eq!(
        labels_of("lanpulse_device_status").unwrap(),
        ["device", "agent", "status"]
    );
    assert!(
        labels_of("lanpulse_icmp_rtt_seconds_bucket")
            .unwrap()
            .contains(&"le".to_owned())
    );
    assert!(labels_of("lanpulse_device_up_count").is_none());
    assert!(exposed().len() > 30, "{:?}", exposed().keys());
}

#[test]
fn rules_and_dashboards_use_metrics_and_labels_that_exist() {
    let recorded = recorded_names();
    for rule in rules() {
        check_names(&rule.file, rule.text(&["expr"]).expect("expr"), &recorded);
    }
    let mut shown = BTreeSet::new();
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            for target in elements(&panel["targets"]) {
                let expression = target["expr"].as_str().expect("expr");
                check_names(&format!("{name}: {}", panel["title"]), expression, &recorded);
                shown.extend(mentioned(expression).0);
            }
        }
        for variable in elements(&dashboard["templating"]["list"]) {
            let Some(definition) = variable["definition"].as_str() else {
                continue;
            };
            let arguments = definition
                .strip_prefix("label_values(")
                .and_then(|rest| rest.strip_suffix(')'))
                .expect("label_values");
            let (selector, label) = arguments.rsplit_once(", ").expect("a selector and a label");
            check_names(
                &format!("{name}: variable {label}"),
                &format!("count by ({label}) ({selector})"),
                &recorded,
            );
        }
        for annotation in elements(&dashboard["annotations"]["list"]) {
            check_names(&name, annotation["expr"].as_str().expect("expr"), &recorded);
        }
    }
    for metric in [
        "lanpulse_device_status",
        "lanpulse_icmp_rtt_avg_seconds",
        "device:lanpulse_availability:ratio1d",
    ] {
        assert!(shown.contains(metric), "no dashboard shows {metric}");
    }
}

#[test]
fn runbooks_ask_for_metrics_that_exist() {
    let recorded = recorded_names();
    for path in files("docs/runbooks", "md") {
        let mut in_promql = false;
        for line in read(&path).lines() {
            match line.trim() {
                "```promql" => in_promql = true,
                "```" => in_promql = false,
                query if in_promql => check_names(&file_name(&path), query, &recorded),
                _ => {}
            }
        }
    }
}
