//! Bar 8: how many reports of heartbeats are acknowledged, each on disk before its answer, and how long that takes.
//!
//! A namespace with nothing but loopback, and clients with an address each (allowances are by address). Reports are sent
//! when they are due, whether or not the ones before were answered in time, and their time counts from when they were due.
//! Beside it, the same load for Pushgateway: it keeps what it is told in memory, so it is not of the same kind, but it is
//! what jobs report to where there is nothing better.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use lanpulse::model::TokenDigest;
use socket2::{Domain, Socket, Type};

use crate::measure::{Kill, cpu, quantile, total, version};
use crate::support::{Daemon, Home, loopback, wait_until};
use crate::table::Row;

/// A little more than the bar asks for, so that what is acknowledged in a second can be.
const CLIENTS: u32 = 210;
/// What one client reports, each once a second.
const OWN: u32 = 10;
const PERIOD: Duration = Duration::from_millis(100);
const SECONDS: u32 = 15;

pub fn bar() {
    if !loopback("heartbeats") {
        return;
    }
    let mut config = "heartbeats:\n".to_owned();
    for n in 0..CLIENTS * OWN {
        let hash = TokenDigest::of(format!("token-{n}").as_bytes()).to_hex();
        writeln!(
            config,
            "  - {{name: h{n}, schedule: {{every: 1s}}, token_sha256: {hash}}}"
        )
        .unwrap();
    }
    let home = Home::new(&config);
    let daemon = Daemon::start(&home);
    let mut ours = load(daemon.address, daemon.pid(), |n| {
        format!("POST /ping/token-{n} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")
    });
    let stored = daemon.metrics();
    drop(daemon);
    let (name, mut peer) = pushgateway();
    let mut theirs = |of: fn(&mut Served) -> f64| peer.as_mut().map(of);
    let row = |what: &str, figure: f64, unit: &str| Row::new(8, what, figure, unit);
    let late = |share: f64| move |served: &mut Served| quantile(&mut served.times, share) * 1e3;

    row("acknowledged a second, each on disk", ours.a_second, "")
        .at_least(2_000.0)
        .peer(&name, theirs(|peer| peer.a_second))
        .record();
    row("from due to acknowledged, p50", late(0.5)(&mut ours), "ms")
        .peer(&name, theirs(|peer| quantile(&mut peer.times, 0.5) * 1e3))
        .record();
    row("from due to acknowledged, p99", late(0.99)(&mut ours), "ms")
        .at_most(50.0)
        .peer(&name, theirs(|peer| quantile(&mut peer.times, 0.99) * 1e3))
        .record();
    row("CPU a report", ours.cpu * 1e6, "us")
        .peer(&name, theirs(|peer| peer.cpu * 1e6))
        .record();
    row("refused", ours.refused as f64, "").at_most(0.0).record();
    let lost = ours.times.len() as f64 - total(&stored, "lanpulse_heartbeat_signals_total");
    row("acknowledged, but not taken in", lost.max(0.0), "")
        .at_most(0.0)
        .record();
    row(
        "failures of the store",
        total(&stored, "lanpulse_store_failures_total"),
        "",
    )
    .at_most(0.0)
    .record();
}

/// What came of all reports.
struct Served {
    /// Of those acknowledged, from due to acknowledged, in seconds.
    times: Vec<f64>,
    refused: u64,
    a_second: f64,
    /// Seconds of the server a report.
    cpu: f64,
}

/// Reports to a server of process `pid`; `request` is the whole request for heartbeat n.
fn load(server: SocketAddr, pid: u32, request: fn(u32) -> String) -> Served {
    let refused = Arc::new(AtomicU64::new(0));
    let (start, before) = (Instant::now() + Duration::from_millis(500), cpu(pid));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let refused = refused.clone();
            spawn(move || report(server, client, start, request, &refused))
        })
        .collect();
    let times: Vec<f64> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    let took = start.elapsed().as_secs_f64();
    let refused = refused.load(Ordering::Relaxed);
    Served {
        a_second: times.len() as f64 / took,
        cpu: (cpu(pid) - before) / (times.len() as f64 + refused as f64),
        refused,
        times,
    }
}

fn report(
    server: SocketAddr,
    client: u32,
    start: Instant,
    request: fn(u32) -> String,
    refused: &AtomicU64,
) -> Vec<f64> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let own = Ipv4Addr::from(u32::from_be_bytes([127, 9, 0, 1]) + client);
    socket.bind(&SocketAddr::from((own, 0)).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    socket.set_tcp_nodelay(true).unwrap();
    let mut stream = TcpStream::from(socket);
    let mut buffer = [0; 4096];
    let mut times = Vec::new();
    for n in 0..SECONDS * OWN {
        let due = start + PERIOD * n + PERIOD * client / CLIENTS;
        sleep(due.saturating_duration_since(Instant::now()));
        // a server that is overrun is not waited for
        if due.elapsed() > Duration::from_secs(10) {
            refused.fetch_add(u64::from(SECONDS * OWN - n), Ordering::Relaxed);
            break;
        }
        stream.write_all(request(client * OWN + n % OWN).as_bytes()).unwrap();
        let length = stream.read(&mut buffer).unwrap();
        if buffer[..length].starts_with(b"HTTP/1.1 20") {
            times.push(due.elapsed().as_secs_f64());
        } else {
            refused.fetch_add(1, Ordering::Relaxed);
        }
    }
    times
}

fn pushgateway() -> (String, Option<Served>) {
    const PROGRAM: &str = "prometheus-pushgateway";
    let Some(version) = version("Pushgateway", PROGRAM, "--version") else {
        return ("Pushgateway".into(), None);
    };
    let listen = SocketAddr::from(([127, 0, 0, 1], 9091));
    let child = Kill::serve(
        Command::new(PROGRAM)
            .arg(format!("--web.listen-address={listen}"))
            // which would look at all groups at each report
            .args(["--push.disable-consistency-check", "--log.level=error"]),
    );
    wait_until(Duration::from_secs(20), "Pushgateway", || {
        TcpStream::connect(listen).is_ok()
    });
    let served = load(listen, child.0.id(), |n| {
        format!("POST /metrics/job/h{n} HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\nlast_success 1\n")
    });
    (format!("{version}, in memory"), Some(served))
}
