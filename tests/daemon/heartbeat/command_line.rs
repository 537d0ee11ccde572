//! `lanpulse heartbeat send`, `token` and `list`, and the slots that `check-config` prints.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::support::{Daemon, Home, loopback};

use super::tools::{BASE, hash, heartbeat, shown};

#[test]
fn a_job_reports_by_the_command_line() {
    if !loopback("heartbeat send") {
        return;
    }
    let home = Home::new(&format!("heartbeats:\n{}", heartbeat("job", "schedule: {every: 1h}")));
    let daemon = Daemon::start(&home);
    let lanpulse = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_lanpulse"))
            .args(arguments)
            .env("LANPULSE_HEARTBEAT_URL", format!("{BASE}/ping/token-job"))
            .output()
            .unwrap()
    };
    let output = lanpulse(&["heartbeat", "send", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        (&output.stdout[..], &output.stderr[..]),
        (&b"out\n"[..], &b"err\n"[..]),
        "its output is untouched"
    );
    let signals = shown(&daemon, "job")["signals"].clone();
    assert_eq!((&signals[0]["kind"], &signals[0]["exit"]), (&json!("exit"), &json!(3)));
    assert!(
        signals[0]["message"]
            .as_str()
            .is_some_and(|text| text.contains("out") && text.contains("err"))
    );
    assert_eq!(
        (&signals[1]["kind"], &signals[1]["run_id"]),
        (&json!("start"), &signals[0]["run_id"])
    );
    assert!(signals[0]["run_id"].as_str().is_some());
    let output = lanpulse(&["heartbeat", "send", "--message", "all well"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = lanpulse(&["heartbeat", "list"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("NAME") && text.contains("job") && text.contains("up"),
        "{text}"
    );
    // who is told to end tells the command, and reports it
    let mut child = Command::new(env!("CARGO_BIN_EXE_lanpulse"))
        .args(["heartbeat", "send", "--", "sleep", "60"])
        .env("LANPULSE_HEARTBEAT_URL", format!("{BASE}/ping/token-job"))
        .spawn()
        .unwrap();
    daemon.wait_value(
        Duration::from_secs(10),
        "lanpulse_heartbeat_running",
        &[("heartbeat", "job")],
        1.0,
    );
    std::thread::sleep(Duration::from_millis(500));
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id().try_into().unwrap()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(shown(&daemon, "job")["last_exit_code"], 143);
    drop(daemon);
    // a monitor that is away harms no job, and a report that is not taken is told
    let output = lanpulse(&["heartbeat", "send", "--retries", "1", "--", "sh", "-c", "exit 4"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not reported"));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("token-job"));
    assert_eq!(
        lanpulse(&["heartbeat", "send", "--retries", "0"]).status.code(),
        Some(1)
    );
}

#[test]
fn tokens_and_slots_are_printed() {
    let output = crate::support::run(&["heartbeat", "token", "my \"job\""]);
    let text = String::from_utf8(output.stdout).unwrap();
    let hexadecimal = |length: usize| {
        let is = |word: &&str| word.len() == length && word.bytes().all(|b| b.is_ascii_hexdigit());
        text.split_whitespace().find(is).unwrap_or_else(|| panic!("{text}"))
    };
    let token = hexadecimal(32);
    assert_eq!(hexadecimal(64), hash(token));
    assert!(text.contains(&format!("/ping/{token}")));
    // what it prints for the configuration is good
    let yaml: String = text
        .lines()
        .skip_while(|line| *line != "heartbeats:")
        .take_while(|line| !line.is_empty())
        .flat_map(|line| [line, "\n"])
        .collect();
    let home = Home::exactly(&yaml);
    let check = |home: &Home| {
        let output = crate::support::run(&["check-config", home.config().to_str().unwrap()]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{yaml}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(check(&home).contains("1 heartbeat"));
    let home =
        Home::exactly("heartbeats: [{name: b, schedule: {cron: '0 3 * * *', tz: Europe/Berlin}, token_file: x}]\n");
    let text = check(&home);
    assert_eq!(text.matches("03:00 CE").count(), 3, "{text}");
    assert_eq!(text.matches(":00:00Z (").count(), 3, "{text}");
}
