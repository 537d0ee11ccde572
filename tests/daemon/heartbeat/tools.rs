//! Heartbeats in a configuration, and clients that report.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Output};
use std::time::Duration;

use lanpulse::model::TokenDigest;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::support::Daemon;

pub(super) const BASE: &str = "http://127.0.0.1:10526";

/// A heartbeat whose token is `token-NAME`.
pub(super) fn heartbeat(name: &str, rest: &str) -> String {
    let hash = hash(&format!("token-{name}"));
    format!("  - {{name: {name}, {rest}, token_sha256: {hash}}}\n")
}

pub(super) fn hash(token: &str) -> String {
    TokenDigest::of(token.as_bytes()).to_hex()
}

/// Many of them, every hour.
pub(super) fn many(count: usize) -> String {
    (0..count).fold("heartbeats:\n".to_owned(), |text, n| {
        text + &heartbeat(&format!("h{n}"), "schedule: {every: 1h}")
    })
}

pub(super) fn curl(arguments: &[&str]) -> Output {
    Command::new("curl")
        .args(["-sS", "-m", "20", "-w", "\n%{http_code}"])
        .args(arguments)
        .output()
        .expect("curl")
}

/// The status of what curl got.
#[track_caller]
pub(super) fn status(arguments: &[&str]) -> u16 {
    let output = curl(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let code = text.lines().last().unwrap_or_default();
    code.parse()
        .unwrap_or_else(|_| panic!("{arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr)))
}

pub(super) fn shown(daemon: &Daemon, name: &str) -> Value {
    daemon.get(&format!("/api/v1/heartbeats/{name}")).json()
}

/// A connection from this address, to be used again and again.
pub(super) struct Client {
    pub(super) stream: BufReader<TcpStream>,
}

impl Client {
    pub(super) fn from(address: [u8; 4]) -> Self {
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
    pub(super) fn send(&mut self, method: &str, path: &str, body: &str) -> Option<u16> {
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
