//! Owns: the checks of the bundled stack: rules, alert routing, compose file, dashboards, runbooks.
//! Gets from: the files in the repository, and promtool and amtool: those of .lab/bin and of the system, or the ones that
//! PROMTOOL and AMTOOL name.
//! Without those tools the tests that need them say so and pass, except where CI=true: there they fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and one that is skipped says so"
)]

mod documents;
mod links;
mod promql;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value as Json;
use serde_yaml::Value as Yaml;

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

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(path: impl AsRef<Path>) -> Yaml {
    let path = path.as_ref();
    let mut value: Yaml =
        serde_yaml::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    value.apply_merge().unwrap();
    value
}

/// The items of a YAML list, none where there is no list.
fn items(value: &Yaml) -> &[Yaml] {
    value.as_sequence().map_or(&[], Vec::as_slice)
}

fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(repository(directory))
        .unwrap_or_else(|error| panic!("{directory}: {error}"))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension() == Some(OsStr::new(extension)))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no *.{extension} in {directory}");
    found
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The tool, the recent one in `.lab/bin` first, or None after saying that the test is skipped.
fn tool(name: &str) -> Option<PathBuf> {
    tools(name).into_iter().next()
}

/// The tool in every version there is: the one its variable names, or the recent one and this system's.
fn tools(name: &str) -> Vec<PathBuf> {
    let variable = name.to_uppercase();
    if let Some(named) = std::env::var_os(&variable) {
        return vec![named.into()];
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file());
    let recent = Some(repository(".lab/bin").join(name)).filter(|path| path.is_file());
    let found: Vec<PathBuf> = recent.into_iter().chain(own).collect();
    if found.is_empty() {
        skipped(&format!(
            "{name} not found in .lab/bin and PATH, and {variable} is not set"
        ));
    }
    found
}

/// Says that something is left out; fails in CI, where everything has to be in place.
fn skipped(why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    eprintln!("SKIPPED: {why}");
}

/// Standard output and error of a command that must succeed.
fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{text}");
    text
}

/// Major and minor version of a Prometheus tool.
fn version(tool: &Path) -> (u32, u32) {
    let text = succeed(Command::new(tool).arg("--version"));
    let number = text
        .split("version ")
        .nth(1)
        .unwrap_or_else(|| panic!("no version in: {text}"));
    let mut parts = number
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap(), parts.next().unwrap())
}

struct Rule {
    file: String,
    yaml: Yaml,
}

impl Rule {
    fn text(&self, path: &[&str]) -> Option<&str> {
        path.iter().try_fold(&self.yaml, |value, key| value.get(*key))?.as_str()
    }
}

fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    for path in files("prometheus/rules", "yml") {
        for group in items(&yaml(&path)["groups"]) {
            rules.extend(items(&group["rules"]).iter().map(|rule| Rule {
                file: file_name(&path),
                yaml: rule.clone(),
            }));
        }
    }
    rules
}

fn alert_names() -> BTreeSet<String> {
    let names = rules();
    names
        .iter()
        .filter_map(|rule| rule.text(&["alert"]).map(str::to_owned))
        .collect()
}

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

fn dashboards() -> Vec<(String, Json)> {
    let read_one = |path: PathBuf| {
        let name = file_name(&path);
        let json = serde_json::from_str(&read(&path)).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, json)
    };
    files("grafana/dashboards", "json").into_iter().map(read_one).collect()
}

/// The elements of a JSON array, none where there is no array.
fn elements(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Panels of a dashboard, those inside rows included.
fn panels(dashboard: &Json) -> Vec<&Json> {
    let outer = elements(&dashboard["panels"]).iter();
    outer
        .flat_map(|panel| std::iter::once(panel).chain(elements(&panel["panels"])))
        .collect()
}

/// An expression without what stands in its strings.
fn without_strings(expression: &str) -> String {
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
fn mentioned(expression: &str) -> (BTreeSet<String>, BTreeSet<String>) {
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

/// One service of compose.yaml keeps the house rules: exact image, watched, limited, closed.
fn check_service(name: &str, service: &Yaml) {
    let image = service["image"].as_str().unwrap_or_else(|| panic!("{name}: no image"));
    let tag = image
        .rsplit_once(':')
        .unwrap_or_else(|| panic!("{name}: {image} has no tag"))
        .1;
    let numbers = tag.trim_start_matches('v').split('.');
    let exact = numbers.filter(|part| part.parse::<u32>().is_ok()).count() == 3;
    assert!(
        exact || image == "lanpulse:local",
        "{name}: {image} is not an exact version"
    );
    let once = service["restart"].as_str() == Some("no");
    let always = service["restart"].as_str() == Some("unless-stopped");
    assert!(once || always, "{name}: restart");
    assert!(
        once || service["healthcheck"]["test"].is_sequence(),
        "{name}: no healthcheck"
    );
    assert!(service["mem_limit"].is_string(), "{name}: no mem_limit");
    assert!(
        service["logging"]["options"]["max-size"].is_string(),
        "{name}: logs without a limit"
    );
    assert_eq!(service["cap_drop"][0].as_str(), Some("ALL"), "{name}: cap_drop");
    assert_eq!(
        service["security_opt"][0].as_str(),
        Some("no-new-privileges:true"),
        "{name}: security_opt"
    );
    assert!(service.get("privileged").is_none(), "{name}: privileged");
    for port in items(&service["ports"]) {
        let port = port.as_str().expect("a port is text");
        let closed = port.starts_with("127.0.0.1:") || port.starts_with("${GRAFANA_BIND:-127.0.0.1}:");
        assert!(closed, "{name}: {port} is open to all");
    }
}

#[test]
fn compose_is_pinned_watched_limited_and_closed() {
    let compose = yaml(repository("compose.yaml"));
    let services = compose["services"].as_mapping().expect("services");
    for (name, service) in services {
        let name = name.as_str().unwrap();
        check_service(name, service);
        for volume in items(&service["volumes"]) {
            let (source, _) = volume
                .as_str()
                .expect("a volume is text")
                .split_once(':')
                .expect("a place for it");
            match source.strip_prefix("./") {
                // config/ comes with the daemon
                Some(path) => assert!(
                    path == "config" || repository(path).is_dir(),
                    "{name}: there is no directory {path}"
                ),
                None => assert!(
                    compose["volumes"].get(source).is_some(),
                    "{name}: volume {source} is not declared"
                ),
            }
        }
        for (other, _) in service["depends_on"].as_mapping().into_iter().flatten() {
            assert!(services.contains_key(other), "{name}: depends on {other:?}");
        }
    }
    let daemon = &compose["services"]["lanpulse"];
    assert_eq!(daemon["network_mode"].as_str(), Some("host"));
    assert_eq!(items(&daemon["cap_add"]).len(), 1, "NET_RAW and nothing else");
    assert_eq!(daemon["cap_add"][0].as_str(), Some("NET_RAW"));
    for (name, argument) in [
        ("prometheus", "--storage.tsdb.path=/prometheus"),
        ("alertmanager", "--storage.path=/alertmanager"),
    ] {
        let command = items(&compose["services"][name]["command"]);
        assert!(
            command.iter().any(|value| value.as_str() == Some(argument)),
            "{name}: {argument} has to be said: packages have other defaults than the images"
        );
    }
}

#[test]
fn the_other_ways_to_compose_change_services_that_exist() {
    let compose = yaml(repository("compose.yaml"));
    for (file, changed) in [
        ("compose.hostnet.yaml", &["prometheus", "alertmanager", "grafana"][..]),
        ("compose.bridge.yaml", &["lanpulse", "prometheus"]),
    ] {
        let other = yaml(repository(file));
        let services = other["services"].as_mapping().expect("services");
        let names: Vec<&str> = services.keys().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(names, changed, "{file}");
        for name in names {
            assert!(compose["services"].get(name).is_some(), "{file}: {name}");
        }
    }
    // an override replaces the whole command: it has to say all of it
    let host = yaml(repository("compose.hostnet.yaml"));
    for name in ["prometheus", "alertmanager"] {
        let command = |file: &Yaml| -> Vec<String> {
            let list = match &file["services"][name]["command"] {
                Yaml::Tagged(tagged) => items(&tagged.value),
                list => items(list),
            };
            list.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
        };
        let (own, base) = (command(&host), command(&compose));
        for argument in &base {
            assert!(own.contains(argument), "compose.hostnet.yaml: {name} lacks {argument}");
        }
        let loopback = own
            .iter()
            .any(|argument| argument.starts_with("--web.listen-address=127.0.0.1:"));
        assert!(loopback, "compose.hostnet.yaml: {name} is open to all");
        assert_eq!(host["services"][name]["network_mode"].as_str(), Some("host"));
    }
}

#[test]
fn kubernetes_runs_it_as_compose_does() {
    let mut kinds = Vec::new();
    let text = read(repository("docs/kubernetes.yaml"));
    for part in text.split("\n---\n") {
        let object: Yaml = serde_yaml::from_str(part).unwrap();
        kinds.push(object["kind"].as_str().expect("kind").to_owned());
        if object["kind"].as_str() == Some("ConfigMap") {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("lanpulse.yaml");
            fs::write(&file, object["data"]["lanpulse.yaml"].as_str().unwrap()).unwrap();
            succeed(
                Command::new(env!("CARGO_BIN_EXE_lanpulse"))
                    .arg("check-config")
                    .arg(file),
            );
        }
        if object["kind"].as_str() != Some("Deployment") {
            continue;
        }
        let pod = &object["spec"]["template"]["spec"];
        assert_eq!(pod["hostNetwork"].as_bool(), Some(true));
        let context = &pod["containers"][0]["securityContext"];
        assert_eq!(context["readOnlyRootFilesystem"].as_bool(), Some(true));
        assert_eq!(context["allowPrivilegeEscalation"].as_bool(), Some(false));
        assert_eq!(context["capabilities"]["drop"][0].as_str(), Some("ALL"));
        assert_eq!(items(&context["capabilities"]["add"]).len(), 1);
    }
    assert_eq!(
        kinds,
        [
            "Namespace",
            "ConfigMap",
            "PersistentVolumeClaim",
            "Deployment",
            "Service"
        ]
    );
}

#[test]
fn prometheus_reaches_lanpulse_and_is_quick() {
    let config = yaml(repository("prometheus/prometheus.yml"));
    assert_eq!(config["global"]["evaluation_interval"].as_str(), Some("5s"));
    let job = items(&config["scrape_configs"])
        .iter()
        .find(|job| job["job_name"].as_str() == Some("lanpulse"))
        .expect("a job lanpulse");
    let seconds = |key: &str| -> u32 { job[key].as_str().unwrap().trim_end_matches('s').parse().unwrap() };
    assert!(seconds("scrape_timeout") < seconds("scrape_interval"));
    assert_eq!(
        job["static_configs"][0]["targets"][0].as_str(),
        Some("host.docker.internal:10526")
    );
    let compose = yaml(repository("compose.yaml"));
    assert_eq!(
        compose["services"]["prometheus"]["extra_hosts"][0].as_str(),
        Some("host.docker.internal:host-gateway")
    );
}

/// A panel says what it is, what it shows and what it means when it shows nothing, and asks only through variables.
fn check_panel(place: &str, panel: &Json, variables: &[&str]) {
    const CORE: &[&str] = &["stat", "table", "timeseries", "status-history", "heatmap", "bargauge"];
    let defaults = &panel["fieldConfig"]["defaults"];
    assert!(
        CORE.contains(&panel["type"].as_str().expect("type")),
        "{place}: {} needs a plugin",
        panel["type"]
    );
    assert!(
        panel["description"].as_str().is_some_and(|text| !text.is_empty()),
        "{place}: no description"
    );
    assert!(
        defaults["unit"].is_string() || panel["type"] == "table" || place.ends_with(": Devices"),
        "{place}: no unit"
    );
    assert!(defaults["noValue"].is_string(), "{place}: says nothing when empty");
    assert_eq!(panel["datasource"]["uid"], "${datasource}", "{place}");
    let position = &panel["gridPos"];
    assert!(
        position["x"].as_u64().unwrap() + position["w"].as_u64().unwrap() <= 24,
        "{place}: wider than the page"
    );
    let mut references = BTreeSet::new();
    for target in elements(&panel["targets"]) {
        assert_eq!(target["datasource"]["uid"], "${datasource}", "{place}");
        assert!(
            references.insert(target["refId"].as_str().unwrap()),
            "{place}: refId twice"
        );
        let expression = target["expr"].as_str().unwrap();
        assert!(
            expression.contains(r#"job=~"$job""#),
            "{place}: not bound to $job: {expression}"
        );
        for part in expression.split('$').skip(1) {
            let variable: String = part
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            let built_in = ["__interval", "__rate_interval", "__range"].contains(&variable.as_str());
            assert!(
                built_in || variables.contains(&variable.as_str()),
                "{place}: there is no variable {variable}"
            );
        }
    }
}

/// No panel lies on another, those of a row included.
fn check_layout(name: &str, dashboard: &Json) {
    let place = |panel: &Json| {
        let number = |key: &str| {
            panel["gridPos"][key]
                .as_u64()
                .unwrap_or_else(|| panic!("{name}: {panel}"))
        };
        (number("x"), number("y"), number("w"), number("h"))
    };
    let outer = elements(&dashboard["panels"]);
    let inner = outer.iter().map(|panel| elements(&panel["panels"]));
    for group in std::iter::once(outer).chain(inner) {
        for (index, panel) in group.iter().enumerate() {
            let (x, y, width, height) = place(panel);
            for other in &group[index + 1..] {
                let (left, top, across, down) = place(other);
                let apart = x + width <= left || left + across <= x || y + height <= top || top + down <= y;
                assert!(apart, "{name}: {} lies on {}", panel["title"], other["title"]);
            }
        }
    }
}

/// What happened is drawn into every graph: at least that the configuration was loaded or refused.
fn check_annotations(name: &str, dashboard: &Json) {
    let annotations = elements(&dashboard["annotations"]["list"]);
    assert!(
        annotations
            .iter()
            .any(|one| one["expr"].to_string().contains("lanpulse_config_last_reload")),
        "{name}: shows no reloads"
    );
    for annotation in annotations {
        assert_eq!(annotation["datasource"]["uid"], "${datasource}", "{name}: {annotation}");
        for key in ["name", "expr", "iconColor", "titleFormat"] {
            assert!(
                annotation[key].as_str().is_some_and(|text| !text.is_empty()),
                "{name}: {key}: {annotation}"
            );
        }
        let expression = annotation["expr"].as_str().unwrap();
        assert!(expression.contains(r#"job=~"$job""#), "{name}: {expression}");
    }
}

#[test]
fn dashboards_work_in_any_grafana() {
    let all = dashboards();
    let uids: Vec<&str> = all.iter().map(|(_, json)| json["uid"].as_str().expect("uid")).collect();
    assert_eq!(
        uids.iter().collect::<BTreeSet<_>>().len(),
        uids.len(),
        "a uid twice: {uids:?}"
    );
    for (name, dashboard) in &all {
        assert!(
            dashboard["uid"].as_str().is_some_and(|uid| uid.len() <= 40),
            "{name}: uid"
        );
        for foreign in ["id", "__inputs", "__requires"] {
            assert!(
                dashboard.get(foreign).is_none(),
                "{name}: {foreign} belongs to one Grafana only"
            );
        }
        assert!(
            dashboard["schemaVersion"].as_u64().is_some_and(|number| number >= 39),
            "{name}: schemaVersion"
        );
        assert_eq!(dashboard["refresh"], "5s", "{name}");
        let way_out = elements(&dashboard["links"])
            .iter()
            .any(|link| link["type"] == "dashboards" && link["keepTime"] == true && link["includeVars"] == true);
        assert!(
            way_out,
            "{name}: no way to the other dashboards that keeps time and variables"
        );
        let variables: Vec<&str> = elements(&dashboard["templating"]["list"])
            .iter()
            .filter_map(|variable| variable["name"].as_str())
            .collect();
        for needed in ["datasource", "job", "instance"] {
            assert!(variables.contains(&needed), "{name}: no variable {needed}");
        }
        let mut ids = BTreeSet::new();
        for panel in panels(dashboard) {
            let title = panel["title"].as_str().unwrap_or_default();
            assert!(!title.is_empty(), "{name}: a panel without title");
            assert!(
                ids.insert(panel["id"].as_u64().expect("id")),
                "{name}: {title}: panel id twice"
            );
            if panel["type"] == "row" {
                let inside = elements(&panel["panels"]).len();
                assert!(
                    panel["collapsed"] == true && inside > 0,
                    "{name}: {title}: an empty row"
                );
            } else {
                check_panel(&format!("{name}: {title}"), panel, &variables);
            }
        }
        check_layout(name, dashboard);
        check_annotations(name, dashboard);
        let text = dashboard.to_string();
        for part in text.split("\"/d/").skip(1) {
            let uid = part.split(['?', '"']).next().unwrap();
            assert!(uids.contains(&uid), "{name}: links to {uid}, which is not there");
            let link = part.split('"').next().unwrap();
            for kept in ["${datasource:queryparam}", "${__url_time_range}", "job", "instance"] {
                assert!(link.contains(kept), "{name}: a link to {uid} loses {kept}");
            }
        }
    }
}

#[test]
fn grafana_opens_at_a_dashboard_that_exists() {
    let compose = yaml(repository("compose.yaml"));
    let home = compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        .as_str()
        .expect("a home dashboard");
    assert!(
        repository("grafana/dashboards")
            .join(Path::new(home).file_name().unwrap())
            .is_file(),
        "{home}"
    );
}

#[test]
fn grafana_finds_prometheus_and_the_dashboards() {
    let compose = yaml(repository("compose.yaml"));
    let sources = yaml(repository("grafana/provisioning/datasources/lanpulse.yml"));
    let prometheus = &sources["datasources"][0];
    assert_eq!(prometheus["uid"].as_str(), Some("lanpulse-prometheus"));
    assert_eq!(
        prometheus["jsonData"]["timeInterval"].as_str(),
        Some("5s"),
        "the scrape interval"
    );
    assert_eq!(
        prometheus["jsonData"]["alertmanagerUid"].as_str(),
        sources["datasources"][1]["uid"].as_str()
    );
    for source in items(&sources["datasources"]) {
        let url = source["url"].as_str().unwrap();
        let host = url.trim_start_matches("http://").split(':').next().unwrap();
        assert!(compose["services"].get(host).is_some(), "{url}: no such service");
    }
    let providers = yaml(repository("grafana/provisioning/dashboards/lanpulse.yml"));
    let path = providers["providers"][0]["options"]["path"].as_str().unwrap();
    let mount = format!("./grafana/dashboards:{path}:ro");
    let volumes = items(&compose["services"]["grafana"]["volumes"]);
    assert!(
        volumes.iter().any(|volume| volume.as_str() == Some(&mount)),
        "compose.yaml has no volume {mount}"
    );
}
