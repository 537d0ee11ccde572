//! Who may read and write, and what a web configuration with mistakes does.

use crate::support::{Daemon, Home, Lan, loopback};

use super::tools::{hash, status};

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
