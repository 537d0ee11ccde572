//! How many reports of heartbeats are acknowledged, each on disk before its answer, and how long that takes.
//!
//! `cargo bench --bench heartbeats`, as root: a namespace of its own with nothing but loopback, 2,000 heartbeats, 200
//! clients with an address each (allowances are by address). Reports are sent when they are due, whether or not the
//! ones before were answered in time, and their time counts from when they were due.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a program for the terminal"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use lanpulse::http::digest;
use socket2::{Domain, Socket, Type};
use support::{Daemon, Home, loopback};

const HEARTBEATS: u32 = 2_000;
const CLIENTS: u32 = 200;
/// What one client sends: ten heartbeats, each once a second.
const PERIOD: Duration = Duration::from_millis(100);
const SECONDS: u32 = 15;

fn main() {
    if !loopback("the benchmark of heartbeats") {
        return;
    }
    let mut config = "heartbeats:\n".to_owned();
    for n in 0..HEARTBEATS {
        let hash = digest(format!("token-{n}").as_bytes());
        let hash = hash
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        writeln!(
            config,
            "  - {{name: h{n}, schedule: {{every: 1s}}, token_sha256: {hash}}}"
        )
        .unwrap();
    }
    let home = Home::new(&config);
    let daemon = Daemon::start(&home);
    let refused = Arc::new(AtomicU64::new(0));
    let start = Instant::now() + Duration::from_millis(500);
    let cpu = cpu_seconds(daemon.pid());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let refused = refused.clone();
            spawn(move || report(client, start, &refused))
        })
        .collect();
    let mut times: Vec<Duration> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    let took = start.elapsed().as_secs_f64();
    let cpu = (cpu_seconds(daemon.pid()) - cpu) / took;
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "8. heartbeats: {:.0} acknowledged a second, {} refused, p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms, {cpu:.2} core \
         (bar: 2,000 a second, p99 under 50 ms)",
        times.len() as f64 / took,
        refused.load(Ordering::Relaxed),
        at(0.5),
        at(0.99),
        at(1.0),
    );
    let stored = daemon.metrics();
    let total: f64 = stored
        .samples
        .iter()
        .filter(|sample| sample.name == "lanpulse_heartbeat_signals_total")
        .map(|sample| sample.value)
        .sum();
    println!("   taken in by the daemon: {total:.0}, acknowledged: {}", times.len());
    if daemon.value("lanpulse_store_failures_total", &[]) != Some(0.0) {
        println!("   the store failed: these figures count for nothing");
    }
}

fn report(client: u32, start: Instant, refused: &AtomicU64) -> Vec<Duration> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let own = Ipv4Addr::from(u32::from_be_bytes([127, 9, 0, 1]) + client);
    socket.bind(&SocketAddr::from((own, 0)).into()).unwrap();
    socket
        .connect(&SocketAddr::from(([127, 0, 0, 1], 10526)).into())
        .unwrap();
    socket.set_tcp_nodelay(true).unwrap();
    let mut stream = TcpStream::from(socket);
    let mut buffer = [0; 4096];
    let mut times = Vec::new();
    for n in 0..SECONDS * 10 {
        let due = start + PERIOD * n + PERIOD * client / CLIENTS;
        sleep(due.saturating_duration_since(Instant::now()));
        let heartbeat = client * 10 + n % 10;
        let request = format!("POST /ping/token-{heartbeat} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok");
        stream.write_all(request.as_bytes()).unwrap();
        let length = stream.read(&mut buffer).unwrap();
        if buffer[..length].starts_with(b"HTTP/1.1 200 ") {
            times.push(due.elapsed());
        } else {
            refused.fetch_add(1, Ordering::Relaxed);
        }
    }
    times
}

/// User and system time of a process (proc(5)).
fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
