//! What Prometheus and people get over HTTP.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Daemon, Exposition, Format, Home, Server, loopback, wait_until};

const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Three devices that answer, and one that cannot.
const TARGETS: &str = "global: {interval: 200ms, site: home}
targets:
  - {name: one, address: 127.0.0.1, role: gateway, labels: {floor: '1'}, probes: {icmp: {}}}
  - {name: two, address: 127.0.0.2, parent: one, probes: {icmp: {}}}
  - {name: six, address: '::1', probes: {icmp: {}}}
  - {name: unresolved, address: nosuch.invalid, probes: {icmp: {}}}
";

fn started(why: &str, config: &str) -> Option<(Home, Daemon)> {
    if !loopback(why) {
        return None;
    }
    let home = Home::new(config);
    let daemon = Daemon::start(&home);
    Some((home, daemon))
}

/// Series without the ever-changing values.
fn names(of: &Exposition) -> BTreeSet<String> {
    of.samples
        .iter()
        .map(|sample| format!("{} {:?}", sample.name, sample.labels))
        .collect()
}

#[test]
fn both_formats_are_strictly_right_and_say_the_same() {
    let Some((_home, daemon)) = started("the text formats", TARGETS) else {
        return;
    };
    daemon.wait_devices(Duration::from_secs(10), "lanpulse_device_up", &["one", "two", "six"]);
    let ask = |accept: &str| daemon.request("GET", "/metrics").header("Accept", accept).send();

    let open = ask(
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    );
    assert_eq!((open.status, open.header("content-type")), (200, Some(OPEN)));
    let classic = ask("text/plain;version=0.0.4;q=0.3,*/*;q=0.2");
    assert_eq!((classic.status, classic.header("content-type")), (200, Some(CLASSIC)));
    for accept in ["*/*", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", ""] {
        assert_eq!(ask(accept).header("content-type"), Some(CLASSIC), "{accept:?}");
    }
    assert_eq!(
        daemon.get("/metrics").header("content-type"),
        Some(CLASSIC),
        "without Accept"
    );

    let open = Exposition::parse(Format::OpenMetrics, &open.text()).unwrap_or_else(|e| panic!("{e}"));
    let classic = Exposition::parse(Format::Classic, &classic.text()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(names(&open), names(&classic));
    for sample in &open.samples {
        assert!(
            sample.name.starts_with("lanpulse_") || sample.name.starts_with("process_"),
            "{sample:?}"
        );
        for label in ["instance", "job"] {
            assert!(!sample.labels.contains_key(label), "{sample:?}");
        }
        if sample.labels.contains_key("device") {
            assert_eq!(
                sample.labels.get("agent").map(String::as_str),
                Some("local"),
                "{sample:?}"
            );
        }
    }
    let info = [
        ("device", "one"),
        ("role", "gateway"),
        ("site", "home"),
        ("floor", "1"),
        ("address", "127.0.0.1"),
    ];
    assert_eq!(open.value("lanpulse_device_info", &info), Some(1.0));
    assert_eq!(
        open.value("lanpulse_device_info", &[("device", "two"), ("parent", "one")]),
        Some(1.0)
    );
    assert_eq!(
        open.value("lanpulse_device_authorized", &[("device", "two")]),
        Some(1.0)
    );
    assert_eq!(open.value("lanpulse_targets", &[]), Some(4.0));
    assert_eq!(open.value("lanpulse_series", &[]), Some(open.samples.len() as f64));
    let bounds = open.values_of("lanpulse_icmp_rtt_seconds_bucket", "le");
    let bounds: BTreeSet<u64> = bounds.iter().map(|le| le.parse::<f64>().unwrap().to_bits()).collect();
    let wanted = [
        0.0005,
        0.001,
        0.0025,
        0.005,
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        1.0,
        f64::INFINITY,
    ];
    assert_eq!(bounds, wanted.map(f64::to_bits).into());
}

#[test]
fn compressed_when_asked() {
    let Some((_home, daemon)) = started("compression", TARGETS) else {
        return;
    };
    daemon.wait_devices(Duration::from_secs(10), "lanpulse_device_up", &["one"]);
    let ask = |encoding: &str| {
        daemon
            .request("GET", "/metrics")
            .header("Accept-Encoding", encoding)
            .send()
    };
    for encoding in ["gzip", "gzip, deflate, br", "deflate;q=0.5, gzip;q=0.8"] {
        let reply = ask(encoding);
        assert_eq!(reply.header("content-encoding"), Some("gzip"), "{encoding}");
        assert!(
            reply.raw.len() < reply.text().len() / 2,
            "{} of {}",
            reply.raw.len(),
            reply.text().len()
        );
        Exposition::parse(Format::Classic, &reply.text()).unwrap();
    }
    for encoding in ["identity", "br", "gzip;q=0", ""] {
        assert_eq!(ask(encoding).header("content-encoding"), None, "{encoding}");
    }
    assert_eq!(daemon.get("/metrics").header("content-encoding"), None);
}

#[test]
fn errors_have_one_shape() {
    let Some((_home, daemon)) = started("HTTP errors", "") else {
        return;
    };
    for (method, path, status) in [
        ("GET", "/nothing/here", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/..%2f..%2fetc/passwd", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/-/ready", 405),
        ("GET", "/-/reload", 405),
        ("PUT", "/", 405),
    ] {
        let reply = daemon.request(method, path).send();
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        let (code, message) = reply.error();
        assert!(
            !code.is_empty() && code.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
            "{code}"
        );
        assert!(!message.is_empty());
        assert_eq!(
            reply.header("allow").is_some(),
            status == 405,
            "{method} {path}: {reply:?}"
        );
    }
    // a mistyped ping URL holds a token
    daemon.get("/ping/5d41402abc4b2a76b9719d911017c592?rid=secret");
    assert!(
        !daemon.log().contains("5d41402abc4b") && !daemon.log().contains("secret"),
        "{}",
        daemon.log()
    );
    let reply = daemon.request("POST", "/-/reload").body(vec![b'x'; 70 << 10]).send();
    assert!(reply.status >= 400, "a body of 70 KiB: {}", reply.status);
    assert_eq!(daemon.get("/-/ready").status, 200);
}

/// Gives the classic text to `promtool check metrics`, which must have nothing to say.
fn promtool(text: &str) {
    let Some(promtool) = crate::support::binary("promtool") else {
        return;
    };
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "promtool: {}\n{said}",
        output.status
    );
}

#[test]
fn promtool_has_nothing_to_say() {
    let Some((_home, daemon)) = started("promtool", TARGETS) else {
        return;
    };
    daemon.wait_devices(
        Duration::from_secs(10),
        "lanpulse_icmp_rtt_avg_seconds",
        &["one", "two", "six"],
    );
    promtool(&daemon.get("/metrics").text());
}

#[test]
fn a_device_costs_forty_series_or_twenty_two() {
    let Some((home, daemon)) = started("the budget", TARGETS) else {
        return;
    };
    let devices = ["one", "two", "six"];
    daemon.wait_devices(Duration::from_secs(10), "lanpulse_icmp_jitter_seconds", &devices);
    let metrics = daemon.metrics();
    for device in devices {
        let series = metrics.of_device(device);
        assert!(series.len() <= 40, "{device}: {}\n{series:#?}", series.len());
    }
    home.configure(&format!("series: {{histogram: false, window: false}}\n{TARGETS}"));
    assert_eq!(daemon.post("/-/reload").status, 200);
    let metrics = daemon.metrics();
    for device in devices {
        let series = metrics.of_device(device);
        assert!(series.len() <= 22, "{device}: {}\n{series:#?}", series.len());
        assert_eq!(metrics.value("lanpulse_device_up", &[("device", device)]), Some(1.0));
    }
    assert!(metrics.all("lanpulse_icmp_rtt_seconds_bucket", &[]).is_empty());
    assert!(metrics.all("lanpulse_icmp_loss_ratio", &[]).is_empty());
}

#[test]
fn hostile_names_do_no_harm() {
    let config = r#"global: {interval: 200ms}
targets:
  - {name: "quo\"te", address: 127.0.0.1, probes: {icmp: {}}, labels: {note: "a \"b\" \\ c\\n", empty: ""}}
  - {name: 'back\slash\', address: 127.0.0.2, probes: {icmp: {}}}
  - {name: "new\nline", address: 127.0.0.3, probes: {icmp: {}}}
  - {name: "{le=\"+Inf\"} 1 # EOF", address: 127.0.0.4, probes: {icmp: {}}}
  - {name: "Gerät 中文 \U0001F4E1", address: 127.0.0.5, probes: {icmp: {}}}
  - {name: "nul\0 esc\e[31m sep\u2028 bidi\u202E", address: 127.0.0.6, probes: {icmp: {}}}
  - {name: "<script>alert(1)</script>", address: 127.0.0.7, probes: {icmp: {}}}
"#;
    let Some((_home, daemon)) = started("hostile names", config) else {
        return;
    };
    wait_until(Duration::from_secs(10), "seven devices", || {
        // the last family to appear: from then on two scrapes have the same series
        daemon.metrics().all("lanpulse_icmp_jitter_seconds", &[]).len() == 7
    });
    let metrics = daemon.metrics();
    for name in [
        "quo\"te",
        "back\\slash\\",
        "new\u{FFFD}line",
        "{le=\"+Inf\"} 1 # EOF",
        "Gerät 中文 \u{1F4E1}",
        "<script>alert(1)</script>",
    ] {
        assert_eq!(
            metrics.value("lanpulse_device_up", &[("device", name)]),
            Some(1.0),
            "{name:?}"
        );
    }
    let note = [("device", "quo\"te"), ("note", "a \"b\" \\ c\\n")];
    assert_eq!(metrics.value("lanpulse_device_info", &note), Some(1.0));
    for sample in &metrics.samples {
        assert!(
            !sample.labels.values().any(|value| value.contains(char::is_control)),
            "{sample:?}"
        );
    }
    let classic = daemon.get("/metrics").text();
    let parsed = Exposition::parse(Format::Classic, &classic).unwrap_or_else(|e| panic!("{e}\n{classic}"));
    assert_eq!(names(&parsed), names(&metrics));
    promtool(&classic);
    assert!(
        !daemon.get("/").text().contains("<script"),
        "{}",
        daemon.get("/").text()
    );
    let log = daemon.log();
    assert!(
        !log.contains('\u{1b}') && !log.contains('\0'),
        "control characters in the log\n{log}"
    );
}

#[test]
fn prometheus_scrapes_without_an_error() {
    let mut config = "global: {interval: 200ms}\ntargets:\n".to_owned();
    for host in 1..=50 {
        let name = format!("'de\"vice \\ {host}'");
        writeln!(
            config,
            "  - {{name: {name}, address: 127.0.0.{host}, probes: {{icmp: {{}}}}}}"
        )
        .unwrap();
    }
    let Some((_home, daemon)) = started("scrapes by Prometheus", &config) else {
        return;
    };
    let Some(prometheus) = Server::prometheus(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n\
         scrape_configs: [{job_name: lanpulse, static_configs: [{targets: ['127.0.0.1:10526']}]}]\n",
    ) else {
        return;
    };
    let one = |expression: &str| prometheus.query(expression).first().map(|(_, value)| *value);
    wait_until(Duration::from_secs(50), "20 scrapes", || {
        one("count_over_time(up{job=\"lanpulse\"}[2m])") >= Some(20.0)
    });
    assert_eq!(
        one("min_over_time(up{job=\"lanpulse\"}[2m])"),
        Some(1.0),
        "{}",
        prometheus.log()
    );
    assert!(one("scrape_samples_scraped") > Some(50.0 * 30.0));
    assert_eq!(one("count(lanpulse_device_up == 1)"), Some(50.0));
    let loss = "sum(rate(lanpulse_icmp_failures_total[15s])) / sum(rate(lanpulse_icmp_requests_total[15s]))";
    assert_eq!(one(loss), Some(0.0));
    let targets = prometheus.get("/api/v1/targets").json();
    let target = &targets["data"]["activeTargets"][0];
    assert_eq!(
        (target["health"].as_str(), target["lastError"].as_str()),
        (Some("up"), Some("")),
        "{target}"
    );
    let metadata = prometheus
        .get("/api/v1/targets/metadata?metric=lanpulse_icmp_rtt_seconds")
        .json();
    assert_eq!(metadata["data"][0]["type"], "histogram", "{metadata}");
    for line in prometheus.log().lines() {
        let bad =
            line.contains("level=ERROR") || line.contains("level=error") || line.to_lowercase().contains("append");
        assert!(!bad && !line.contains("scrape_manager"), "{line}");
    }
    assert_eq!(daemon.get("/-/ready").status, 200);
}
