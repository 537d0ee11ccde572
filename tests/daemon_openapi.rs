//! The API does what its OpenAPI document says: schemathesis reads the one and tries the other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::process::Command;

use support::{Daemon, Home, loopback, repository};

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
    let home =
        Home::new("targets: [{name: a, address: 127.0.0.1}, {name: \"b\\\"<\", address: 127.0.0.2, parent: a}]\n");
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
