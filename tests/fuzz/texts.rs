//! Texts of people and clients: configuration files, HTTP requests, bodies of heartbeats.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use lanpulse::model::TokenDigest;
use socket2::{Domain, Socket, Type};

use super::engine::{files, fuzz};

use crate::support::{Daemon, Home, loopback};

#[test]
fn the_configuration() {
    let mut corpus = files("tests/bad_configs", "yaml");
    corpus.extend(files("config", "yaml"));
    let home = Home::new("");
    fuzz("config", &corpus, |input| {
        let path = home.path("fuzzed.yaml");
        fs::write(&path, input).unwrap();
        let loaded = lanpulse::config::load(&path);
        for problem in loaded.result.err().into_iter().flatten() {
            // One line each, whatever was in the file: logs are made of lines.
            assert!(!problem.message.contains('\n'), "{problem:?}");
        }
    });
}

#[test]
fn the_web_configuration() {
    let corpus = [
        "tls_server_config:\n  cert: |\n    -----BEGIN CERTIFICATE-----\n    MIIB\n    -----END CERTIFICATE-----\n  key: x\n  \
         client_ca: \"\"\n  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [a, b]\n  min_version: \
         TLS12\n  max_version: TLS13\n  cipher_suites: [TLS_AES_128_GCM_SHA256]\n  prefer_server_cipher_suites: yes\n  \
         curve_preferences: [X25519, CurveP256]\n",
        "http_server_config:\n  http2: false\n  headers: {X-Frame-Options: deny, X-XSS-Protection: 0}\n",
        "basic_auth_users:\n  alice: $2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze\n",
        "rate_limit: {interval: 1m1.5s, burst: 20}\n",
    ];
    fuzz("web", &corpus.map(|text| text.as_bytes().to_vec()), |input| {
        lanpulse::serve::web_problems_of(input);
    });
}

#[test]
fn http_requests() {
    if !loopback("a daemon to send odd requests to") {
        return;
    }
    let corpus: [&[u8]; 6] = [
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text;q=0.5,*/*\r\nAccept-Encoding: \
          gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 5\r\n\r\n",
        b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Type: \
          application/json\r\nContent-Length: 2\r\n\r\n{}",
        b"PUT /-/reload HTTP/1.1\r\nHost: [::1]:1\r\nTransfer-Encoding: chunked\r\nAuthorization: Basic \
          YTpi\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"GET /api/v1/status?x=%00 HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\nHEAD /-/ready HTTP/1.1\r\nHost: \
          x\r\n\r\n",
        b"POST /api/v1/heartbeats/a HTTP/1.0\r\nAuthorization: Bearer x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
        b"GET /ping/abc/fail?rid=1 HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    ];
    let home = Home::new("");
    let daemon = Daemon::start(&home);
    fuzz("http", &corpus.map(<[u8]>::to_vec), |input| {
        let mut stream = TcpStream::connect(daemon.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let _ = stream.write_all(input);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.take(1 << 20).read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{answer:?}");
        assert!(
            !answer.starts_with(b"HTTP/1.1 500"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    });
    assert_eq!(daemon.get("/-/healthy").status, 200);
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
}

#[test]
fn heartbeat_bodies() {
    if !loopback("a daemon to send odd reports to") {
        return;
    }
    let corpus: [&[u8]; 4] = [
        br#"{"status": "ok", "run_id": "5", "duration_s": 12.5, "message": "12 files"}"#,
        br#"{"exit": 3, "message": "disk full\n"}"#,
        br#"{"status": "start"}"#,
        b"plain \xff text\0\n",
    ];
    // Limits are an address's and a heartbeat's: many of both, so that bodies are read, and none waits.
    let heartbeat = |n: usize| {
        let hash = TokenDigest::of(format!("token{n}").as_bytes()).to_hex();
        format!("  - {{name: h{n}, schedule: {{every: 1s}}, token_sha256: {hash}}}\n")
    };
    let all: String = (0..500).map(heartbeat).collect();
    let home = Home::new(&format!("heartbeats:\n{all}"));
    let daemon = Daemon::start(&home);
    let (mut turn, mut read) = (0_usize, 0_usize);
    fuzz("heartbeat", &corpus.map(<[u8]>::to_vec), |input| {
        turn += 1;
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let [.., high, low] = turn.to_be_bytes();
        socket
            .bind(&SocketAddr::from(([127, 1, high, low.max(1)], 0)).into())
            .unwrap();
        socket.connect(&daemon.address.into()).unwrap();
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let (n, kind) = (
            turn % 500,
            if turn.is_multiple_of(3) {
                "text/plain"
            } else {
                "application/json"
            },
        );
        let head = format!(
            "POST /api/v1/heartbeats/h{n} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token{n}\r\nContent-Type: \
             {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            input.len()
        );
        stream.write_all(&[head.as_bytes(), input].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.get(9..12).unwrap_or_default();
        assert!(["200", "400", "429"].contains(&status), "{answer}");
        read += usize::from(status != "429");
    });
    println!("heartbeat: {read} of {turn} bodies were read");
    assert!(read > 0);
    let shown = daemon.get("/api/v1/heartbeats/h1").json();
    assert!(shown["last_signal"].is_string(), "{shown}");
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
}
