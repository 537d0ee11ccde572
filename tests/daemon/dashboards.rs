//! Every expression of every dashboard, asked of a real Prometheus that reads a real lanpulse in a network where things
//! go well and badly: each returns data, or is in `QUIET` with its reason.

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use lanpulse::model::TokenDigest;
use serde_json::Value;

use crate::support::{Daemon, Home, Lan, Parts, Server, binary, repository, wait_until};

/// What shows nothing in a healthy laboratory, and why: part of the panel's title, part of the expression.
const QUIET: &[(&str, &str, &str)] = &[
    (
        "Series",
        "lanpulse_series_dropped_total",
        "nothing is left out below the limit of 500,000 series",
    ),
    (
        "Scans that failed",
        "lanpulse_discovery_scans_total",
        "no scan fails in this network",
    ),
    (
        "Errors and discards",
        "> 0",
        "a veth pair has no cable that could be bad",
    ),
];

/// An expression, where it stands, and how it is asked.
struct Question {
    place: String,
    expression: String,
    instant: bool,
}

fn dashboards() -> Vec<(String, Value)> {
    let mut found: Vec<(String, Value)> = fs::read_dir(repository("grafana/dashboards"))
        .expect("grafana/dashboards")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The expression as Grafana would send it, with `All` chosen, or the device `nas` where there is no `All`.
fn filled(expression: &str) -> String {
    let mut text = expression
        .replace("=\"$device\"", "=\"nas\"")
        .replace("!~\"$site\"", "!~\".*\"");
    for (variable, value) in [
        ("$__rate_interval", "20s"),
        ("$__interval", "15s"),
        ("$__range", "10m"),
        ("$job", ".*"),
        ("$instance", ".*"),
        ("$device", ".*"),
        ("$interface", ".*"),
        ("$probe", ".*"),
        ("$heartbeat", ".*"),
    ] {
        text = text.replace(variable, value);
    }
    assert!(!text.contains('$'), "a variable this test does not know: {text}");
    text
}

fn questions() -> Vec<Question> {
    let mut found = Vec::new();
    for (name, dashboard) in dashboards() {
        let outer = list(&dashboard["panels"]).iter();
        for panel in outer.flat_map(|panel| std::iter::once(panel).chain(list(&panel["panels"]))) {
            for target in list(&panel["targets"]) {
                found.push(Question {
                    place: format!("{name}: {} {}", panel["title"], target["refId"]).replace('"', ""),
                    expression: filled(target["expr"].as_str().unwrap()),
                    instant: target["instant"] == true,
                });
            }
        }
        for variable in list(&dashboard["templating"]["list"]) {
            let Some(definition) = variable["definition"].as_str() else {
                continue;
            };
            let arguments = definition
                .strip_prefix("label_values(")
                .and_then(|rest| rest.strip_suffix(')'));
            let (selector, label) = arguments.unwrap().rsplit_once(", ").unwrap();
            found.push(Question {
                place: format!("{name}: variable {label}"),
                // a value of the variable is one of the label, and none where the label is empty
                expression: format!(
                    "count by ({label}) ({})",
                    filled(&selector.replace('}', &format!(", {label}!=\"\"}}")))
                ),
                instant: true,
            });
        }
        for annotation in list(&dashboard["annotations"]["list"]) {
            found.push(Question {
                place: format!("{name}: annotation {}", annotation["name"]).replace('"', ""),
                expression: filled(annotation["expr"].as_str().unwrap()),
                instant: false,
            });
        }
    }
    found
}

/// The rules as shipped, each evaluated every second.
fn rules(home: &Home) {
    for entry in fs::read_dir(repository("prometheus/rules")).expect("prometheus/rules") {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let quick = text.lines().map(|line| match line.trim_start().split(' ').next() {
            Some("interval:") => line.split("interval").next().unwrap().to_owned() + "interval: 1s",
            _ => line.to_owned(),
        });
        let quick = quick.collect::<Vec<_>>().join("\n");
        home.write(&format!("rules/{}", path.file_name().unwrap().display()), &quick);
    }
}

/// How many series Prometheus answers with; panics where it complains.
fn ask(prometheus: &Server, question: &Question, start: f64) -> usize {
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let query = percent(&question.expression);
    let path = if question.instant {
        format!("/api/v1/query?query={query}")
    } else {
        format!(
            "/api/v1/query_range?query={query}&start={start}&end={}&step=5",
            crate::support::now()
        )
    };
    let answer = prometheus.get(&path).json();
    assert_eq!(
        answer["status"], "success",
        "{}: {}\n{answer}",
        question.place, question.expression
    );
    let complaints = list(&answer["warnings"]);
    assert!(
        complaints.is_empty(),
        "{}: {}\n{complaints:?}",
        question.place,
        question.expression
    );
    let series = list(&answer["data"]["result"]);
    for one in series {
        // a division by nothing, or the quantile of nothing: a panel that says NaN
        let values = list(&one["values"]).iter().chain(one.get("value"));
        let strange = values.filter(|pair| ["NaN", "+Inf", "-Inf"].contains(&pair[1].as_str().unwrap()));
        assert_eq!(strange.count(), 0, "{}: {}\n{one}", question.place, question.expression);
    }
    series.len()
}

/// No rule fails: a join with two of one thing would, and with it every alert of its group.
fn check_rules(prometheus: &Server) {
    let groups = prometheus.get("/api/v1/rules").json();
    let rules = list(&groups["data"]["groups"])
        .iter()
        .flat_map(|group| list(&group["rules"]));
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
}

/// Everything that lanpulse can watch, in one network. `@` stands for the directory of the certificates.
const NETWORK: &str = "global: {interval: 500ms, timeout: 400ms, site: home}
discovery: {methods: [icmp], networks: [10.77.60.0/28]}
internet:
  interval: 500ms
  quorum: 3
  checks:
    - {name: far, icmp: {address: 10.77.60.7}}
    - {name: names, dns: {server: 127.0.0.1, query: nas.test}}
    - {name: page, http: {url: 'http://127.0.0.1:8080/ok'}}
snmp: {credentials: {lab: {version: 2c, community: geheim}}}
heartbeats:
  - {name: backup, schedule: {every: 1h}, grace: 1h, token_sha256: $backup}
  - {name: late, schedule: {every: 1s}, grace: 1s, token_sha256: $late}
  - {name: never, schedule: {every: 1h}, token_sha256: $never}
targets:
  - {name: router, address: 10.77.0.2, role: gateway, probes: {icmp: {}, snmp: {credentials: lab, interval: 1s, timeout: 300ms}}}
  - {name: nas, address: 10.77.60.7, parent: router, labels: {floor: '1'}, probes: {icmp: {}, tcp: [{name: web, port: 8080}, {name: closed, port: 9}], snmp: {credentials: lab, interval: 1s, timeout: 300ms, retries: 1}}}
  - {name: camera, address: 10.77.60.8, parent: nas}
  - {name: lossy, address: 10.77.61.1, limits: {loss: 1%}}
  - {name: slow, address: 10.77.60.9, limits: {latency: 1us}}
  - name: web
    address: 127.0.0.1
    probes:
      icmp: {}
      http: {url: 'http://127.0.0.1:8080/ok'}
      dns: {server: 127.0.0.1, query: nas.test}
      tls: {port: 8443, ca_file: '@/ca.crt'}
";

/// A process that ends with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn every_panel_variable_and_annotation_shows_something() {
    let Some(lan) = Lan::new("dashboards") else { return };
    let Some(parts) = Parts::start() else { return };
    let mut network = NETWORK.replace('@', parts.directory.path().to_str().unwrap());
    for name in ["backup", "late", "never"] {
        let hash = TokenDigest::of(format!("token-{name}").as_bytes()).to_hex();
        network = network.replace(&format!("${name}"), &hash);
    }
    let mut web = lan.peer_command("python3");
    web.args(["-m", "http.server", "8080"])
        .current_dir(parts.directory.path());
    let _web = Killed(
        web.stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let home = Home::exactly(&network);
    let Some(snmpd) = binary("snmpd") else { return };
    let agent = home.write("snmpd.conf", "agentaddress udp:161\nrocommunity geheim\nsysName nas\n");
    let mut snmpd = lan.peer_command(snmpd.to_str().unwrap());
    snmpd.args(["-f", "-C", "-Lf", "/dev/null", "-c"]).arg(agent);
    snmpd.env("SNMP_PERSISTENT_DIR", home.path("snmpd"));
    let _snmpd = Killed(snmpd.stdin(Stdio::null()).spawn().unwrap());
    rules(&home);
    lan.kill_host("10.77.60.12");
    let daemon = Daemon::start(&home);
    // twice, as two daemons with the same devices: everything keeps them apart
    let Some(prometheus) = Server::prometheus(&format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ['{}/*.yml']
scrape_configs:
  - {{job_name: any, static_configs: [{{targets: ['127.0.0.1:10526']}}]}}
  - {{job_name: again, static_configs: [{{targets: ['127.0.0.1:10526'], labels: {{instance: 'other:10526'}}}}]}}
",
        home.path("rules").display()
    )) else {
        return;
    };
    let start = crate::support::now();
    // the first report of a kind begins its counter: rates see the second
    for round in 0..2 {
        for path in [
            "/ping/token-backup",
            "/ping/token-backup/start",
            "/ping/token-backup/0",
            "/ping/token-late",
        ] {
            assert_eq!(daemon.post(path).status, 200, "{path}");
        }
        assert_eq!(daemon.post("/ping/token-of-nobody").status, 404);
        if round == 0 {
            wait_until(Duration::from_secs(20), "Prometheus has seen the first reports", || {
                prometheus
                    .query("lanpulse_heartbeat_signals_total{kind=\"start\"} > 0")
                    .len()
                    == 2
            });
        }
    }
    wait_until(Duration::from_secs(20), "Prometheus knows the devices", || {
        prometheus.query("lanpulse_device_up == 1").len() >= 12
    });
    // a newcomer, after Prometheus knows the others
    wait_until(Duration::from_secs(20), "the first scan", || {
        !prometheus.query("lanpulse_discovery_scan_hosts > 0").is_empty()
    });
    lan.revive_host("10.77.60.12");
    let scan = daemon
        .request("POST", "/api/v1/discovery/scan")
        .header("Content-Type", "application/json")
        .body(r#"{"networks": ["10.77.60.0/28"], "methods": ["icmp"]}"#);
    assert_eq!(scan.send().status, 202);
    // what is drawn into the graphs: a device that comes and goes, a configuration that is loaded and one that is refused
    lan.kill_host("10.77.60.7");
    home.write(
        "lanpulse.yaml",
        &format!("{network}  - {{name: more, address: 10.77.60.10}}\n"),
    );
    assert_eq!(daemon.post("/-/reload").status, 200);
    wait_until(Duration::from_secs(20), "one goes down", || {
        prometheus.query("lanpulse_device_up{device=\"nas\"} == 0").len() == 2
    });
    lan.revive_host("10.77.60.7");
    home.write("lanpulse.yaml", &format!("{network}nonsense: 1\n"));
    assert_eq!(daemon.post("/-/reload").status, 400);
    wait_until(Duration::from_secs(20), "it comes up", || {
        prometheus.query("lanpulse_device_up{device=\"nas\"} == 1").len() == 2
    });
    // long enough for a graph's step to fall into it
    std::thread::sleep(Duration::from_secs(10));
    lan.kill_host("10.77.60.7");
    lan.kill_host("10.77.60.8");
    wait_until(Duration::from_secs(40), "alerts of two severities", || {
        prometheus
            .query("count by (severity) (ALERTS{alertstate=\"firing\"})")
            .len()
            >= 2
    });

    check_rules(&prometheus);

    // a moment more for what looks back, and then all at once
    let all = questions();
    let mut empty = Vec::new();
    for round in 0.. {
        empty = all
            .iter()
            .filter(|question| ask(&prometheus, question, start) == 0)
            .collect();
        let left = empty.iter().filter(|question| quiet(question).is_none()).count();
        if left == 0 || round == 8 {
            break;
        }
        std::thread::sleep(Duration::from_secs(3));
    }
    for question in &empty {
        println!(
            "empty: {}: {}: {}",
            question.place,
            quiet(question).unwrap_or("?"),
            question.expression
        );
    }
    let unexpected: Vec<_> = empty.iter().filter(|question| quiet(question).is_none()).collect();
    let shown = all.len() - empty.len();
    println!("{shown} of {} expressions return data", all.len());
    let said: Vec<String> = unexpected
        .iter()
        .map(|question| format!("{}: {}", question.place, question.expression))
        .collect();
    assert!(said.is_empty(), "no data for\n{}", said.join("\n"));
    assert!(shown * 100 >= all.len() * 95, "{shown} of {}", all.len());
}

fn quiet(question: &Question) -> Option<&'static str> {
    let fits =
        |(place, part, _): &&(&str, &str, &str)| question.place.contains(place) && question.expression.contains(part);
    QUIET.iter().find(fits).map(|(_, _, why)| *why)
}
