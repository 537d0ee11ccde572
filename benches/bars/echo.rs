//! Bars 1 and 2: what many echo requests cost, beside fping with the same addresses at the same rate, and beside
//! `blackbox_exporter`, which is asked for each one by HTTP.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::measure::{Fping, Kill, address, cpu, lag_p99, peak, targets, total, version};
use crate::support::{Daemon, Exposition, Format, Home, Lan, Reply, wait_until};
use crate::table::Row;

/// One of the two bars.
pub struct Load {
    bar: u8,
    targets: u32,
    interval: Duration,
    cores: f64,
    mebibytes: f64,
    /// The bar on the lag, in milliseconds.
    lag: Option<f64>,
}

pub const DENSE: Load = Load {
    bar: 1,
    targets: 10_000,
    interval: Duration::from_secs(1),
    cores: 0.20,
    mebibytes: 120.0,
    lag: Some(50.0),
};

pub const WIDE: Load = Load {
    bar: 2,
    targets: 100_000,
    interval: Duration::from_secs(5),
    cores: 0.50,
    mebibytes: 600.0,
    lag: None,
};

const SENT: &str = "lanpulse_icmp_requests_total";

/// How long is measured: two scrapes at Prometheus's usual 15 s are part of the cost.
const SCRAPE: Duration = Duration::from_secs(15);
const SCRAPES: u32 = 2;
/// Scrapes without a pause after that, for what memory they take.
const MORE_SCRAPES: u32 = 4;

pub fn bar(load: &Load) {
    let Some(_lan) = Lan::new("echo requests") else { return };
    let interval = load.interval.as_secs();
    let home = Home::exactly(&targets(load.targets, &format!("global: {{interval: {interval}s}}")));
    let daemon = Daemon::start(&home);
    sleep(Duration::from_secs(8).max(load.interval));
    // read when all is over: that takes this program longer than the scrape takes the daemon
    let scrape = || (Instant::now(), cpu(daemon.pid()), ask(&daemon));
    let (start, before, first) = scrape();
    for n in 1..SCRAPES {
        sleep((SCRAPE * n).saturating_sub(start.elapsed()));
        ask(&daemon);
    }
    sleep((SCRAPE * SCRAPES).saturating_sub(start.elapsed()));
    let (end, after, second) = scrape();
    let (seconds, cost) = ((end - start).as_secs_f64(), after - before);
    for _ in 0..MORE_SCRAPES {
        ask(&daemon);
    }
    let peak = peak(daemon.pid());
    drop(daemon);
    let read = |reply: Reply| Exposition::parse(Format::OpenMetrics, &reply.text()).expect("an exposition");
    let (first, second) = (read(first), read(second));

    let rate = f64::from(load.targets) / load.interval.as_secs_f64();
    let addresses: Vec<Ipv4Addr> = (0..load.targets.min(Fping::MOST)).map(address).collect();
    let peer = Fping {
        addresses: &addresses,
        count: (Fping::MOST / addresses.len() as u32).min(3),
        period: load.interval,
        gap: Duration::from_secs_f64(1.0 / rate),
    }
    .run();
    let fping = version("fping", "fping", "-v").unwrap_or_default();
    let row = |what: &str, figure: f64, unit: &str| Row::new(load.bar, what, figure, unit);
    let lost = |asked: f64, answered: f64| (asked - answered) / asked * 1e2;
    let sent = total(&second, SENT) - total(&first, SENT);
    row("CPU, scrapes every 15 s included", cost / seconds, "cores")
        .at_most(load.cores)
        .peer(&fping, Some(peer.cpu / peer.asked * rate))
        .record();
    row(
        "requests sent, of those due in the 30 s",
        sent / (rate * seconds) * 1e2,
        "%",
    )
    .at_least(99.0)
    .record();
    let asked = total(&second, SENT);
    let answered = total(&second, "lanpulse_icmp_replies_total");
    row(&format!("false loss of {asked} requests"), lost(asked, answered), "%")
        .at_most(0.0)
        .peer(&fping, Some(lost(peer.asked, peer.answered)))
        .record();
    let lag = row("send lag, p99", lag_p99(&first, &second), "ms");
    match load.lag {
        Some(most) => lag.at_most(most).record(),
        None => lag.record(),
    }
    row("resident memory, peak with six scrapes", peak, "MiB")
        .at_most(load.mebibytes)
        .record();
    if load.bar == DENSE.bar {
        let (name, theirs) = exporter();
        row("CPU a ping, scrapes included", cost / sent * 1e6, "us")
            .peer(name, theirs)
            .record();
    }
}

/// A scrape as Prometheus does it.
fn ask(daemon: &Daemon) -> Reply {
    daemon
        .request("GET", "/metrics")
        .header("Accept", "application/openmetrics-text;version=1.0.0")
        .header("Accept-Encoding", "gzip")
        .send()
}

/// Name and version of `blackbox_exporter`, and its CPU microseconds a ping.
fn exporter() -> (String, Option<f64>) {
    const PROGRAM: &str = "prometheus-blackbox-exporter";
    const WARM: u32 = 300;
    const PINGS: u32 = 3_000;
    let Some(name) = version("blackbox_exporter", PROGRAM, "--version") else {
        return ("blackbox_exporter".into(), None);
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "modules: {icmp: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4}}}\n",
    )
    .unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 9115));
    let child = Kill::serve(
        Command::new(PROGRAM)
            .arg(format!("--config.file={}", file.path().display()))
            .arg(format!("--web.listen-address={listen}"))
            .args(["--log.level=error"]),
    );
    wait_until(Duration::from_secs(20), "blackbox_exporter", || {
        TcpStream::connect(listen).is_ok()
    });
    // one connection for all, as Prometheus keeps it
    let mut stream = TcpStream::connect(listen).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut ping = |n: u32| {
        let path = format!("/probe?module=icmp&target={}", address(n % 100));
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let reply = read(&mut stream);
        assert!(reply.contains("\nprobe_success 1\n"), "{reply}");
    };
    (0..WARM).for_each(&mut ping);
    let before = cpu(child.0.id());
    (0..PINGS).for_each(&mut ping);
    (name, Some((cpu(child.0.id()) - before) * 1e6 / f64::from(PINGS)))
}

/// A reply on a connection that stays open.
fn read(stream: &mut TcpStream) -> String {
    let (mut reply, mut buffer) = (Vec::new(), [0; 16_384]);
    loop {
        let length = stream.read(&mut buffer).expect("a reply");
        assert!(length > 0, "the connection was closed");
        reply.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&reply);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let size = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let whole = match size {
            Some(size) => body.len() >= size.parse().unwrap(),
            None => body.ends_with("0\r\n\r\n"),
        };
        if whole {
            return text.into_owned();
        }
    }
}
