//! The test harness itself: does the LAN do what it says, are the readers strict, do the servers run?

use std::time::Duration;

use crate::support::{Exposition, Format, Lan, Request, Server, WebhookSink};

const PERIOD: Duration = Duration::from_millis(10);

#[test]
fn the_lan_answers_loses_refuses_and_is_late() {
    let Some(mut lan) = Lan::new("the LAN itself") else {
        return;
    };
    let counts = |lan: &Lan, count: u32, addresses: &[&str]| -> Vec<usize> {
        lan.fping(addresses, count, PERIOD).iter().map(Vec::len).collect()
    };
    assert_eq!(
        counts(&lan, 5, &["10.77.0.2", "10.77.60.9", "10.81.2.3", "fd77:60::9"]),
        [5, 5, 5, 5]
    );
    assert_eq!(
        counts(&lan, 2, &["10.77.48.9", "10.77.62.9", "10.77.64.9", "fd77:62::9"]),
        [0, 0, 0, 0]
    );
    let lossy: Vec<String> = (1..=100).map(|host| format!("10.77.61.{host}")).collect();
    let lossy: Vec<&str> = lossy.iter().map(String::as_str).collect();
    let kept: usize = counts(&lan, 10, &lossy).iter().sum();
    assert!((860..=940).contains(&kept), "{kept} of 1000");

    lan.kill_host("10.77.60.9");
    lan.kill_host("fd77:60::9");
    assert_eq!(counts(&lan, 1, &["10.77.60.9", "10.77.60.8", "fd77:60::9"]), [0, 1, 0]);
    lan.revive_host("10.77.60.9");
    lan.revive_host("fd77:60::9");
    assert_eq!(counts(&lan, 1, &["10.77.60.9", "fd77:60::9"]), [1, 1]);

    let rtt = |lan: &Lan| crate::support::median(lan.fping(&["10.77.63.9"], 9, Duration::from_millis(100))[0].clone());
    assert!(rtt(&lan) < 0.01);
    lan.delay(Duration::from_millis(80));
    let late = rtt(&lan);
    assert!((0.08..0.1).contains(&late), "{late}");
    lan.delay(Duration::ZERO);
    assert!(rtt(&lan) < 0.02);
}

#[test]
fn the_far_side_says_unreachable_each_time() {
    let Some(lan) = Lan::new("ICMP errors") else { return };
    let sent = |version: &str, name: &str| -> u64 {
        let text = lan.peer(&["nstat", "-asz", name]);
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{version}: {text}"));
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    lan.fping(&["10.77.62.9", "10.77.64.9", "fd77:62::9"], 10, PERIOD);
    assert_eq!(sent("IPv4", "IcmpOutDestUnreachs"), 20);
    assert_eq!(sent("IPv6", "Icmp6OutDestUnreachs"), 10);
    assert!(lan.here(&["ip", "route"]).contains("10.77.0.0/16"));
}

#[test]
fn good_text_is_read() {
    let classic = "# HELP a_total All \\\\ of\\nit.\n# TYPE a_total counter\na_total{x=\"q\\\"b\\\\n\\nü\"} 3\na_total 1e3\n\
                   # HELP h Times.\n# TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 0.5\nh_count 2\n";
    let read = Exposition::parse(Format::Classic, classic).unwrap();
    assert_eq!(read.value("a_total", &[("x", "q\"b\\n\nü")]), Some(3.0));
    assert_eq!(read.families[0].help, "All \\ of\nit.");
    assert_eq!(read.samples.len(), 6);
    let open = "# HELP a All.\n# TYPE a counter\na_total{} 1\n# TYPE b info\n# HELP b B.\nb_info{x=\"\"} 1\n\
                # HELP c_seconds C.\n# TYPE c_seconds gauge\n# UNIT c_seconds seconds\nc_seconds -1.5\n# EOF\n";
    let read = Exposition::parse(Format::OpenMetrics, open).unwrap();
    assert_eq!(read.value("a_total", &[]), Some(1.0));
    assert_eq!(read.value("b_info", &[("x", "")]), Some(1.0));
    assert_eq!(read.value("nothing", &[]), None);
}

#[test]
fn bad_text_is_refused() {
    let head = "# HELP a A.\n# TYPE a gauge\n";
    for (what, text) in [
        ("no end", format!("{head}a 1")),
        ("no type", "# HELP a A.\na 1\n".into()),
        ("no help", "# TYPE a gauge\na 1\n".into()),
        ("no family", "a 1\n".into()),
        ("another family", format!("{head}b 1\n")),
        ("twice", format!("{head}a 1\na 2\n")),
        (
            "twice in another order",
            format!("{head}a{{x=\"1\",y=\"2\"}} 1\na{{y=\"2\",x=\"1\"}} 2\n"),
        ),
        (
            "interleaved",
            format!("{head}a 1\n# HELP b B.\n# TYPE b gauge\nb 1\na{{x=\"1\"}} 1\n"),
        ),
        (
            "declared twice",
            format!("{head}a 1\n# HELP b B.\n# TYPE b gauge\n{head}a{{x=\"1\"}} 1\n"),
        ),
        ("late help", "# TYPE a gauge\na 1\n# HELP a A.\n".into()),
        ("second help", format!("{head}# HELP a A.\na 1\n")),
        ("unknown type", "# HELP a A.\n# TYPE a number\na 1\n".into()),
        ("bad escape", format!("{head}a{{x=\"\\t\"}} 1\n")),
        ("open value", format!("{head}a{{x=\"b\\\"}} 1\n")),
        ("quote in a value", format!("{head}a{{x=\"b\"c\"}} 1\n")),
        ("line break in a value", format!("{head}a{{x=\"b\nc\"}} 1\n")),
        ("label twice", format!("{head}a{{x=\"1\",x=\"1\"}} 1\n")),
        ("label name", format!("{head}a{{1x=\"1\"}} 1\n")),
        ("number", format!("{head}a one\n")),
        ("number", format!("{head}a inf\n")),
        ("timestamp", format!("{head}a 1 1000\n")),
        ("counter name", "# HELP a A.\n# TYPE a counter\na 1\n".into()),
        ("info", "# HELP a_info A.\n# TYPE a_info gauge\na_info 0\n".into()),
        (
            "no +Inf",
            "# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n".into(),
        ),
        (
            "sums",
            "# HELP a A.\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n".into(),
        ),
    ] {
        assert!(Exposition::parse(Format::Classic, &text).is_err(), "{what}: {text}");
    }
    for (what, text) in [
        ("no EOF", format!("{head}a 1\n")),
        ("more after EOF", format!("{head}a 1\n# EOF\na 1\n")),
        ("empty line", format!("{head}\na 1\n# EOF\n")),
        ("comment", format!("{head}# hello\na 1\n# EOF\n")),
        (
            "total in the family",
            "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n# EOF\n".into(),
        ),
        ("unit", format!("{head}# UNIT a seconds\na 1\n# EOF\n")),
        ("untyped", "# HELP a A.\n# TYPE a untyped\na 1\n# EOF\n".into()),
    ] {
        assert!(Exposition::parse(Format::OpenMetrics, &text).is_err(), "{what}: {text}");
    }
}

#[test]
fn prometheus_and_alertmanager_reach_the_sink() {
    if !crate::support::loopback("Prometheus and Alertmanager") {
        return;
    }
    let sink = WebhookSink::start();
    let config = format!(
        "route: {{receiver: sink, group_wait: 0s, group_interval: 1s}}\n\
         receivers: [{{name: sink, webhook_configs: [{{url: '{}'}}]}}]\n",
        sink.url()
    );
    let Some(alertmanager) = Server::alertmanager(&config) else {
        return;
    };
    let config = "global: {scrape_interval: 1s, evaluation_interval: 1s}\n\
                  scrape_configs: [{job_name: self, static_configs: [{targets: ['127.0.0.1:9090']}]}]\n";
    let Some(prometheus) = Server::prometheus(config) else {
        return;
    };
    crate::support::wait_until(Duration::from_secs(20), "up", || {
        prometheus
            .query("up{job=\"self\"}")
            .iter()
            .any(|(_, value)| *value > 0.5)
    });
    let alert = r#"[{"labels": {"alertname": "Hello"}}]"#;
    let reply = Request::new("127.0.0.1:9093".parse().unwrap(), "POST", "/api/v2/alerts")
        .header("Content-Type", "application/json")
        .body(alert)
        .send();
    assert_eq!(reply.status, 200, "{}", alertmanager.log());
    crate::support::wait_until(Duration::from_secs(10), "a notification", || {
        sink.alerts()
            .iter()
            .any(|alert| alert["labels"]["alertname"] == "Hello")
    });
}
