//! Bars 3 and 4: whether the readings are true. Round-trip times beside those of the packets on the wire, which tcpdump
//! takes down with the kernel's time stamps; losses beside those that the laboratory causes. fping is held to the same.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{ChildStderr, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::measure::{Fping, Kill, address, quantile, targets, version};
use crate::support::{Daemon, Exposition, Home, Lan, QUIET};
use crate::table::Row;

const INTERVAL: Duration = Duration::from_secs(5);

pub fn times() {
    for (rate, bar) in [(2_000, 0.2), (20_000, 1.0)] {
        let Some(_lan) = Lan::new("round-trip times") else {
            return;
        };
        let count = rate * INTERVAL.as_secs() as u32;
        let (mut ours, zeros) = lanpulse(count);
        let mut theirs = fping(count, rate);
        let name = version("fping", "fping", "-v").unwrap_or_default();
        let what = |share: &str| format!("RTT less the kernel's at {rate}/s, {share} of {}", ours.len());
        let (middle, tail) = (what("p50"), what("p99"));
        let mut at = |share: f64| (quantile(&mut ours, share) * 1e3, quantile(&mut theirs, share) * 1e3);
        let (figure, peer) = at(0.50);
        Row::new(3, middle, figure, "ms").peer(&name, Some(peer)).record();
        let (figure, peer) = at(0.99);
        Row::new(3, tail, figure, "ms")
            .at_most(bar)
            .peer(&name, Some(peer))
            .record();
        Row::new(3, format!("readings of 0 at {rate}/s"), zeros, "")
            .at_most(0.0)
            .record();
    }
}

/// By how much the daemon's readings are off, in seconds, and how many are 0.
fn lanpulse(count: u32) -> (Vec<f64>, f64) {
    let lean = "global: {interval: 5s}\nseries: {histogram: false, window: false}";
    let home = Home::exactly(&targets(count, lean));
    let daemon = Daemon::start(&home);
    sleep(INTERVAL + Duration::from_secs(2));
    let capture = Capture::start(home.path("capture.pcap"));
    sleep(INTERVAL + Duration::from_secs(2));
    let body = daemon.get("/api/v1/targets").json();
    let seen = capture.stop();
    let (mut errors, mut zeros) = (Vec::new(), 0.0);
    for target in body["targets"].as_array().unwrap() {
        let address: Ipv4Addr = target["address"].as_str().unwrap().parse().unwrap();
        let Some(rtt) = target["duration_seconds"].as_f64() else {
            continue;
        };
        zeros += f64::from(rtt <= 0.0);
        let run: jiff::Timestamp = target["last_run"].as_str().unwrap().parse().unwrap();
        let run = run.as_microsecond() as f64 / 1e6;
        let on_wire = seen
            .get(&address)
            .and_then(|all| all.iter().find(|(sent, _)| (-0.002..0.05).contains(&(sent - run))));
        errors.extend(on_wire.map(|(_, kernel)| (kernel - rtt).abs()));
    }
    assert!(
        errors.len() as f64 > f64::from(count) * 0.9,
        "most readings are on the wire: {}",
        errors.len()
    );
    (errors, zeros)
}

/// By how much fping's readings are off, in seconds.
fn fping(count: u32, rate: u32) -> Vec<f64> {
    let addresses: Vec<Ipv4Addr> = (0..count.min(Fping::MOST)).map(address).collect();
    let directory = tempfile::tempdir().unwrap();
    let capture = Capture::start(directory.path().join("capture.pcap"));
    let gap = Duration::from_secs(1) / rate;
    let told = Fping {
        addresses: &addresses,
        count: 1,
        period: INTERVAL,
        gap,
    }
    .run();
    let seen = capture.stop();
    let pairs = addresses.iter().zip(told.rtts.iter().flatten());
    pairs
        .filter_map(|(address, rtt)| Some((seen.get(address)?.first()?.1 - rtt).abs()))
        .filter(|error| !error.is_nan())
        .collect()
}

/// A capture of all echo requests and replies on the wire.
struct Capture {
    file: PathBuf,
    tcpdump: Kill,
    /// Open until its end: it has a last word.
    _words: BufReader<ChildStderr>,
}

impl Capture {
    fn start(file: PathBuf) -> Self {
        let mut tcpdump = Command::new("tcpdump")
            .args([
                "-i", "lp0", "-s", "64", "-B", "65536", "--nano", "-n", "-Z", "root", "-w",
            ])
            .arg(&file)
            .arg("icmp")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tcpdump");
        let mut words = BufReader::new(tcpdump.stderr.take().unwrap());
        let tcpdump = Kill(tcpdump);
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            assert!(words.read_line(&mut line).unwrap() > 0, "tcpdump listens");
        }
        Self {
            file,
            tcpdump,
            _words: words,
        }
    }

    /// Round-trip times by address, with the time sent, in seconds since 1970.
    fn stop(mut self) -> HashMap<Ipv4Addr, Vec<(f64, f64)>> {
        // libpcap hands over what it has once a second
        sleep(Duration::from_millis(1_500));
        kill(Pid::from_raw(self.tcpdump.0.id().cast_signed()), Signal::SIGINT).unwrap();
        self.tcpdump.0.wait().unwrap();
        rtts(&fs::read(&self.file).unwrap())
    }
}

/// What a capture says of Ethernet, IPv4 without options and ICMP, with times in nanoseconds.
fn rtts(file: &[u8]) -> HashMap<Ipv4Addr, Vec<(f64, f64)>> {
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

/// Addresses that lose 10 % of what they are asked, and as many that lose nothing.
const LOSSY: [u8; 3] = [10, 77, 61];
const GOOD: [u8; 3] = [10, 77, 60];
const HOSTS: u8 = 200;

pub fn loss() {
    let Some(_lan) = Lan::new("losses") else { return };
    let mut config = format!("{QUIET}global: {{interval: 200ms, timeout: 500ms}}\ntargets:\n");
    let hosts = |[a, b, c]: [u8; 3]| (1..=HOSTS).map(move |d| Ipv4Addr::new(a, b, c, d));
    for (kind, network) in [("lossy", LOSSY), ("good", GOOD)] {
        for host in hosts(network) {
            writeln!(config, "  - {{name: {kind}-{host}, address: {host}}}").unwrap();
        }
    }
    let daemon = Daemon::start(&Home::exactly(&config));
    sleep(Duration::from_secs(15));
    let metrics = daemon.metrics();
    drop(daemon);
    let name = version("fping", "fping", "-v").unwrap_or_default();
    for (kind, network, least, most) in [("lossy", LOSSY, 9.0, 11.0), ("good", GOOD, 0.0, 0.0)] {
        let asked = sum(&metrics, "lanpulse_icmp_requests_total", kind);
        let answered = sum(&metrics, "lanpulse_icmp_replies_total", kind);
        let addresses: Vec<Ipv4Addr> = hosts(network).collect();
        let peer = Fping {
            addresses: &addresses,
            count: 50,
            period: Duration::from_millis(200),
            gap: Duration::from_millis(1),
        }
        .run();
        let injected = if kind == "lossy" { "10 %" } else { "nothing" };
        let row = Row::new(
            4,
            format!("loss read where {injected} is lost, {asked} requests"),
            (asked - answered) / asked * 1e2,
            "%",
        );
        let row = if kind == "lossy" {
            row.between(least, most)
        } else {
            row.at_most(most)
        };
        row.peer(&name, Some((peer.asked - peer.answered) / peer.asked * 1e2))
            .record();
    }
}

fn sum(metrics: &Exposition, name: &str, kind: &str) -> f64 {
    let of = metrics.samples.iter().filter(|sample| sample.name == name);
    of.filter(|sample| sample.labels["device"].starts_with(kind))
        .map(|sample| sample.value)
        .sum()
}
