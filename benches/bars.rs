//! The bars lanpulse is measured by, as `make bench` prints them: the figure, the bar, the peer's figure, the ratio.
//!
//! Everything happens in network namespaces that this program makes (as root); nothing leaves the machine. Names of
//! bars as arguments run only those: `cargo bench --bench bars -- pings-10k accuracy`.
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

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::{Daemon, Exposition, Home, Lan, QUIET};

/// The first of 131,072 addresses that answer.
const FIRST: u32 = u32::from_be_bytes([10, 80, 0, 1]);

type Bar = (&'static str, fn());

const BARS: [Bar; 7] = [
    ("pings-10k", || {
        pings(
            "1. 10,000 targets every second",
            10_000,
            "1s",
            "at most 0.20 core, 120 MiB, lag p99 50 ms",
        );
    }),
    ("pings-100k", || {
        pings(
            "2. 100,000 targets every 5 s",
            100_000,
            "5s",
            "at most 0.50 core, 600 MiB",
        );
    }),
    ("accuracy-2k", || accuracy(10_000, "under 0.2 ms at 2,000/s")),
    ("accuracy-20k", || accuracy(100_000, "under 1 ms at 20,000/s")),
    ("loss", loss),
    ("scrape", scrape),
    ("reload", reload_and_start),
];

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    println!("{:<44} {:<44} bar", "what", "lanpulse");
    for (name, bar) in BARS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            // Each bar in a thread of its own: `Lan` moves the thread into a namespace.
            std::thread::spawn(bar).join().expect("the bar runs through");
        }
    }
}

fn row(what: &str, figure: &str, bar: &str) {
    println!("{what:<44} {figure:<44} {bar}");
}

fn targets(count: u32, head: &str) -> String {
    let mut config = format!("{QUIET}{head}\ntargets:\n");
    for n in 0..count {
        writeln!(config, "  - {{name: d{n}, address: {}}}", Ipv4Addr::from(FIRST + n)).unwrap();
    }
    config
}

/// User and system seconds and resident bytes of a process.
fn usage(pid: u32) -> (f64, f64) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<f64> = stat
        .rsplit_once(") ")
        .unwrap()
        .1
        .split(' ')
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    (
        (fields[11] + fields[12]) / 100.0,
        peak.unwrap().trim().parse::<f64>().unwrap() / 1024.0,
    )
}

fn total(metrics: &Exposition, name: &str) -> f64 {
    metrics
        .samples
        .iter()
        .filter(|sample| sample.name == name)
        .map(|sample| sample.value)
        .sum()
}

/// The least bucket bound that covers this share of a histogram.
fn quantile(metrics: &Exposition, name: &str, share: f64) -> f64 {
    let bucket = format!("{name}_bucket");
    let mut buckets: Vec<(f64, f64)> = metrics
        .samples
        .iter()
        .filter(|sample| sample.name == bucket)
        .map(|sample| {
            (
                sample.labels["le"].replace("+Inf", "inf").parse().unwrap(),
                sample.value,
            )
        })
        .collect();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all = buckets.last().unwrap().1;
    buckets.iter().find(|(_, count)| *count >= all * share).unwrap().0
}

/// fping's CPU microseconds a ping on the same targets.
fn fping_cpu(count: u32) -> f64 {
    let list: Vec<String> = (0..count).map(|n| Ipv4Addr::from(FIRST + n).to_string()).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), list.join("\n")).unwrap();
    let children = || nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN).unwrap();
    let seconds = |usage: nix::sys::resource::Usage| {
        let (user, system) = (usage.user_time(), usage.system_time());
        (user.tv_sec() + system.tv_sec()) as f64 + (user.tv_usec() + system.tv_usec()) as f64 / 1e6
    };
    let before = seconds(children());
    Command::new("fping")
        .args(["-q", "-c3", "-p1000", "-i0.1", "-t500", "-f"])
        .arg(file.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("fping");
    (seconds(children()) - before) * 1e6 / f64::from(count * 3)
}

fn pings(what: &str, count: u32, interval: &str, bar: &str) {
    let Some(_lan) = Lan::new("bench") else { return };
    let home = Home::exactly(&targets(count, &format!("global: {{interval: {interval}}}")));
    let daemon = Daemon::start(&home);
    sleep(Duration::from_secs(8));
    let (before, start) = (usage(daemon.pid()).0, Instant::now());
    sleep(Duration::from_secs(20));
    let (after, peak) = usage(daemon.pid());
    let core = (after - before) / start.elapsed().as_secs_f64();
    let metrics = daemon.metrics();
    let (asked, answered) = (
        total(&metrics, "lanpulse_icmp_requests_total"),
        total(&metrics, "lanpulse_icmp_replies_total"),
    );
    let lag = quantile(&metrics, "lanpulse_schedule_lag_seconds", 0.99);
    drop(daemon);
    let seconds: f64 = interval.trim_end_matches('s').parse().unwrap();
    let ours = core * 1e6 * seconds / f64::from(count);
    let peer = fping_cpu(count.min(10_000));
    row(what, &format!("{core:.3} core, peak {peak:.0} MiB"), bar);
    row("   false loss", &format!("{} of {asked}", asked - answered), "0");
    row("   send lag p99, at most", &format!("{:.1} ms", lag * 1e3), "50 ms");
    row(
        "   CPU a ping; fping's; ratio",
        &format!("{ours:.1} us; {peer:.1} us; {:.2}", ours / peer),
        "",
    );
}

/// Round-trip times by address and time sent, from a capture with the kernel's time stamps.
fn capture_rtts(file: &[u8]) -> HashMap<Ipv4Addr, Vec<(f64, f64)>> {
    let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let (mut asked, mut rtts) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
    let mut at = 24;
    while at + 16 <= file.len() {
        let time = f64::from(u32_at(at)) + f64::from(u32_at(at + 4)) / 1e9;
        let length = u32_at(at + 8) as usize;
        let packet = &file[at + 16..at + 16 + length];
        at += 16 + length;
        let ip = &packet[14..];
        let address = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&ip[at..at + 4]).unwrap());
        let id: [u8; 4] = ip[24..28].try_into().unwrap();
        match ip[20] {
            8 => drop(asked.insert((address(16), id), time)),
            0 => {
                if let Some(sent) = asked.remove(&(address(12), id)) {
                    rtts.entry(address(12)).or_default().push((sent, time - sent));
                }
            }
            _ => {}
        }
    }
    rtts
}

fn accuracy(count: u32, bar: &str) {
    let Some(_lan) = Lan::new("bench") else { return };
    let lean = "global: {interval: 5s}\nseries: {histogram: false, window: false}";
    let home = Home::exactly(&targets(count, lean));
    let daemon = Daemon::start(&home);
    sleep(Duration::from_secs(7));
    let file = home.path("capture.pcap");
    let mut tcpdump = Command::new("tcpdump")
        .args([
            "-i", "lp0", "-s", "64", "-B", "65536", "--nano", "-n", "-Z", "root", "-w",
        ])
        .arg(&file)
        .arg("icmp")
        .stderr(Stdio::null())
        .spawn()
        .expect("tcpdump");
    sleep(Duration::from_secs(7));
    let body = daemon.get("/api/v1/targets").json();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(tcpdump.id().cast_signed()),
        nix::sys::signal::SIGINT,
    )
    .unwrap();
    tcpdump.wait().unwrap();
    let rtts = capture_rtts(&fs::read(&file).unwrap());
    let (mut errors, mut zeros) = (Vec::new(), 0);
    for target in body["targets"].as_array().unwrap() {
        let address: Ipv4Addr = target["address"].as_str().unwrap().parse().unwrap();
        let Some(rtt) = target["duration_seconds"].as_f64() else {
            continue;
        };
        zeros += u32::from(rtt <= 0.0);
        let run: jiff::Timestamp = target["last_run"].as_str().unwrap().parse().unwrap();
        let run = run.as_microsecond() as f64 / 1e6;
        let seen = rtts
            .get(&address)
            .and_then(|all| all.iter().find(|(sent, _)| (-0.002..0.05).contains(&(sent - run))));
        errors.extend(seen.map(|(_, kernel)| (kernel - rtt).abs()));
    }
    errors.sort_by(f64::total_cmp);
    let at = |share: f64| errors[((errors.len() - 1) as f64 * share) as usize] * 1e6;
    let figure = format!(
        "p50 {:.0} us, p99 {:.0} us, {} readings",
        at(0.5),
        at(0.99),
        errors.len()
    );
    row(
        &format!("3. RTT less the kernel's, at {}/s", count / 5),
        &figure,
        &format!("p99 {bar}"),
    );
    row("   readings of 0", &zeros.to_string(), "0");
}

fn loss() {
    let Some(_lan) = Lan::new("bench") else { return };
    let mut config = format!("{QUIET}global: {{interval: 200ms, timeout: 500ms}}\ntargets:\n");
    for n in 1..=200 {
        writeln!(
            config,
            "  - {{name: lossy{n}, address: 10.77.61.{n}}}\n  - {{name: good{n}, address: 10.77.60.{n}}}"
        )
        .unwrap();
    }
    let daemon = Daemon::start(&Home::exactly(&config));
    sleep(Duration::from_secs(15));
    let metrics = daemon.metrics();
    let sum = |name: &str, prefix: &str| -> f64 {
        let of = metrics.samples.iter().filter(|sample| sample.name == name);
        of.filter(|sample| sample.labels["device"].starts_with(prefix))
            .map(|sample| sample.value)
            .sum()
    };
    let ratio = |prefix: &str| {
        let (asked, answered) = (
            sum("lanpulse_icmp_requests_total", prefix),
            sum("lanpulse_icmp_replies_total", prefix),
        );
        (asked, (asked - answered) / asked * 100.0)
    };
    let ((asked, lossy), (_, good)) = (ratio("lossy"), ratio("good"));
    row(
        "4. loss where 10 % is injected, where none is",
        &format!("{lossy:.2} %, {good:.2} % over {asked} pings each"),
        "10 % +- 1, 0 %",
    );
}

fn scrape() {
    let Some(_lan) = Lan::new("bench") else { return };
    let daemon = Daemon::start(&Home::exactly(&targets(10_000, "global: {interval: 5s}")));
    sleep(Duration::from_secs(12));
    let time = |header: Option<(&str, &str)>| {
        let mut times: Vec<(f64, usize)> = (0..9)
            .map(|_| {
                let mut request = daemon.request("GET", "/metrics");
                if let Some((name, value)) = header {
                    request = request.header(name, value);
                }
                let start = Instant::now();
                let reply = request.send();
                (start.elapsed().as_secs_f64() * 1e3, reply.raw.len())
            })
            .collect();
        times.sort_by(|a, b| a.0.total_cmp(&b.0));
        times[4]
    };
    let ((plain, bytes), (gzip, packed)) = (time(None), time(Some(("Accept-Encoding", "gzip"))));
    let metrics = daemon.metrics();
    let series = metrics.value("lanpulse_series", &[]).unwrap();
    let lag = quantile(&metrics, "lanpulse_schedule_lag_seconds", 0.99);
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    row(
        &format!("5. /metrics, {series} series, median of 9"),
        &format!("{plain:.0} ms, {:.1} MiB", mib(bytes)),
        "150 ms",
    );
    row(
        "   with gzip",
        &format!("{gzip:.0} ms, {:.1} MiB", mib(packed)),
        "150 ms",
    );
    row(
        "   send lag p99 meanwhile, at most",
        &format!("{:.1} ms", lag * 1e3),
        "50 ms",
    );
}

fn reload_and_start() {
    let Some(_lan) = Lan::new("bench") else { return };
    let config = targets(10_000, "global: {interval: 5s}");
    let home = Home::exactly(&config);
    let daemon = Daemon::start(&home);
    sleep(Duration::from_secs(6));
    let before = total(&daemon.metrics(), "lanpulse_icmp_requests_total");
    home.replace("lanpulse.yaml", &config.replace("name: d77,", "name: changed,"));
    let start = Instant::now();
    let reply = daemon.post("/-/reload");
    let took = start.elapsed().as_secs_f64() * 1e3;
    let body = reply.text();
    let message = body
        .split("probes: ")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or(&body)
        .to_owned();
    assert!(
        total(&daemon.metrics(), "lanpulse_icmp_requests_total") >= before - 5.0,
        "counters were kept"
    );
    row(
        "9. reload of 10,000 targets with one change",
        &format!("{took:.0} ms; {message}"),
        "500 ms, 9,999 kept",
    );
    drop(daemon);
    let home = Home::exactly(QUIET);
    drop(Daemon::start(&home));
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
                INSERT INTO devices (name, status, status_since, up, up_since, first_seen, last_seen) \
                SELECT 'old' || i, 'up', 1700000000000000, 1, 1700000000000000, 1700000000000000, 1700000000000000 FROM n;";
    rusqlite::Connection::open(home.database())
        .unwrap()
        .execute_batch(fill)
        .unwrap();
    let start = Instant::now();
    let daemon = Daemon::start(&home);
    let took = start.elapsed().as_secs_f64();
    drop(daemon);
    row(
        "   start with 100,000 inventory rows until ready",
        &format!("{took:.2} s"),
        "3 s",
    );
}
