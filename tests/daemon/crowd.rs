//! Clients that mean no good, or no harm but are many: others are still served.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::support::{Daemon, Home, binary, command, loopback, skip, wait_until};

fn files(wanted: u64) -> bool {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    most >= wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted, most).is_ok()
}

fn connect(daemon: &Daemon) -> TcpStream {
    let stream = TcpStream::connect(daemon.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    stream
}

/// Sends this as it is and reads until the end, or until a reset.
fn raw(daemon: &Daemon, request: &[u8]) -> String {
    let mut stream = connect(daemon);
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut piece) {
        answer.extend_from_slice(&piece[..n]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_slow_and_the_idle_keep_nobody_out() {
    if !loopback("a crowd") {
        return;
    }
    if !files(8000) {
        skip("a crowd needs 8,000 open files");
        return;
    }
    let home = Home::new("");
    let daemon = Daemon::start(&home);
    let before = daemon.value("process_resident_memory_bytes", &[]).unwrap();
    let mut crowd = Vec::new();
    let mut slowest = Duration::ZERO;
    for n in 0..6000 {
        let mut stream = connect(&daemon);
        if n % 6 == 0 {
            let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ");
        }
        crowd.push(stream);
        if n % 500 == 499 {
            let start = Instant::now();
            daemon.metrics();
            slowest = slowest.max(start.elapsed());
        }
    }
    // slow ones dribble on
    for stream in crowd.iter_mut().step_by(6) {
        let _ = stream.write_all(b"a");
    }
    let start = Instant::now();
    let after = daemon.value("process_resident_memory_bytes", &[]).unwrap();
    slowest = slowest.max(start.elapsed());
    println!("slowest scrape {slowest:?}, memory {before} -> {after}");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}: starved");
    assert!(after - before < 100e6, "{before} -> {after}");
    let open = daemon.value("process_open_fds", &[]).unwrap();
    assert!(open < 2300.0, "{open}");
}

#[test]
fn readers_that_do_not_read_are_let_go() {
    if !loopback("readers that do not read") {
        return;
    }
    if !files(8000) {
        skip("a thousand readers need 8,000 open files");
        return;
    }
    let home = Home::new("");
    let mut targets = String::new();
    for n in 0..3000 {
        let (net, host) = (n / 250, n % 250 + 1);
        targets += &format!("  - {{name: d{n}, address: 127.1.{net}.{host}, probes: {{}}}}\n");
    }
    home.configure(&format!("targets:\n{targets}"));
    let daemon = Daemon::start(&home);
    let size = daemon.get("/metrics").raw.len();
    let before = daemon.value("process_resident_memory_bytes", &[]).unwrap();
    let mut readers = Vec::new();
    for _ in 0..1000 {
        let mut stream = connect(&daemon);
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        readers.push(stream);
    }
    // They wait for one exposition together: one of a thousand turns would be minutes away, and is refused after 10 s.
    let start = Instant::now();
    let reply = daemon.get("/metrics");
    println!("a scrape beside 1,000 that do not read: {:?}", start.elapsed());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let memory = daemon.value("process_resident_memory_bytes", &[]).unwrap();
    println!("memory {before} -> {memory}, {size} bytes an answer");
    assert!(memory - before < 200e6, "{before} -> {memory} bytes, {size} an answer");
}

/// A connection from another address of this host.
fn connect_from(address: [u8; 4], daemon: &Daemon) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
    socket.connect(&daemon.address.into()).unwrap();
    socket.into()
}

#[test]
fn who_holds_all_places_with_requests_under_way_gives_way() {
    if !loopback("slow bodies") {
        return;
    }
    if !files(8000) {
        skip("slow bodies need 8,000 open files");
        return;
    }
    let home = Home::new("");
    let daemon = Daemon::start(&home);
    let slow =
        b"PATCH /api/v1/devices/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: \
                 100\r\n\r\n{";
    let mut crowd = Vec::new();
    for _ in 0..2500 {
        let mut stream = connect_from([127, 0, 0, 2], &daemon);
        let _ = stream.write_all(slow);
        crowd.push(stream);
    }
    let start = Instant::now();
    let open = daemon.value("process_open_fds", &[]).unwrap();
    println!("a scrape beside {open} open files: {:?}", start.elapsed());
    assert!((2000.0..2300.0).contains(&open), "{open}");
    drop(crowd);
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    if !loopback("a slow body") {
        return;
    }
    let home = Home::new("");
    let daemon = Daemon::start(&home);
    let answer = raw(
        &daemon,
        b"PATCH /api/v1/devices/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: \
          100\r\n\r\n{",
    );
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("too long"),
        "{answer}"
    );
}

#[test]
fn handshakes_that_never_end_keep_nobody_out() {
    if !loopback("handshakes") || binary("openssl").is_none() || binary("curl").is_none() {
        return;
    }
    if !files(8000) {
        skip("handshakes need 8,000 open files");
        return;
    }
    let home = Home::new("");
    let script = "cd \"$0\" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=a -keyout \
                  key -out crt 2>/dev/null";
    command(Command::new("sh").args(["-ec", script]).arg(home.path("")));
    let web = home.write("web.yaml", "tls_server_config: {cert_file: crt, key_file: key}\n");
    let daemon = Daemon::spawn(&home, &home.config(), &["--web.config.file", web.to_str().unwrap()]);
    wait_until(Duration::from_secs(15), "the daemon runs", || {
        daemon.log().contains("ready")
    });
    let crowd: Vec<TcpStream> = (0..3000)
        .map(|n| {
            let mut stream = connect(&daemon);
            // nothing, or the beginning of a ClientHello
            if n % 2 == 0 {
                let _ = stream.write_all(b"\x16\x03\x01\x02\x00\x01");
            }
            stream
        })
        .collect();
    let url = "https://127.0.0.1:10526/metrics";
    let said = command(Command::new("curl").args(["-sk", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", url]));
    assert_eq!(said.trim(), "200");
    drop(crowd);
}

#[test]
fn odd_requests_get_proper_answers() {
    if !loopback("odd requests") {
        return;
    }
    let home = Home::new("");
    let daemon = Daemon::start(&home);
    let post = |headers: &str, body: &[u8]| {
        let head =
            format!("POST /-/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{headers}\r\n");
        raw(&daemon, &[head.as_bytes(), body].concat())
    };
    let huge = vec![b' '; 900_000];
    let answer = post(
        &format!("Content-Length: {}\r\nConnection: close\r\n", huge.len()),
        &huge,
    );
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"too_large\""),
        "{answer}"
    );
    let answer = post("Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.to_lowercase().contains("connection: close"),
        "{answer}"
    );
    let header = "x".repeat(100_000);
    let answer = raw(
        &daemon,
        format!("GET / HTTP/1.1\r\nHost: x\r\nX: {header}\r\n\r\n").as_bytes(),
    );
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    for (request, expected) in [
        (
            &b"GET /ping/s3cr3t-token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"[..],
            "HTTP/1.1 404 ",
        ),
        (
            b"GET /pnig/s3cr3t-token?x=s3cr3t HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 404 ",
        ),
        (
            b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 404 ",
        ),
        (
            b"GET //metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 404 ",
        ),
        (
            b"GET http://x/-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 200 ",
        ),
        (
            b"DELETE /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 405 ",
        ),
        (b"\x16\x03\x01\x00\x05nonsense\r\n\r\n", "HTTP/1.1 400 "),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""),
    ] {
        let answer = raw(&daemon, request);
        assert!(
            answer.starts_with(expected),
            "{:?}: {answer}",
            String::from_utf8_lossy(request)
        );
    }
    assert!(!daemon.log().contains("s3cr3t"), "{}", daemon.log());
    assert_eq!(daemon.get("/-/healthy").status, 200);
}
