//! The web configuration and API tokens, with a real Prometheus, curl and openssl.

use std::process::Command;
use std::time::Duration;

use crate::support::{Daemon, Home, Lan, Segment, Server, binary, command, loopback, wait_until};

/// The bcrypt hash of `secret`, at the least cost.
fn hash() -> String {
    bcrypt::hash("secret", 4).unwrap()
}

/// A CA, a server certificate for 127.0.0.1 and a client certificate for prometheus.lan, in the home's directory.
fn certificates(home: &Home) {
    let script = r#"
        cd "$0"
        new() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 "$@" 2>/dev/null; }
        new -keyout ca.key -out ca.crt -subj /CN=ca
        new -keyout stranger.key -out stranger.crt -subj /CN=stranger -addext basicConstraints=critical,CA:FALSE
        leaf() {
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.csr -subj /CN=$1 2>/dev/null
            printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\n' "$2" >$1.ext
            openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile $1.ext -out $1.crt 2>/dev/null
        }
        leaf server IP:127.0.0.1
        leaf other IP:127.0.0.1
        leaf client DNS:prometheus.lan
    "#;
    command(Command::new("sh").args(["-ec", script]).arg(home.path("")));
}

/// What curl gets: the status (000 for no answer) and the body, with the headers.
fn curl(home: &Home, arguments: &[&str]) -> (String, String) {
    let output = Command::new("curl")
        .args(["-s", "-m", "10", "-i", "-w", "\n%{http_code}"])
        .args(arguments)
        .current_dir(home.path(""))
        .output()
        .expect("curl");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

fn status(home: &Home, arguments: &[&str]) -> String {
    curl(home, arguments).0
}

/// Starts it with `web.yaml`, and waits until it answers.
fn start(home: &Home, web: &str) -> Daemon {
    let path = home.write("web.yaml", web);
    let daemon = Daemon::spawn(home, &home.config(), &["--web.config.file", path.to_str().unwrap()]);
    wait_until(Duration::from_secs(15), "the daemon runs", || {
        daemon.log().contains("ready")
    });
    daemon
}

const URL: &str = "https://127.0.0.1:10526/metrics";

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

/// Runs a command of lanpulse in the home's directory: whether it succeeds, and what it says.
fn lanpulse(home: &Home, token: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lanpulse"))
        .args(arguments)
        .env("LANPULSE_TOKEN", token)
        .current_dir(home.path(""))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
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

#[test]
fn tokens_and_users_decide_who_reads_and_who_writes() {
    let Some(_lan) = Lan::new("API tokens") else { return };
    let home = Home::new(
        "api: {tokens: [{name: ops, scopes: [write], token_file: ops}, {name: look, scopes: [read], token_env: LOOK}]}\n",
    );
    home.write("ops", "w\n");
    let web = home.write("web.yaml", "");
    let arguments = [
        "--web.config.file",
        web.to_str().unwrap(),
        "--web.listen-address",
        "10.77.0.1:10526",
    ];
    let mut daemon = Daemon::spawn_by(&["env", "LOOK=r"], &home, &home.config(), &arguments);
    daemon.wait_ready();
    let read = |header: &[&str]| status(&home, &[header, &["http://10.77.0.1:10526/metrics"]].concat());
    let write = |header: &[&str]| {
        status(
            &home,
            &[&["-X", "POST"], header, &["http://10.77.0.1:10526/-/reload"]].concat(),
        )
    };
    let (ops, look) = (["-H", "Authorization: Bearer w"], ["-H", "Authorization: Bearer r"]);
    assert_eq!(
        [read(&[]), read(&ops), read(&look)],
        ["200", "200", "200"],
        "open without users"
    );
    assert_eq!([write(&[]), write(&ops), write(&look)], ["401", "200", "403"]);
    let origin = ["-H", "Authorization: Bearer w", "-H", "Origin: http://evil.example"];
    assert_eq!(write(&origin), "403");
    assert_eq!(
        daemon.post("/-/reload").status,
        401,
        "loopback is nothing special any more"
    );
    home.replace("web.yaml", &format!("basic_auth_users: {{alice: {}}}\n", hash()));
    assert_eq!(
        [read(&[]), read(&ops), read(&look), read(&["-u", "alice:secret"])],
        ["401", "403", "200", "200"]
    );
    assert_eq!(
        [write(&[]), write(&ops), write(&["-u", "alice:secret"])],
        ["401", "200", "200"]
    );
    // the token is read anew
    home.replace("ops", "v\n");
    assert_eq!([write(&ops), write(&["-H", "Authorization: Bearer v"])], ["401", "200"]);
    // guessing
    let mut answers: Vec<u16> = Vec::new();
    for guess in 0..30 {
        let token = format!("Bearer {guess}");
        answers.push(
            daemon
                .request("POST", "/-/reload")
                .header("Authorization", &token)
                .send()
                .status,
        );
    }
    assert!(
        answers.iter().filter(|status| **status == 401).count() < 20,
        "{answers:?}"
    );
    let reply = daemon
        .request("POST", "/-/reload")
        .header("Authorization", "Bearer x")
        .send();
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("1")),
        "{answers:?}"
    );
    assert_eq!(read(&["-u", "alice:secret"]), "200", "elsewhere nothing has happened");
    let log = daemon.log();
    assert!(!log.contains("Bearer") && !log.contains("secret"), "{log}");
}

#[test]
fn a_bad_web_configuration_is_told_in_full_and_stops_the_start() {
    if !loopback("a bad web configuration") {
        return;
    }
    let home = Home::new("");
    let web = home.write(
        "web.yaml",
        "tls_server_config:\n  cert_file: none.crt\n  min_version: TLS14\n  cipher_suites: [TLS_NULL]\n\
         basic_auth_users: {alice: secret}\nhttp_server_config: {headers: {Server: x}}\nrate_limit: {interval: soon}\n",
    );
    let mut daemon = Daemon::spawn(&home, &home.config(), &["--web.config.file", web.to_str().unwrap()]);
    assert_eq!(daemon.wait_exit().0, Some(64));
    let log = daemon.log();
    for (line, part) in [
        (2, "cannot read"),
        (2, "missing one of key or key_file"),
        (3, "\"TLS14\" is none of TLS10, TLS11, TLS12, TLS13"),
        (4, "\"TLS_NULL\" is none of"),
        (5, "this is not a bcrypt hash"),
        (6, "unknown field \"Server\""),
        (7, "not a duration"),
    ] {
        let said = |text: &str| text.contains(&format!("web.yaml:{line}:")) && text.contains(part);
        assert!(log.lines().any(said), "{line} {part}\n{log}");
    }
    assert!(log.contains("7 problems") && !log.contains("secret"), "{log}");
}
