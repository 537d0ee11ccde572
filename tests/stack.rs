//! Owns: the checks of the bundled stack: rules, alert routing, compose file, dashboards, runbooks.
//! Gets from: the files in the repository, and promtool and amtool (in PATH, or named by PROMTOOL and AMTOOL).
//! Without those tools the tests that need them say so and pass, except where CI=true: there they fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and one that is skipped says so"
)]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;
use serde_yaml::Value as Yaml;

/// What lanpulse exposes in this version, and by which labels its series may be chosen (job, instance, agent and device
/// aside). Where docs/metrics.md exists it must know every one of these names.
const METRICS: &[(&str, &[&str])] = &[
    ("lanpulse_build_info", &["version", "revision", "rustversion"]),
    ("lanpulse_config_last_reload_success_timestamp_seconds", &[]),
    ("lanpulse_config_last_reload_successful", &[]),
    ("lanpulse_device_authorized", &[]),
    ("lanpulse_device_first_seen_timestamp_seconds", &[]),
    (
        "lanpulse_device_info",
        &[
            "address", "mac", "vendor", "hostname", "class", "model", "role", "site", "parent", "source",
        ],
    ),
    ("lanpulse_device_last_seen_timestamp_seconds", &[]),
    ("lanpulse_device_latency_threshold_seconds", &[]),
    ("lanpulse_device_loss_threshold_ratio", &[]),
    ("lanpulse_device_status", &["status"]),
    ("lanpulse_device_status_changes_total", &[]),
    ("lanpulse_device_status_since_timestamp_seconds", &[]),
    ("lanpulse_device_up", &[]),
    ("lanpulse_discovery_events_total", &["event"]),
    ("lanpulse_discovery_scan_duration_seconds", &["network", "method"]),
    ("lanpulse_discovery_scan_hosts", &["network", "method"]),
    (
        "lanpulse_discovery_scan_last_success_timestamp_seconds",
        &["network", "method"],
    ),
    ("lanpulse_discovery_scans_total", &["network", "method", "result"]),
    ("lanpulse_heartbeat_consecutive_failures", HEARTBEAT),
    ("lanpulse_heartbeat_deadline_timestamp_seconds", HEARTBEAT),
    ("lanpulse_heartbeat_expected_timestamp_seconds", HEARTBEAT),
    ("lanpulse_heartbeat_fresh", HEARTBEAT),
    ("lanpulse_heartbeat_in_hours", HEARTBEAT),
    ("lanpulse_heartbeat_last_duration_seconds", HEARTBEAT),
    ("lanpulse_heartbeat_last_exit_code", HEARTBEAT),
    ("lanpulse_heartbeat_last_signal_timestamp_seconds", HEARTBEAT),
    ("lanpulse_heartbeat_last_success_timestamp_seconds", HEARTBEAT),
    ("lanpulse_heartbeat_rejected_total", &["heartbeat", "reason"]),
    ("lanpulse_heartbeat_running", HEARTBEAT),
    ("lanpulse_heartbeat_signals_total", &["heartbeat", "kind"]),
    ("lanpulse_heartbeat_state", &["heartbeat", "state"]),
    ("lanpulse_icmp_failures_total", &["reason"]),
    ("lanpulse_icmp_jitter_seconds", &[]),
    ("lanpulse_icmp_loss_ratio", &[]),
    ("lanpulse_icmp_replies_total", &[]),
    ("lanpulse_icmp_requests_total", &[]),
    ("lanpulse_icmp_rtt_avg_seconds", &[]),
    ("lanpulse_icmp_rtt_max_seconds", &[]),
    ("lanpulse_icmp_rtt_min_seconds", &[]),
    ("lanpulse_icmp_rtt_seconds", &["le"]),
    ("lanpulse_inventory_devices", &["status", "online"]),
    ("lanpulse_observations_dropped_total", &[]),
    ("lanpulse_oui_data_timestamp_seconds", &[]),
    ("lanpulse_internet_fault", &["fault"]),
    ("lanpulse_internet_outages_total", &[]),
    ("lanpulse_internet_status_since_timestamp_seconds", &[]),
    ("lanpulse_internet_up", &[]),
    ("lanpulse_probe_dns_answers", &["probe"]),
    ("lanpulse_probe_duration_seconds", &["probe", "kind", "phase"]),
    ("lanpulse_probe_failures_total", &["probe", "kind", "reason"]),
    ("lanpulse_probe_http_status_code", &["probe"]),
    ("lanpulse_probe_last_run_timestamp_seconds", &["probe", "kind"]),
    ("lanpulse_probe_runs_total", &["probe", "kind"]),
    ("lanpulse_probe_success", &["probe", "kind"]),
    ("lanpulse_probe_tls_certificate_expiry_timestamp_seconds", &["probe"]),
    ("lanpulse_schedule_lag_seconds", &["le"]),
    ("lanpulse_series", &[]),
    ("lanpulse_series_dropped_total", &["reason"]),
    ("lanpulse_store_failures_total", &[]),
    ("lanpulse_store_size_bytes", &[]),
    ("lanpulse_store_writes_total", &[]),
    ("lanpulse_targets", &[]),
];

/// The label of every series of a heartbeat.
const HEARTBEAT: &[&str] = &["heartbeat"];

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

/// The tool, or None after saying that the test is skipped.
fn tool(name: &str) -> Option<PathBuf> {
    let variable = name.to_uppercase();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::var_os(&variable).map(PathBuf::from).or_else(|| {
        std::env::split_paths(&path)
            .map(|directory| directory.join(name))
            .find(|p| p.is_file())
    });
    if found.is_none() {
        let hint = format!("{name} not found in PATH, and {variable} is not set");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{hint}");
        eprintln!("SKIPPED: {hint}");
    }
    found
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

fn recorded_names() -> BTreeSet<String> {
    let names = rules();
    names
        .iter()
        .filter_map(|rule| rule.text(&["record"]).map(str::to_owned))
        .collect()
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
fn labels_of(metric: &str) -> Option<&'static [&'static str]> {
    let exposed = |name: &str| {
        METRICS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, labels)| *labels)
    };
    exposed(metric).or_else(|| {
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| metric.strip_suffix(end))?;
        exposed(base).filter(|labels| labels.contains(&"le"))
    })
}

/// Panics unless each metric is exposed or recorded and each label is one of theirs.
fn check_names(place: &str, expression: &str, recorded: &BTreeSet<String>) {
    let (metrics, labels) = mentioned(expression);
    let mut allowed: BTreeSet<&str> = COMMON_LABELS.iter().copied().collect();
    for metric in &metrics {
        allowed.extend(if recorded.contains(metric) {
            PLACE_LABELS
        } else {
            labels_of(metric).unwrap_or_else(|| panic!("{place}: there is no metric {metric}:\n{expression}"))
        });
    }
    for label in &labels {
        assert!(
            allowed.contains(label.as_str()),
            "{place}: none of {metrics:?} has a label {label}:\n{expression}"
        );
    }
}

#[test]
fn the_table_of_metrics_agrees_with_the_documentation() {
    let path = repository("docs/metrics.md");
    if !path.exists() {
        eprintln!("SKIPPED: there is no docs/metrics.md yet, the table in this file is all there is");
        return;
    }
    let text = read(path);
    let known: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for (metric, _) in METRICS {
        assert!(known.contains(metric), "docs/metrics.md does not know {metric}");
    }
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
    let Some(promtool) = tool("promtool") else { return };
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

#[test]
fn promtool_proves_the_rules() {
    let Some(promtool) = tool("promtool") else { return };
    succeed(
        Command::new(&promtool)
            .args(["test", "rules"])
            .args(files("prometheus/tests", "yml")),
    );
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
    // it always fires: that is its purpose
    rests.insert("Watchdog".to_owned());
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
    let mut command = Command::new("sh");
    command
        .arg(repository("alertmanager/render.sh"))
        .arg(repository("alertmanager/alertmanager.yml"))
        .arg(secrets)
        .arg(output);
    command
}

#[test]
fn a_receiver_exists_where_its_secret_does() {
    let (_none, without) = rendered(&[]);
    for receiver in items(&yaml(&without)["receivers"]) {
        assert_eq!(
            receiver.as_mapping().unwrap().len(),
            1,
            "without a secret it has a name and nothing else: {receiver:?}"
        );
    }
    let (_some, with) = rendered(&["webhook_url", "watchdog_url"]);
    let config = yaml(&with);
    let alerts = items(&config["receivers"])
        .iter()
        .find(|receiver| receiver["name"].as_str() == Some("alerts"))
        .expect("the receiver alerts");
    let webhook = &alerts["webhook_configs"][0];
    assert_eq!(
        webhook["url_file"].as_str(),
        Some("/etc/alertmanager/secrets/webhook_url")
    );
    assert_eq!(webhook["send_resolved"].as_bool(), Some(true));
    // with every secret there it is the file itself, comments aside
    assert_eq!(config, yaml(repository("alertmanager/alertmanager.yml")));
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
    let secret = directory.path().join("webhook_url");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let run = render(directory.path(), &output).output().unwrap();
    assert!(!run.status.success());
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(said.contains("chmod 644 alertmanager/secrets/webhook_url"), "{said}");
}

#[test]
fn amtool_accepts_the_configuration() {
    let Some(amtool) = tool("amtool") else { return };
    let (_none, without) = rendered(&[]);
    succeed(Command::new(&amtool).arg("check-config").arg(&without));
    if version(&amtool) < (0, 26) {
        eprintln!("SKIPPED: amtool before 0.26 does not know url_file: only the one without secrets is checked");
        return;
    }
    let (_some, with) = rendered(&["webhook_url", "watchdog_url"]);
    succeed(Command::new(&amtool).arg("check-config").arg(&with));
    succeed(
        Command::new(&amtool)
            .arg("check-config")
            .arg(repository("alertmanager/alertmanager.yml")),
    );
}

#[test]
fn amtool_routes_alerts_as_meant() {
    let Some(amtool) = tool("amtool") else { return };
    let (_none, without) = rendered(&[]);
    let config = format!("--config.file={}", without.display());
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
        let expected = format!("--verify.receivers={receiver}");
        succeed(
            Command::new(&amtool)
                .args(["config", "routes", "test", &config, &expected])
                .args(*labels),
        );
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
                assert!(
                    alert_names().contains(name.trim_end_matches('"')),
                    "there is no alert {text}"
                );
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
    const CORE: &[&str] = &[
        "stat",
        "table",
        "timeseries",
        "status-history",
        "heatmap",
        "bargauge",
        "row",
    ];
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
            check_panel(&format!("{name}: {title}"), panel, &variables);
        }
        let text = dashboard.to_string();
        for part in text.split("\"/d/").skip(1) {
            let uid = part.split(['?', '"']).next().unwrap();
            assert!(uids.contains(&uid), "{name}: links to {uid}, which is not there");
            assert!(
                part.split('"').next().unwrap().contains("${datasource:queryparam}"),
                "{name}: a link to {uid} loses the data source"
            );
        }
    }
}

#[test]
fn alerts_and_compose_point_at_dashboards_that_exist() {
    let uids: BTreeSet<String> = dashboards()
        .iter()
        .map(|(_, json)| json["uid"].as_str().unwrap().to_owned())
        .collect();
    for rule in rules() {
        let Some(name) = rule.text(&["alert"]) else { continue };
        let url = rule
            .text(&["annotations", "dashboard_url"])
            .unwrap_or_else(|| panic!("{name}: no dashboard_url"));
        let uid = url.rsplit_once("/d/").expect("/d/").1.split('?').next().unwrap();
        assert!(uids.contains(uid), "{name}: no dashboard {uid}");
    }
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
