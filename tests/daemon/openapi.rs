//! The API does what its OpenAPI document says: schemathesis reads the one and tries the other.

use std::collections::BTreeSet;
use std::process::Command;

use lanpulse::model::TokenDigest;

use crate::support::{Daemon, Home, loopback, repository};

const CONFIG: &str = "\
targets: [{name: a, address: 127.0.0.1}, {name: \"b\\\"<\", address: 127.0.0.2, parent: a}]
modules: {icmp: {icmp: {}}}
heartbeats: [{name: job, schedule: {every: 1h}, token_sha256: HASH}]
";

/// With a heartbeat whose token is `token`.
fn config() -> String {
    CONFIG.replace("HASH", &TokenDigest::of(b"token").to_hex())
}

fn schemathesis() -> Command {
    let mut command = Command::new("python3");
    command.args(["-m", "schemathesis.cli"]);
    let installed = repository(".lab/python");
    if installed.exists() {
        command.env("PYTHONPATH", installed);
    }
    command
}

#[test]
fn the_api_is_as_its_document_says() {
    if !loopback("schemathesis") {
        return;
    }
    let known = schemathesis().arg("--version").output();
    if !known.is_ok_and(|output| output.status.success()) {
        eprintln!("\n===== SKIPPED: no schemathesis: tests/tools/install.sh installs it where there is pip =====\n");
        return;
    }
    let home = Home::new(&config());
    let daemon = Daemon::start(&home);
    let output = schemathesis()
        .arg("run")
        .arg(format!("http://{}/api/v1/openapi.json", daemon.address))
        .args([
            "--max-examples",
            "10",
            // 400 is the answer to a target or module that there is not
            "--exclude-checks",
            "positive_data_acceptance",
            "--no-color",
            "--seed",
            "1",
            "--suppress-health-check",
            "all",
        ])
        .current_dir(home.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", daemon.log());
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}

#[test]
fn each_path_takes_the_methods_of_its_document_and_no_other() {
    if !loopback("the methods of each path") {
        return;
    }
    let home = Home::new(&config());
    let daemon = Daemon::start(&home);
    let document = daemon.get("/api/v1/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 15);
    for (path, documented) in paths {
        let documented: BTreeSet<String> = documented
            .as_object()
            .unwrap()
            .keys()
            .map(|m| m.to_uppercase())
            .collect();
        let real = path.replace("{id}", "1").replace("{name}", "job");
        let real = real.replace("{token}", "token").replace("{signal}", "log");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            if documented.contains(method) {
                continue;
            }
            let reply = daemon.request(method, &real).send();
            assert_eq!(reply.status, 405, "{method} {path}: {}", reply.text());
            let allow = reply.header("allow").unwrap_or_default();
            let allowed: BTreeSet<String> = allow.split(", ").map(str::to_owned).collect();
            assert_eq!(allowed, documented, "{method} {path}");
        }
    }
}
