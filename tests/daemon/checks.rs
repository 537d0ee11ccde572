//! Checks against real servers, good and bad: is what they say true, and for the right reason?

use std::fmt::Write as _;
use std::time::Duration;

use crate::support::{Daemon, EXPIRED_SINCE, Exposition, GOOD_UNTIL, Home, Parts, command, loopback, wait_until};

const PATIENCE: Duration = Duration::from_secs(30);

/// Name, kind with settings, reason of failure ("" is success). `@` is the directory of the certificates.
const CHECKS: &[(&str, &str, &str)] = &[
    ("open", "tcp: {port: 8080}", ""),
    ("closed", "tcp: {port: 9}", "refused"),
    ("hole", "tcp: {port: 9998, timeout: 500ms}", "timeout"),
    ("ssh", r#"tcp: {port: 2222, expect: "^SSH-2\\.0-"}"#, ""),
    ("notssh", r#"tcp: {port: 7777, send: "SSH?", expect: "^SSH-2"}"#, "body"),
    ("parrot", r#"tcp: {port: 7777, send: "hi", expect: "said hi"}"#, ""),
    (
        "mute",
        r#"tcp: {port: 8080, expect: "never", timeout: 500ms}"#,
        "timeout",
    ),
    (
        "tcptls",
        r#"tcp: {port: 8443, tls: {ca_file: "@/ca.crt"}, send: "GET / HTTP/1.0\r\n\r\n", expect: "log in"}"#,
        "",
    ),
    ("tls-good", r#"tls: {port: 8443, ca_file: "@/ca.crt"}"#, ""),
    (
        "tls-expired",
        r#"tls: {port: 8444, ca_file: "@/ca.crt"}"#,
        "certificate_expired",
    ),
    ("tls-insecure", "tls: {port: 8444, insecure: true}", ""),
    ("tls-self", "tls: {port: 8445}", "certificate_untrusted"),
    ("tls-pinned", r#"tls: {port: 8445, ca_file: "@/selfsigned.crt"}"#, ""),
    (
        "tls-name",
        r#"tls: {port: 8446, ca_file: "@/ca.crt"}"#,
        "certificate_untrusted",
    ),
    (
        "tls-named",
        r#"tls: {port: 8446, ca_file: "@/ca.crt", server_name: other.test}"#,
        "",
    ),
    ("tls-none", "tls: {port: 8080}", "tls"),
    ("tls-unknown-ca", "tls: {port: 8443}", "certificate_untrusted"),
    ("tls-nofile", "tls: {port: 8443, ca_file: /nonexistent}", "denied"),
    (
        "ok",
        "http: {url: 'http://127.0.0.1:8080/ok', expect: {body: log.in}}",
        "",
    ),
    ("gone", "http: {url: 'http://127.0.0.1:8080/status/503'}", "status"),
    (
        "wanted",
        "http: {url: 'http://127.0.0.1:8080/status/503', expect: {status: [5xx]}}",
        "",
    ),
    ("redirect", "http: {url: 'http://127.0.0.1:8080/redirect'}", ""),
    (
        "unfollowed",
        "http: {url: 'http://127.0.0.1:8080/redirect', redirects: 0}",
        "status",
    ),
    ("loop", "http: {url: 'http://127.0.0.1:8080/loop'}", "status"),
    ("away", "http: {url: 'http://127.0.0.1:8080/away'}", "protocol"),
    (
        "slow",
        "http: {url: 'http://127.0.0.1:8080/slow', timeout: 500ms}",
        "timeout",
    ),
    ("late", "http: {url: 'http://127.0.0.1:8080/late'}", ""),
    ("drip", "http: {url: 'http://127.0.0.1:8080/drip'}", ""),
    (
        "huge",
        "http: {url: 'http://127.0.0.1:8080/huge', max_body: 1MiB}",
        "too_large",
    ),
    ("headers", "http: {url: 'http://127.0.0.1:8080/headers'}", "too_large"),
    ("lying", "http: {url: 'http://127.0.0.1:8080/lying'}", "protocol"),
    ("garbage", "http: {url: 'http://127.0.0.1:8080/garbage'}", "protocol"),
    ("nothing", "http: {url: 'http://127.0.0.1:8080/nothing'}", "protocol"),
    (
        "nobody",
        "http: {url: 'http://127.0.0.1:8080/ok', expect: {body: goodbye}}",
        "body",
    ),
    (
        "somebody",
        "http: {url: 'http://127.0.0.1:8080/ok', expect: {body_not: hello}}",
        "body",
    ),
    ("refused", "http: {url: 'http://127.0.0.1:9/'}", "refused"),
    (
        "unresolved",
        "http: {url: 'http://nosuch.invalid/', timeout: 1s}",
        "unresolved",
    ),
    (
        "https",
        "http: {url: 'https://127.0.0.1:8443/ok', tls: {ca_file: '@/ca.crt'}}",
        "",
    ),
    (
        "https-expired",
        "http: {url: 'https://127.0.0.1:8444/ok', tls: {ca_file: '@/ca.crt'}}",
        "certificate_expired",
    ),
    (
        "https-insecure",
        "http: {url: 'https://127.0.0.1:8445/ok', tls: {insecure: true}}",
        "",
    ),
    (
        "mutual",
        "http: {url: 'https://127.0.0.1:8447/ok', tls: {ca_file: '@/ca.crt', cert_file: '@/client.crt', key_file: '@/client.key'}}",
        "",
    ),
    (
        "basic",
        "http: {url: 'http://127.0.0.1:8080/auth', basic_auth: {username: me, password_file: '@/password'}}",
        "",
    ),
    (
        "bearer",
        "http: {url: 'http://127.0.0.1:8080/auth', bearer_token_file: '@/token'}",
        "",
    ),
    ("noauth", "http: {url: 'http://127.0.0.1:8080/auth'}", "status"),
    (
        "post",
        "http: {url: 'http://127.0.0.1:8080/', method: POST, body: ping, expect: {body: got ping}}",
        "",
    ),
    (
        "proxy",
        "http: {url: 'http://nosuch.invalid/x', proxy: 'http://127.0.0.1:8080', expect: {body: 'by proxy: http://nosuch.invalid/x'}}",
        "",
    ),
    (
        "tunnel",
        "http: {url: 'https://localhost:8443/ok', proxy: 'http://127.0.0.1:8080', tls: {ca_file: '@/ca.crt'}}",
        "",
    ),
    (
        "dns",
        "dns: {query: nas.test, expect: {answers: ['^10\\.0\\.0\\.5$']}}",
        "",
    ),
    ("byname", "http: {url: 'http://localhost:8080/ok'}", ""),
    ("dns-byname", "dns: {server: localhost, query: nas.test}", ""),
    ("dns-true", "dns: {server: true, query: six.test, type: AAAA}", ""),
    (
        "dns-mx",
        "dns: {query: mail.test, type: MX, expect: {answers: ['^10 mx.test']}}",
        "",
    ),
    ("dns-tcp", "dns: {query: nas.test, transport: tcp}", ""),
    ("dns-big", "dns: {query: big.test, type: TXT}", ""),
    (
        "dns-tls",
        "dns: {query: nas.test, transport: tls, tls: {ca_file: '@/ca.crt'}}",
        "",
    ),
    ("dns-nx", "dns: {query: nosuch.test}", "dns_rcode"),
    (
        "dns-nx-wanted",
        "dns: {query: nosuch.test, expect: {rcode: [NXDOMAIN]}}",
        "",
    ),
    ("dns-empty", "dns: {query: nas.test, type: MX}", "dns_rcode"),
    (
        "dns-other",
        "dns: {query: nas.test, expect: {answers: ['^192']}}",
        "body",
    ),
    ("dns-refused", "dns: {query: nas.test, port: 5300}", "refused"),
    (
        "dns-hole",
        "dns: {query: nas.test, port: 9998, timeout: 500ms}",
        "timeout",
    ),
];

/// A packet filter under which port 9998 swallows everything.
fn dig_hole() {
    let rules = "add table inet hole; add chain inet hole in { type filter hook input priority 0; }; \
                 add rule inet hole in tcp dport 9998 drop; add rule inet hole in udp dport 9998 drop";
    command(std::process::Command::new("nft").arg(rules));
}

fn probe(metrics: &Exposition, name: &str, probe: &str, more: &[(&str, &str)]) -> Option<f64> {
    let labels = [&[("device", "lab"), ("probe", probe)], more].concat();
    metrics.value(name, &labels)
}

#[test]
fn every_check_says_what_is_so() {
    if !loopback("checks of real servers") {
        return;
    }
    let Some(parts) = Parts::start() else { return };
    dig_hole();
    std::fs::write(parts.path("password"), "s3cret\n").unwrap();
    std::fs::write(parts.path("token"), "t0ken").unwrap();
    let mut config =
        "global: {interval: 1s, timeout: 5s}\ntargets:\n  - name: lab\n    address: 127.0.0.1\n    probes:\n"
            .to_owned();
    for kind in ["tcp", "tls", "http", "dns"] {
        writeln!(config, "      {kind}:").unwrap();
        for (name, check, _) in CHECKS {
            if let Some(settings) = check.strip_prefix(&format!("{kind}: {{")) {
                let settings = settings.replace('@', parts.directory.path().to_str().unwrap());
                writeln!(config, "        - {{name: {name}, {settings}").unwrap();
            }
        }
    }
    let home = Home::new(&config);
    let daemon = Daemon::start(&home);
    wait_until(PATIENCE, "every check has come to an end", || {
        let metrics = daemon.metrics();
        CHECKS
            .iter()
            .all(|(name, ..)| probe(&metrics, "lanpulse_probe_success", name, &[]).is_some())
    });
    let metrics = daemon.metrics();
    let mut wrong = Vec::new();
    for (name, check, reason) in CHECKS {
        let success = probe(&metrics, "lanpulse_probe_success", name, &[]).unwrap();
        let labels = [("device", "lab"), ("probe", name)];
        let reasons: Vec<_> = metrics
            .all("lanpulse_probe_failures_total", &labels)
            .iter()
            .filter(|sample| sample.value > 0.0)
            .map(|sample| sample.labels["reason"].clone())
            .collect();
        let expected: Vec<&str> = Some(*reason).filter(|reason| !reason.is_empty()).into_iter().collect();
        if reasons != expected || (success > 0.5) != reason.is_empty() {
            wrong.push(format!("{name}: {check}: {reasons:?}, not {expected:?}"));
        }
        // the phases add up
        let kind = check.split(':').next().unwrap();
        let mut phases = metrics.all("lanpulse_probe_duration_seconds", &labels);
        phases.retain(|sample| sample.labels["phase"] != "total");
        let sum: f64 = phases.iter().map(|sample| sample.value).sum();
        let total = [("kind", kind), ("phase", "total")];
        let total = probe(&metrics, "lanpulse_probe_duration_seconds", name, &total).unwrap();
        if (sum - total).abs() > 0.002 {
            wrong.push(format!("{name}: {sum} is not {total}: {phases:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n{}",
        wrong.join("\n"),
        daemon.get("/api/v1/targets").text()
    );

    // the date is exact, trusted or not
    let expiry = |name: &str| {
        probe(
            &metrics,
            "lanpulse_probe_tls_certificate_expiry_timestamp_seconds",
            name,
            &[],
        )
    };
    for name in [
        "tls-good",
        "tcptls",
        "https",
        "tls-unknown-ca",
        "tunnel",
        "dns-tls",
        "mutual",
    ] {
        assert_eq!(expiry(name), Some(GOOD_UNTIL), "{name}");
    }
    for name in ["tls-expired", "tls-insecure", "https-expired"] {
        assert_eq!(expiry(name), Some(EXPIRED_SINCE), "{name}");
    }
    assert_eq!(expiry("ok"), None);

    let status = |name: &str| probe(&metrics, "lanpulse_probe_http_status_code", name, &[]);
    for (name, code) in [("ok", 200.0), ("gone", 503.0), ("redirect", 200.0), ("noauth", 401.0)] {
        assert_eq!(status(name), Some(code), "{name}");
    }
    assert_eq!(status("refused"), None);
    let answers = |name: &str| probe(&metrics, "lanpulse_probe_dns_answers", name, &[]);
    assert_eq!(answers("dns"), Some(1.0));
    assert_eq!(answers("dns-big"), Some(40.0), "by TCP");
    assert_eq!(answers("dns-nx"), Some(0.0));

    // time goes where it is spent
    let phase = |name: &str, phase: &str| {
        let more = [("phase", phase)];
        probe(&metrics, "lanpulse_probe_duration_seconds", name, &more).unwrap_or_default()
    };
    assert!(phase("late", "processing") >= 0.3 && phase("late", "transfer") < 0.3);
    assert!(phase("drip", "transfer") >= 0.2 && phase("drip", "processing") < 0.2);

    // a device without ICMP is up while any of its checks succeeds
    assert_eq!(metrics.value("lanpulse_device_up", &[("device", "lab")]), Some(1.0));

    // the text of a failure is told, and no secret
    let targets = daemon.get("/api/v1/targets").text();
    for text in ["the status is 503", "NXDOMAIN", "larger than 1048576 bytes", "refused"] {
        assert!(targets.contains(text), "{text}\n{targets}");
    }
    let status = daemon.get("/api/v1/status").text();
    assert!(
        status.contains("failing_checks") && status.contains("the status is 503"),
        "{status}"
    );
    let page = daemon.get("/").text();
    assert!(
        page.contains("Checks that fail") && page.contains("<td>lab<td>gone<td") && page.contains("the status is 503"),
        "{page}"
    );
    let log = daemon.log();
    for secret in ["s3cret", "t0ken", "czNjcmV0"] {
        assert!(!log.contains(secret) && !targets.contains(secret), "{secret}");
    }
    // once per change, not per run
    assert_eq!(log.matches("probe=\"gone\"").count(), 1, "{log}");
}

/// What lanpulse itself listens on serves as the target.
fn two_checks(status: u16) -> String {
    format!(
        "global: {{interval: 200ms}}
targets:
  - name: lab
    address: 127.0.0.1
    probes:
      tcp: {{port: 10526}}
      http: {{url: 'http://127.0.0.1:10526/-/healthy', expect: {{status: [{status}]}}}}
"
    )
}

#[test]
fn a_reload_restarts_only_what_changed_and_forgets_nothing() {
    if !loopback("a reload of checks") {
        return;
    }
    let home = Home::new(&two_checks(200));
    let daemon = Daemon::start(&home);
    let runs = |kind: &str| {
        let metrics = daemon.metrics();
        probe(&metrics, "lanpulse_probe_runs_total", kind, &[("kind", kind)]).unwrap_or_default()
    };
    wait_until(PATIENCE, "some runs", || runs("tcp") >= 5.0 && runs("http") >= 5.0);
    home.configure(&two_checks(418));
    let reply = daemon.post("/-/reload").text();
    assert!(reply.contains("1 started, 1 stopped, 1 kept"), "{reply}");
    assert!(runs("tcp") >= 5.0 && runs("http") >= 5.0, "the counters go on");
    let labels = [("device", "lab"), ("probe", "http"), ("kind", "http")];
    daemon.wait_value(PATIENCE, "lanpulse_probe_success", &labels, 0.0);
    assert_eq!(daemon.value("lanpulse_device_up", &[("device", "lab")]), Some(1.0));
    // a check that is gone is no longer exposed
    home.configure("targets: [{name: lab, address: 127.0.0.1, probes: {tcp: {port: 10526}}}]\n");
    assert_eq!(daemon.post("/-/reload").status, 200);
    wait_until(PATIENCE, "it is gone", || {
        daemon
            .metrics()
            .all("lanpulse_probe_runs_total", &[("probe", "http")])
            .is_empty()
    });
    assert!(runs("tcp") >= 5.0);
}
