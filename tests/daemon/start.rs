//! Start, stop and the command line, from outside.

use std::net::TcpListener;
use std::process::Output;
use std::time::Duration;

use crate::support::{Daemon, Home, Lan, loopback, repository, run};

/// Four mistakes, each on a line of its own.
const BAD: &str = "\
targets:
  - name: one
    address: 127.0.0.1
    probes: {icmp: {intervall: 1s}}
  - name: one
    address: 127.0.0.2
  - name: two
    address: 127.0.0.3
    probes: {icmp: {interval: fast}}
colour: blue
";

/// What is said about each: line, place, and a word of it.
const PROBLEMS: [(&str, &str, &str); 4] = [
    (
        "lanpulse.yaml:4:",
        "targets[0].probes.icmp",
        "did you mean \"interval\"?",
    ),
    ("lanpulse.yaml:5:", "targets[1].name", "one"),
    ("lanpulse.yaml:9:", "targets[2].probes.icmp.interval", "fast"),
    ("lanpulse.yaml:10:", "", "colour"),
];

#[track_caller]
fn assert_problems(text: &str) {
    for (line, place, word) in PROBLEMS {
        let found = |text: &str| text.contains(line) && text.contains(place) && text.contains(word);
        assert!(text.lines().any(found), "nothing about {line} {place} {word}\n{text}");
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn an_empty_configuration_starts_and_stops() {
    if !loopback("a daemon with an empty configuration") {
        return;
    }
    let home = Home::exactly("");
    let daemon = Daemon::start(&home);
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(daemon.get(path).status, 200, "{path}");
        let head = daemon.request("HEAD", path).send();
        assert_eq!((head.status, head.raw.len()), (200, 0), "HEAD {path}");
    }
    let landing = daemon.get("/");
    assert_eq!(landing.status, 200);
    assert!(
        landing.header("content-type").unwrap().starts_with("text/html"),
        "{landing:?}"
    );
    assert!(
        landing.text().contains("/metrics") && !landing.text().contains("<script"),
        "{}",
        landing.text()
    );
    let metrics = daemon.metrics();
    assert_eq!(metrics.value("lanpulse_config_last_reload_successful", &[]), Some(1.0));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(metrics.value("lanpulse_build_info", &[("version", version)]), Some(1.0));
    let (code, took) = daemon.stop();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn the_default_configuration_starts() {
    if !loopback("a daemon with config/lanpulse.yaml") {
        return;
    }
    let home = Home::exactly("");
    let mut daemon = Daemon::spawn(&home, &repository("config/lanpulse.yaml"), &[]);
    daemon.wait_ready();
    assert_eq!(daemon.value("lanpulse_config_last_reload_successful", &[]), Some(1.0));
    assert_eq!(daemon.stop().0, Some(0));
}

#[test]
fn it_stops_soon_though_targets_are_silent() {
    let Some(lan) = Lan::new("a stop under load") else {
        return;
    };
    lan.kill_host("10.77.60.2");
    let home = Home::new(
        "global: {interval: 100ms, timeout: 30s}
targets:
  - {name: up, address: 10.77.60.1, probes: {icmp: {}}}
  - {name: silent, address: 10.77.60.2, probes: {icmp: {}}}
",
    );
    let daemon = Daemon::start(&home);
    daemon.wait_value(Duration::from_secs(10), "lanpulse_device_up", &[("device", "up")], 1.0);
    let (code, took) = daemon.stop();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(home.database().exists(), "the state is kept where --storage.path says");
}

#[test]
fn a_bad_configuration_is_refused_with_every_problem() {
    if !loopback("a daemon with a bad configuration") {
        return;
    }
    let home = Home::exactly(BAD);
    let mut daemon = Daemon::spawn(&home, &home.config(), &[]);
    assert_eq!(daemon.wait_exit().0, Some(64), "{}", daemon.log());
    assert_problems(&daemon.log());
    assert!(
        !home.database().exists(),
        "nothing is opened before the configuration is good"
    );
}

#[test]
fn a_missing_configuration_is_refused_by_name() {
    if !loopback("a daemon without its configuration") {
        return;
    }
    let home = Home::exactly("");
    let mut daemon = Daemon::spawn(&home, &home.path("nowhere.yaml"), &[]);
    assert_eq!(daemon.wait_exit().0, Some(64), "{}", daemon.log());
    assert!(daemon.log().contains("nowhere.yaml"), "{}", daemon.log());
    assert!(daemon.log().to_lowercase().contains("no such file"), "{}", daemon.log());
}

#[test]
fn check_config_says_all_and_touches_nothing() {
    let home = Home::exactly(BAD);
    let good = home.write("good.yaml", "targets: [{name: a, address: 127.0.0.1}]\n");
    let (bad, good) = (home.config().display().to_string(), good.display().to_string());
    let output = run(&["check-config", &good]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = run(&["check-config", &good, &bad]);
    assert_eq!(output.status.code(), Some(64), "{}", text(&output));
    assert_problems(&text(&output));
    let output = run(&[
        "check-config",
        &repository("config/lanpulse.yaml").display().to_string(),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn version_and_wrong_arguments() {
    let output = run(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output);
    assert!(
        said.starts_with("lanpulse") && said.contains(env!("CARGO_PKG_VERSION")),
        "{said}"
    );
    let output = run(&["--no.such.flag"]);
    assert_ne!(output.status.code(), Some(0));
    assert!(text(&output).contains("--no.such.flag"), "{}", text(&output));
}

#[test]
fn a_port_in_use_is_said_so() {
    if !loopback("a daemon whose port is in use") {
        return;
    }
    let _taken = TcpListener::bind("127.0.0.1:10526").unwrap();
    let home = Home::new("");
    let mut daemon = Daemon::spawn(&home, &home.config(), &[]);
    let (code, _) = daemon.wait_exit();
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
    let log = daemon.log();
    assert!(
        log.contains("127.0.0.1:10526") && log.to_lowercase().contains("in use"),
        "{log}"
    );
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn without_the_privilege_it_runs_and_says_what_to_do() {
    if !loopback("a daemon without CAP_NET_RAW") {
        return;
    }
    // datagram ICMP is open to no group in a fresh network namespace (net.ipv4.ping_group_range is "1 0")
    let home =
        Home::new("global: {interval: 200ms}\ntargets: [{name: self, address: 127.0.0.1, probes: {icmp: {}}}]\n");
    let drop = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"];
    let mut daemon = Daemon::spawn_by(&drop, &home, &home.config(), &[]);
    daemon.wait_ready();
    let denied = [("device", "self"), ("reason", "denied")];
    crate::support::wait_until(Duration::from_secs(10), "denied", || {
        daemon.value("lanpulse_icmp_failures_total", &denied).unwrap_or(0.0) > 3.0
    });
    assert_ne!(daemon.value("lanpulse_device_up", &[("device", "self")]), Some(1.0));
    let log = daemon.log();
    assert!(log.contains("CAP_NET_RAW") || log.contains("cap_net_raw"), "{log}");
    assert!(log.contains("ping_group_range"), "{log}");
    assert_eq!(daemon.stop().0, Some(0));
}
