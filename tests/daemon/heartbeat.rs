//! Hosts and jobs that must report: with curl as they do it, over restarts and kills, and up to the alert.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lanpulse::model::TokenDigest;
use rusqlite::Connection;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::support::{Daemon, Home, Server, WebhookSink, loopback, now, repository, wait_for, wait_until};

const BASE: &str = "http://127.0.0.1:10526";
const RID: &str = "1f2e3d4c-0000-4000-8000-00000000abcd";

/// A heartbeat whose token is `token-NAME`.
fn heartbeat(name: &str, rest: &str) -> String {
    let hash = hash(&format!("token-{name}"));
    format!("  - {{name: {name}, {rest}, token_sha256: {hash}}}\n")
}

fn hash(token: &str) -> String {
    TokenDigest::of(token.as_bytes()).to_hex()
}

/// Many of them, every hour.
fn many(count: usize) -> String {
    (0..count).fold("heartbeats:\n".to_owned(), |text, n| {
        text + &heartbeat(&format!("h{n}"), "schedule: {every: 1h}")
    })
}

fn curl(arguments: &[&str]) -> Output {
    Command::new("curl")
        .args(["-sS", "-m", "20", "-w", "\n%{http_code}"])
        .args(arguments)
        .output()
        .expect("curl")
}

/// The status of what curl got.
#[track_caller]
fn status(arguments: &[&str]) -> u16 {
    let output = curl(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let code = text.lines().last().unwrap_or_default();
    code.parse()
        .unwrap_or_else(|_| panic!("{arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr)))
}

fn shown(daemon: &Daemon, name: &str) -> Value {
    daemon.get(&format!("/api/v1/heartbeats/{name}")).json()
}

/// A connection from this address, to be used again and again.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn from(address: [u8; 4]) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket
            .bind(&SocketAddr::from((Ipv4Addr::from(address), 0)).into())
            .unwrap();
        let to = SocketAddr::from(([127, 0, 0, 1], 10526));
        socket.connect_timeout(&to.into(), Duration::from_secs(5)).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends a request and reads its status; nothing where the connection broke.
    fn send(&mut self, method: &str, path: &str, body: &str) -> Option<u16> {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}");
        self.stream.get_mut().write_all(head.as_bytes()).ok()?;
        let (mut line, mut status, mut length) = (String::new(), None, 0);
        loop {
            line.clear();
            if self.stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let lower = line.trim().to_ascii_lowercase();
            if lower.is_empty() {
                break;
            }
            if status.is_none() {
                status = lower.split(' ').nth(1)?.parse().ok();
            } else if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        status
    }
}

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

/// Heartbeats and clients of the kills. So many that the 100 reports kept of each hold all 20 * 8 * 45 that may be sent:
/// what is forgotten for its age is not lost.
const BEATS: usize = 80;
const WORKERS: usize = 8;

#[test]
fn nothing_acknowledged_is_lost_by_kills_under_load() {
    if !loopback("kills under load") {
        return;
    }
    let home = Home::new(&many(BEATS));
    let acknowledged = Mutex::new(HashSet::new());
    for round in 0..20_u64 {
        let daemon = Daemon::start(&home);
        std::thread::scope(|scope| {
            for worker in 0..WORKERS {
                let acknowledged = &acknowledged;
                scope.spawn(move || {
                    let mut client = Client::from([127, 0, 1, worker as u8]);
                    for n in 0..45 {
                        let name = worker + WORKERS * (n % (BEATS / WORKERS));
                        let message = format!("round {round} worker {worker} number {n}");
                        match client.send("POST", &format!("/ping/token-h{name}/log"), &message) {
                            Some(200) => acknowledged.lock().unwrap().insert(message),
                            Some(other) => panic!("{message}: {other}"),
                            None => return,
                        };
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(5 + 37 * round % 140));
            daemon.kill9();
        });
        let file = Connection::open(home.database()).unwrap();
        let check: String = file.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        let mut statement = file.prepare("SELECT message FROM heartbeat_signals").unwrap();
        let stored: HashSet<String> = statement
            .query_map((), |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let acknowledged = acknowledged.lock().unwrap();
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert!(
            lost.is_empty(),
            "round {round}: {} of {} lost: {lost:?}",
            lost.len(),
            acknowledged.len()
        );
    }
    assert!(
        acknowledged.lock().unwrap().len() > 500,
        "{}",
        acknowledged.lock().unwrap().len()
    );
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
fn a_restart_across_a_deadline_is_no_alarm_and_no_blindness() {
    if !loopback("deadlines and restarts") {
        return;
    }
    let home = Home::new(&format!(
        "heartbeats:\n{}{}",
        heartbeat("missed", "schedule: {every: 2s}, grace: 1s"),
        heartbeat("before", "schedule: {every: 1s}, grace: 1s")
    ));
    let daemon = Daemon::start(&home);
    let state = |daemon: &Daemon, name: &str| shown(daemon, name)["state"].as_str().unwrap().to_owned();
    assert_eq!(daemon.post("/ping/token-before").status, 200);
    wait_until(Duration::from_secs(10), "down", || state(&daemon, "before") == "down");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(daemon.post("/ping/token-missed").status, 200);
    assert_eq!(daemon.stop().0, Some(0));
    // its deadline passes while nobody is there
    std::thread::sleep(Duration::from_secs(4));
    let daemon = Daemon::start(&home);
    let started = now();
    assert_eq!(state(&daemon, "missed"), "late", "nobody was there to be told");
    assert_eq!(state(&daemon, "before"), "down", "this one had missed it before");
    let deadline = daemon.value(
        "lanpulse_heartbeat_deadline_timestamp_seconds",
        &[("heartbeat", "missed")],
    );
    assert!(
        deadline.is_some_and(|at| at > started && at <= started + 3.5),
        "{deadline:?} at {started}"
    );
    wait_until(Duration::from_secs(10), "down again", || {
        state(&daemon, "missed") == "down"
    });
    assert!(now() - started > 2.0);
}

#[test]
fn clients_may_make_heartbeats_with_the_key_and_only_so_many() {
    if !loopback("provisioning") {
        return;
    }
    let home = Home::new(&format!(
        "heartbeats:\n{}heartbeat_enrolment: {{key_file: key, max: 2, grace: 5m}}\n",
        heartbeat("job", "schedule: {every: 1h}")
    ));
    home.write("key", "the-key");
    let daemon = Daemon::start(&home);
    let get = |path: &str| daemon.get(path).status;
    assert_eq!(get("/ping/the-key/web-1"), 404, "only if it says so");
    assert_eq!(get("/api/v1/heartbeats/web-1"), 404);
    assert_eq!(get("/ping/wrong/web-1?create=1"), 404);
    assert_eq!(get("/ping/the-key/web-1?create=1&every=1h&grace=10m"), 201);
    assert_eq!(get("/ping/the-key/web-1?create=1"), 200);
    assert_eq!(get("/ping/the-key/web-1/fail"), 200);
    assert_eq!(get("/ping/the-key/job"), 404, "the key is for those it made");
    assert_eq!(get("/ping/token-job/job"), 404);
    assert_eq!(get("/ping/the-key/Not%20A%20Name?create=1"), 400);
    let by_name = daemon
        .request("POST", "/api/v1/heartbeats/web-2?create=1")
        .header("Authorization", "Bearer the-key")
        .send();
    assert_eq!(by_name.status, 201);
    assert_eq!(get("/ping/the-key/web-3?create=1"), 403, "two and no more");
    let row = shown(&daemon, "web-1");
    assert_eq!((&row["source"], &row["state"]), (&json!("auto"), &json!("down")));
    assert_eq!(
        (&row["schedule"]["every_seconds"], &row["grace_seconds"]),
        (&json!(3600.0), &json!(600.0))
    );
    let row = shown(&daemon, "web-2");
    assert_eq!(
        (&row["schedule"]["every_seconds"], &row["grace_seconds"]),
        (&json!(86400.0), &json!(300.0))
    );
    daemon.kill9();
    let daemon = Daemon::start(&home);
    assert_eq!(shown(&daemon, "web-1")["state"], "down");
    assert_eq!(daemon.get("/ping/the-key/web-2").status, 200);
    assert_eq!(daemon.get("/api/v1/heartbeats").json()["total"], 3);
    let delete = |name: &str| {
        daemon
            .request("DELETE", &format!("/api/v1/heartbeats/{name}"))
            .send()
            .status
    };
    assert_eq!((delete("web-2"), delete("web-2"), delete("job")), (200, 404, 400));
    assert_eq!(daemon.get("/ping/the-key/web-2").status, 404);
    assert_eq!(
        daemon.get("/ping/the-key/web-3?create=1").status,
        201,
        "there is room again"
    );
    // switched off, they are nobody's
    home.configure("heartbeats: []\n");
    assert_eq!(daemon.post("/-/reload").status, 200);
    assert_eq!(daemon.get("/api/v1/heartbeats").json()["total"], 0);
    assert_eq!(daemon.get("/ping/the-key/web-1").status, 404);
}

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

#[test]
fn lanpulse_reports_for_itself_while_it_works() {
    if !loopback("the outbound heartbeat") {
        return;
    }
    let sink = WebhookSink::start();
    let home = Home::new("outbound_heartbeat: {url_file: url, every: 1s}\n");
    home.write("url", &format!("{}secret\n", sink.url()));
    let daemon = Daemon::start(&home);
    wait_until(Duration::from_secs(10), "two reports", || sink.bodies().len() >= 2);
    // a store that cannot be written is not health
    let blocker = Connection::open(home.database()).unwrap();
    blocker.execute_batch("BEGIN EXCLUSIVE").unwrap();
    home.configure(
        "outbound_heartbeat: {url_file: url, every: 1s}\ntargets: [{name: a, address: 127.0.0.1, probes: {icmp: {}}}]\n",
    );
    assert_eq!(daemon.post("/-/reload").status, 200);
    wait_until(Duration::from_secs(30), "the store is seen to fail", || {
        daemon.value("lanpulse_store_failures_total", &[]).unwrap() > 0.0
    });
    std::thread::sleep(Duration::from_millis(1500));
    let sent = sink.bodies().len();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(sink.bodies().len(), sent, "silence is the alarm");
    drop(blocker);
    wait_until(Duration::from_secs(30), "reports again", || sink.bodies().len() > sent);
    assert!(!daemon.log().contains("secret"), "{}", daemon.log());
}

#[test]
fn a_report_that_cannot_be_stored_is_not_acknowledged() {
    if !loopback("a store that fails") {
        return;
    }
    let home = Home::new(&many(1));
    let daemon = Daemon::start(&home);
    assert_eq!(daemon.post("/ping/token-h0").status, 200);
    let blocker = Connection::open(home.database()).unwrap();
    blocker.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let reply = daemon.request("POST", "/ping/token-h0/fail").send();
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(reply.header("retry-after").is_some());
    // what was said counts all the same
    assert_eq!(
        daemon.value("lanpulse_heartbeat_consecutive_failures", &[("heartbeat", "h0")]),
        Some(1.0)
    );
    drop(blocker);
    wait_until(Duration::from_secs(20), "acknowledged again", || {
        daemon.post("/ping/token-h0/fail").status == 200
    });
    daemon.kill9();
    let daemon = Daemon::start(&home);
    assert!(shown(&daemon, "h0")["consecutive_failures"].as_u64().unwrap() >= 2);
}

#[test]
fn a_silent_host_alerts_and_only_within_its_hours() {
    if !loopback("alerts about heartbeats") {
        return;
    }
    let beat = "schedule: {every: 2s}, grace: 1s";
    // not today, wherever midnight falls; the epoch was a Thursday
    let days = [
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "monday",
        "tuesday",
        "wednesday",
    ];
    let day = days[((now() / 86_400.0) as usize + 3) % 7];
    let home = Home::new(&format!(
        "heartbeats:\n{}{}{}time_intervals:\n  - {{name: business, time_intervals: [{{weekdays: [{day}]}}]}}\n",
        heartbeat("silent", beat),
        heartbeat("asleep", &format!("{beat}, hours: business")),
        heartbeat("faithful", "schedule: {every: 1h}"),
    ));
    let text = fs::read_to_string(repository("prometheus/rules/heartbeats.yml")).unwrap();
    home.write("rules/heartbeats.yml", &text.replace("for: 30s", "for: 2s"));
    let daemon = Daemon::start(&home);
    let sink = WebhookSink::start();
    let Some(_alertmanager) = Server::alertmanager(&format!(
        "route: {{receiver: sink, group_by: [alertname, heartbeat], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: sink, webhook_configs: [{{url: '{}', send_resolved: true}}]}}]
",
        sink.url()
    )) else {
        return;
    };
    let Some(prometheus) = Server::alerting_prometheus(&home.path("rules")) else {
        return;
    };
    // what fires before Prometheus has found it is told a minute later only
    wait_until(Duration::from_secs(30), "Prometheus knows the Alertmanager", || {
        let known = prometheus.get("/api/v1/alertmanagers").json();
        known["data"]["activeAlertmanagers"]
            .as_array()
            .is_some_and(|active| !active.is_empty())
    });
    for name in ["silent", "asleep", "faithful"] {
        assert_eq!(daemon.post(&format!("/ping/token-{name}")).status, 200);
    }
    let about = |name: &str, status: &str| -> Vec<Value> {
        let is = |alert: &Value| alert["labels"]["alertname"] == name && alert["status"] == status;
        sink.alerts().into_iter().filter(is).collect()
    };
    let alert = wait_for(Duration::from_secs(40), "HeartbeatMissed fires", || {
        about("HeartbeatMissed", "firing").pop()
    });
    assert_eq!(alert["labels"]["heartbeat"], "silent", "{alert}");
    let watchdog = "ALERTS{alertname=\"Watchdog\", alertstate=\"firing\"}";
    assert_eq!(prometheus.query(watchdog).len(), 1);
    assert_eq!(daemon.post("/ping/token-faithful/fail").status, 200);
    let failed = wait_for(Duration::from_secs(40), "HeartbeatFailed fires", || {
        about("HeartbeatFailed", "firing").pop()
    });
    assert_eq!(failed["labels"]["heartbeat"], "faithful", "{failed}");
    // it reports again, often enough
    let start = Instant::now();
    wait_until(Duration::from_secs(40), "HeartbeatMissed is resolved", || {
        assert!(matches!(daemon.post("/ping/token-silent").status, 200 | 429));
        std::thread::sleep(Duration::from_millis(800));
        !about("HeartbeatMissed", "resolved").is_empty()
    });
    assert!(start.elapsed() < Duration::from_secs(40));
    let others: Vec<_> = sink
        .alerts()
        .into_iter()
        .filter(|alert| alert["labels"]["heartbeat"] == "asleep")
        .collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(
        prometheus
            .query("lanpulse_heartbeat_in_hours{heartbeat=\"asleep\"} == 0")
            .len(),
        1
    );
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
