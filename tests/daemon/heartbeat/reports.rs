//! Reports by curl and by name: what is accepted, what is refused, and what the events say.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Daemon, Home, loopback, wait_until};

use super::tools::{BASE, Client, curl, heartbeat, many, shown, status};

const RID: &str = "1f2e3d4c-0000-4000-8000-00000000abcd";

#[test]
fn curl_lines_for_healthchecks_work_unchanged() {
    if !loopback("curl and heartbeats") {
        return;
    }
    let beats =
        heartbeat("job", "schedule: {every: 1h}") + &heartbeat("post", "schedule: {every: 1h}, methods: [POST]");
    let home = Home::new(&format!("heartbeats:\n{beats}"));
    let daemon = Daemon::start(&home);
    let ping = format!("{BASE}/ping/token-job");
    assert_eq!(
        daemon.value("lanpulse_heartbeat_state", &[("heartbeat", "job"), ("state", "new")]),
        Some(1.0)
    );
    assert_eq!(
        daemon.value("lanpulse_heartbeat_deadline_timestamp_seconds", &[("heartbeat", "job")]),
        None
    );

    // GET, HEAD, POST; start, fail, log, exit codes
    let output = curl(&["-i", &ping]);
    let text = String::from_utf8(output.stdout).unwrap().to_lowercase();
    assert!(
        text.starts_with("http/1.1 200 ok") && text.contains("ping-body-limit: 10240"),
        "{text}"
    );
    assert!(text.contains("\r\n\r\nok\n200"), "{text}");
    assert_eq!(status(&["-I", &ping]), 200);
    assert_eq!(status(&["-d", "hello", &format!("{ping}/start?rid={RID}")]), 200);
    assert_eq!(
        daemon.value("lanpulse_heartbeat_running", &[("heartbeat", "job")]),
        Some(1.0)
    );
    assert_eq!(status(&["--data-binary", "a\nnote\n", &format!("{ping}/log")]), 200);
    assert_eq!(status(&["-d", "bye", &format!("{ping}/7?rid={RID}")]), 200);
    let value = |name: &str| daemon.value(name, &[("heartbeat", "job")]);
    assert_eq!(value("lanpulse_heartbeat_last_exit_code"), Some(7.0));
    assert_eq!(value("lanpulse_heartbeat_consecutive_failures"), Some(1.0));
    assert_eq!(value("lanpulse_heartbeat_fresh"), Some(0.0));
    assert_eq!(value("lanpulse_heartbeat_running"), Some(0.0));
    assert!(
        daemon.get("/").text().contains("<td>job<td>"),
        "the landing page tells what is down"
    );
    assert_eq!(
        daemon.get("/api/v1/status").json()["heartbeats"]["down"][0]["name"],
        "job"
    );
    assert!(value("lanpulse_heartbeat_last_duration_seconds").is_some_and(|took| (0.0..10.0).contains(&took)));
    assert_eq!(status(&[&format!("{ping}/0")]), 200);
    assert_eq!(status(&[&format!("{ping}/fail")]), 200);
    // the end of a long output is kept, in pieces or not
    let long = home.write("long", &("x".repeat(40_000) + "END"));
    let long = format!("@{}", long.display());
    for more in [&["-H", "Expect:"][..], &["-H", "Transfer-Encoding: chunked"]] {
        let output = curl(&[&["-i", "--data-binary", &long, &ping], more].concat());
        let text = String::from_utf8(output.stdout).unwrap().to_lowercase();
        let chunked = more[1].contains("chunked");
        assert_eq!(text.contains("connection: close"), chunked, "{text}");
        let message = shown(&daemon, "job")["signals"][0]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            message.len() == 10 * 1024 && message.ends_with("xEND"),
            "{}",
            message.len()
        );
    }
    assert_eq!(value("lanpulse_heartbeat_fresh"), Some(1.0));
    let count = |kind| {
        daemon.value(
            "lanpulse_heartbeat_signals_total",
            &[("heartbeat", "job"), ("kind", kind)],
        )
    };
    let counts = ["ok", "fail", "start", "log", "exit"].map(count);
    assert_eq!(counts, [Some(4.0), Some(1.0), Some(1.0), Some(1.0), Some(2.0)]);
    let signals = shown(&daemon, "job")["signals"].as_array().unwrap().clone();
    let told: Vec<_> = signals.iter().map(|signal| signal["kind"].as_str().unwrap()).collect();
    assert_eq!(told, ["ok", "ok", "fail", "exit", "exit", "log", "start", "ok", "ok"]);
    assert_eq!(
        (&signals[4]["exit"], &signals[4]["message"], &signals[4]["run_id"]),
        (&json!(7), &json!("bye"), &json!(RID))
    );

    // what is refused
    let other = format!("{BASE}/ping/token-other");
    let wrong = curl(&[&other]).stdout;
    assert_eq!(
        wrong,
        curl(&[&format!("{BASE}/ping/x/y/z/1")]).stdout,
        "unknown is unknown"
    );
    assert!(String::from_utf8_lossy(&wrong).ends_with("404"));
    assert_eq!(status(&[&format!("{ping}/256")]), 400);
    assert_eq!(status(&[&format!("{ping}?rid=no-uuid")]), 400);
    assert_eq!(status(&["-X", "PUT", &ping]), 405);
    assert_eq!(status(&[&format!("{BASE}/ping/token-post")]), 405);
    assert_eq!(status(&["-d", "", &format!("{BASE}/ping/token-post")]), 200);
    let huge = home.write("huge", &"x".repeat(64 * 1024 + 1));
    assert_eq!(
        status(&[
            "--data-binary",
            &format!("@{}", huge.display()),
            &format!("{BASE}/ping/token-post")
        ]),
        413
    );
    assert_eq!(
        daemon.value(
            "lanpulse_heartbeat_rejected_total",
            &[("heartbeat", ""), ("reason", "token")]
        ),
        Some(2.0)
    );
    assert!(
        !daemon.log().contains("token-"),
        "no token is ever logged: {}",
        daemon.log()
    );
}

#[test]
fn reports_by_name_and_a_pause_that_lasts() {
    if !loopback("heartbeats by name") {
        return;
    }
    let config = format!(
        "heartbeats:\n{}  - {{name: from file, schedule: {{every: 2s}}, grace: 1s, token_file: secrets/token}}\n",
        heartbeat("job", "schedule: {every: 1h}")
    );
    let home = Home::new(&config);
    home.write("secrets/token", "first\n");
    let daemon = Daemon::start(&home);
    let post = |name: &str, token: &str, body: &str| {
        let request = daemon
            .request("POST", &format!("/api/v1/heartbeats/{name}"))
            .header("Authorization", &format!("Bearer {token}"));
        request.body(body).send()
    };
    assert_eq!(post("job", "token-job", "").status, 200);
    let reply = post(
        "job",
        "token-job",
        r#"{"exit": 3, "run_id": "r", "duration_s": 1.5, "message": "said"}"#,
    );
    assert_eq!((reply.status, reply.json()["heartbeat"].as_str()), (200, Some("job")));
    let job = shown(&daemon, "job");
    assert_eq!(
        (&job["state"], &job["last_duration_seconds"]),
        (&json!("down"), &json!(1.5))
    );
    assert_eq!(
        (&job["signals"][0]["message"], &job["signals"][0]["exit"]),
        (&json!("said"), &json!(3))
    );
    assert_eq!(post("job", "token-job", r#"{"statuss": "ok"}"#).status, 400);
    assert_eq!(
        post("job", "token-job", "status=fail").status,
        400,
        "a form is no success"
    );
    // the same answer for a wrong token and for a name that does not exist
    let (wrong, unknown) = (post("job", "first", ""), post("nobody", "first", ""));
    assert_eq!((wrong.status, wrong.text()), (404, unknown.text()));
    // a token file is read again when it changes
    assert_eq!(post("from%20file", "first", "").status, 200);
    home.write("secrets/token", "second\n");
    wait_until(Duration::from_secs(10), "the new token is taken", || {
        // not so often that it counts as guessing
        std::thread::sleep(Duration::from_secs(1));
        post("from%20file", "second", "").status == 200
    });
    assert_eq!(post("from%20file", "first", "").status, 404);

    let pause = |daemon: &Daemon, paused: bool| {
        let request = daemon
            .request("PATCH", "/api/v1/heartbeats/from%20file")
            .header("Content-Type", "application/json");
        request.body(json!({ "paused": paused }).to_string()).send()
    };
    let reply = pause(&daemon, true);
    assert_eq!(
        (reply.status, &reply.json()["state"]),
        (200, &json!("paused")),
        "{}",
        reply.text()
    );
    let state = |daemon: &Daemon| shown(daemon, "from%20file")["state"].as_str().unwrap().to_owned();
    // a report does not end it, nor does a reload, a deadline or a restart
    assert_eq!(post("from%20file", "second", "").status, 200);
    home.configure(&config.replace("1h", "2h"));
    assert_eq!(daemon.post("/-/reload").status, 200);
    assert_eq!(state(&daemon), "paused");
    daemon.kill9();
    let daemon = Daemon::start(&home);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(state(&daemon), "paused");
    assert_eq!(
        daemon.value(
            "lanpulse_heartbeat_deadline_timestamp_seconds",
            &[("heartbeat", "from file")]
        ),
        None
    );
    assert_eq!(pause(&daemon, false).json()["state"], "new");
    // from here on it counts: three seconds
    wait_until(Duration::from_secs(10), "down after the pause", || {
        state(&daemon) == "down"
    });
    // writes are for this host's own pages and programs
    let foreign = daemon
        .request("PATCH", "/api/v1/heartbeats/job")
        .header("Content-Type", "application/json")
        .header("Origin", "https://evil.example")
        .body(r#"{"paused": true}"#)
        .send();
    assert_eq!(foreign.status, 403);
}

#[test]
fn ten_thousand_wrong_tokens_harm_nobody() {
    if !loopback("wrong tokens") {
        return;
    }
    let home = Home::new(&many(3));
    let daemon = Daemon::start(&home);
    let resident = || daemon.value("process_resident_memory_bytes", &[]).unwrap();
    let before = resident();
    let answers = Mutex::new([0_u32; 3]);
    std::thread::scope(|scope| {
        let guessing: Vec<_> = (0..4_u8)
            .map(|worker| {
                let answers = &answers;
                scope.spawn(move || {
                    let mut client = Client::from([127, 0, 2, 1]);
                    for n in 0..2500 {
                        let status = client.send("GET", &format!("/ping/guess-{worker}-{n}"), "");
                        let place = [404, 429].iter().position(|known| Some(*known) == status).unwrap_or(2);
                        answers.lock().unwrap()[place] += 1;
                    }
                })
            })
            .collect();
        // others are served meanwhile, from another address and from the guesser's own
        let mut served = 0;
        let mut clients = [Client::from([127, 0, 0, 1]), Client::from([127, 0, 2, 1])];
        while guessing.iter().any(|thread| !thread.is_finished()) {
            if served < 16 {
                for (n, client) in clients.iter_mut().enumerate() {
                    assert_eq!(client.send("POST", &format!("/ping/token-h{n}"), ""), Some(200));
                }
                served += 2;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(served > 0);
    });
    let [unknown, limited, other] = answers.into_inner().unwrap();
    assert_eq!((unknown + limited, other), (10_000, 0));
    assert!(
        (10..200).contains(&unknown),
        "{unknown} were looked at, {limited} sent away"
    );
    assert!(
        resident() - before < 32.0 * 1024.0 * 1024.0,
        "{before}, then {}",
        resident()
    );
    assert_eq!(
        daemon.value(
            "lanpulse_heartbeat_rejected_total",
            &[("heartbeat", ""), ("reason", "token")]
        ),
        Some(10_000.0)
    );
    // and who is limited is told for how long
    let mut reply = daemon.get("/ping/again");
    for _ in 0..20 {
        reply = daemon.get("/ping/again");
    }
    assert_eq!(reply.status, 429);
    assert!(
        reply
            .header("retry-after")
            .is_some_and(|after| after.parse::<u32>().unwrap() >= 1)
    );
    // a heartbeat has an allowance, too
    let mut statuses: Vec<u16> = (0..40).map(|_| daemon.post("/ping/token-h2").status).collect();
    statuses.dedup();
    assert_eq!(statuses[..2], [200, 429]);
}

#[test]
fn who_listens_is_told_that_a_heartbeat_changed() {
    if !loopback("heartbeats in the events") {
        return;
    }
    let home = Home::new(&format!("heartbeats:\n{}", heartbeat("job", "schedule: {every: 1h}")));
    let daemon = Daemon::start(&home);
    let mut stream = TcpStream::connect(daemon.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(
        stream,
        "GET /api/v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\n\r\n"
    )
    .unwrap();
    let told = std::thread::spawn(move || {
        let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
        let mut next = || -> Value {
            assert!(lines.any(|line| line == "event: heartbeat"));
            let data = lines.next().unwrap();
            serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap()
        };
        loop {
            let change = next();
            if change["to"] == "down" {
                return change;
            }
        }
    });
    assert_eq!(status(&[&format!("{BASE}/ping/token-job/fail")]), 200);
    let change = told.join().unwrap();
    assert_eq!(change["heartbeat"], "job");
    assert_eq!(change["reason"], "it reported a failure");
}
