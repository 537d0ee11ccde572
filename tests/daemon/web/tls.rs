//! TLS: a real Prometheus, the command line, and certificates that change.

use std::process::Command;
use std::time::Duration;

use crate::support::{Home, Segment, Server, binary, command, loopback, wait_until};

use super::tools::{URL, certificates, curl, hash, lanpulse, start, status};

#[test]
fn a_real_prometheus_scrapes_with_client_certificate_and_password() {
    if !loopback("TLS") || binary("prometheus").is_none() {
        return;
    }
    let home = Home::new("");
    certificates(&home);
    let hash = hash();
    let daemon = start(
        &home,
        &format!(
            "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_ca_file: ca.crt\n  \
             client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [prometheus.lan]\n  min_version: \
             TLS13\nbasic_auth_users: {{alice: {hash}}}\n"
        ),
    );
    let here = home.path("").display().to_string();
    let Some(prometheus) = Server::prometheus(&format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: lanpulse
    scheme: https
    tls_config: {{ca_file: {here}/ca.crt, cert_file: {here}/client.crt, key_file: {here}/client.key}}
    basic_auth: {{username: alice, password: secret}}
    static_configs: [{{targets: ['127.0.0.1:10526']}}]
"
    )) else {
        return;
    };
    wait_until(Duration::from_secs(20), "a scrape", || {
        prometheus
            .query("up")
            .first()
            .is_some_and(|(_, up)| (*up - 1.0).abs() < 0.1)
    });
    let client = ["--cacert", "ca.crt", "--cert", "client.crt", "--key", "client.key"];
    let with = |more: &[&str]| status(&home, &[&client[..], more, &[URL]].concat());
    assert_eq!(with(&["-u", "alice:secret"]), "200");
    assert_eq!(with(&["-u", "alice:wrong"]), "401");
    assert_eq!(with(&[]), "401");
    assert_eq!(with(&["--tls-max", "1.2", "-u", "alice:secret"]), "000", "min_version");
    assert_eq!(
        status(&home, &["--cacert", "ca.crt", "-u", "alice:secret", URL]),
        "000",
        "no certificate"
    );
    let stranger = [
        "-k",
        "--cert",
        "stranger.crt",
        "--key",
        "stranger.key",
        "-u",
        "alice:secret",
        URL,
    ];
    assert_eq!(status(&home, &stranger), "000", "not of the CA");
    let other = [
        "-k",
        "--cert",
        "other.crt",
        "--key",
        "other.key",
        "-u",
        "alice:secret",
        URL,
    ];
    assert_eq!(status(&home, &other), "000", "of the CA, but not of that name");
    let plain = curl(&home, &["http://127.0.0.1:10526/metrics"]);
    assert!(plain.0 == "400" && plain.1.contains("https://"), "{plain:?}");
    let healthy = Command::new(env!("CARGO_BIN_EXE_lanpulse"))
        .arg("healthcheck")
        .status()
        .unwrap();
    assert!(healthy.success());
    assert!(!daemon.log().contains("secret"));
}

#[test]
fn every_command_asks_over_tls_and_says_who_asks() {
    let Some(segment) = Segment::new("commands over TLS") else {
        return;
    };
    segment.add("a", "00:11:32:00:00:0a", &["10.77.0.10"]);
    let home = Home::exactly(
        "discovery: {interval: 1h, methods: [arp]}
internet: {checks: []}
heartbeats: [{name: backup, schedule: {every: 1h}, token_file: ping}]
api: {tokens: [{name: ops, scopes: [read, write], token_file: token}]}
",
    );
    certificates(&home);
    home.write("ping", "0123456789abcdef0123456789abcdef\n");
    home.write("token", "w\n");
    home.write("password", "secret\n");
    let tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    let users = format!("basic_auth_users: {{alice: {}}}\n", hash());
    let daemon = start(&home, &format!("{tls}{users}"));
    let https = "https://127.0.0.1:10526";
    let at = ["--url", https, "--ca-file", "ca.crt"];
    let ask = |token: &str, parts: &[&[&str]]| lanpulse(&home, token, &parts.concat());
    wait_until(Duration::from_secs(15), "the device is found", || {
        ask("w", &[&["devices", "list"], &at]).1.contains("synology-00000a")
    });
    for (command, part) in [
        (&["devices", "list"][..], "synology"),
        (&["heartbeat", "list"], "backup"),
        (&["devices", "export"], "synology"),
    ] {
        let user = ["--user", "alice", "--password-file", "password"];
        for (token, who) in [("w", &[][..]), ("", &["--token-file", "token"]), ("wrong", &user)] {
            let (good, said) = ask(token, &[command, &at, who]);
            assert!(good && said.contains(part), "{command:?} {who:?}: {said}");
        }
        // What goes wrong says what to do.
        for (token, more, hint) in [
            ("", &at[..], "LANPULSE_TOKEN"),
            ("", &[], "add --url https://127.0.0.1:10526"),
            ("w", &["--url", https], "--ca-file"),
        ] {
            let (good, said) = ask(token, &[command, more]);
            assert!(!good && said.contains(hint), "{command:?} {more:?}: {said}");
        }
        assert!(ask("w", &[command, &["--url", https, "--insecure"]]).0);
    }
    let (good, said) = ask("w", &[&["devices", "rename", "synology-00000a", "attic"], &at]);
    assert!(good && said.contains("attic"), "{said}");
    assert!(ask("", &[&["healthcheck"]]).0, "a word about TLS is a sign of life");
    assert!(ask("", &[&["healthcheck"], &at]).0);
    let (good, said) = ask("", &[&["healthcheck", "--url", https]]);
    assert!(!good && said.contains("--ca-file"), "{said}");
    let ping = format!("{https}/ping/0123456789abcdef0123456789abcdef");
    let (good, said) = ask(
        "",
        &[&[
            "heartbeat",
            "send",
            "--retries",
            "0",
            "--ca-file",
            "ca.crt",
            "--url",
            &ping,
        ]],
    );
    assert!(good, "{said}");
    assert!(ask("w", &[&["heartbeat", "list"], &at]).1.contains("up"));
    let (good, said) = ask(
        "",
        &[&[
            "ack",
            "nas",
            "--alertmanager.url",
            https,
            "--ca-file",
            "ca.crt",
            "--token-file",
            "token",
        ]],
    );
    assert!(
        !good && said.contains("says: status 404"),
        "there is TLS, but no Alertmanager: {said}"
    );
    // Who must show a certificate does.
    home.replace(
        "web.yaml",
        &format!("{tls}  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n"),
    );
    let client = ["--cert-file", "client.crt", "--key-file", "client.key"];
    assert!(ask("w", &[&["heartbeat", "list"], &at, &client]).0);
    assert!(!ask("w", &[&["heartbeat", "list"], &at]).0);
    assert!(!daemon.log().contains("secret"));
}

#[test]
fn certificates_and_users_change_while_it_runs_and_mistakes_change_nothing() {
    if !loopback("a web configuration that changes") {
        return;
    }
    let home = Home::new("");
    certificates(&home);
    let hash = hash();
    let tls = "tls_server_config: {cert_file: live.crt, key_file: live.key}\n";
    let copy = |name: &str| {
        for end in ["crt", "key"] {
            home.replace(
                &format!("live.{end}"),
                &std::fs::read_to_string(home.path(&format!("{name}.{end}"))).unwrap(),
            );
        }
    };
    copy("server");
    let daemon = start(&home, tls);
    let subject = || {
        let script = "openssl s_client -connect 127.0.0.1:10526 </dev/null 2>/dev/null | openssl x509 -noout -subject";
        command(Command::new("sh").args(["-c", script]))
    };
    assert!(subject().contains("server"), "{}", subject());
    let h2 = curl(&home, &["-k", "--http2", URL]);
    assert!(h2.0 == "200" && h2.1.starts_with("HTTP/2 200"), "{}", &h2.1[..200]);
    copy("other");
    assert!(subject().contains("other"), "{}", subject());
    assert_eq!(status(&home, &["-k", URL]), "200");
    home.replace("web.yaml", &format!("{tls}basic_auth_users: {{bob: {hash}}}\n"));
    assert_eq!(status(&home, &["-k", URL]), "401");
    assert_eq!(status(&home, &["-k", "https://127.0.0.1:10526/-/ready"]), "200");
    assert_eq!(status(&home, &["-k", "-u", "bob:secret", URL]), "200");
    // half a rotation, and a slip of the pen
    home.replace("live.crt", &std::fs::read_to_string(home.path("server.crt")).unwrap());
    assert_eq!(status(&home, &["-k", "-u", "bob:secret", URL]), "200");
    assert!(subject().contains("other"));
    home.replace("web.yaml", "basic_auth_userz: {}\n");
    assert_eq!(status(&home, &["-k", URL]), "401");
    assert_eq!(status(&home, &["-k", "-u", "bob:secret", URL]), "200");
    let metrics = curl(&home, &["-k", "-u", "bob:secret", URL]).1;
    assert!(metrics.contains("lanpulse_config_last_reload_successful 0"));
    let log = daemon.log();
    assert!(
        log.contains("web.yaml:1:1: unknown field \"basic_auth_userz\" (did you mean \"basic_auth_users\"?)"),
        "{log}"
    );
    assert_eq!(log.matches("web configuration refused").count(), 2, "{log}");
    home.replace(
        "web.yaml",
        "http_server_config: {headers: {X-Frame-Options: deny}}\nrate_limit: {interval: 1h, burst: 2}\n",
    );
    let plain = "http://127.0.0.1:10526/metrics";
    let first = curl(&home, &[plain]);
    assert!(
        first.0 == "200" && first.1.to_lowercase().contains("x-frame-options: deny"),
        "{}",
        first.0
    );
    assert_eq!([status(&home, &[plain]), status(&home, &[plain])], ["200", "429"]);
    assert_eq!(daemon.get("/-/healthy").status, 200);
}
