//! Bar 6 of the bars lanpulse is measured by: a sparse network scanned once, beside arp-scan and nmap.
//!
//! 32 hosts of a /24 and of a /20 are alive behind a veth pair into a namespace (as root); nothing leaves the machine. All
//! programs look at the same network in turn, and each must find every host with its hardware address. The figure is
//! the median of the program's whole run, from start to exit. `cargo bench --bench scan`; the peers need
//! `tests/tools/install.sh`.
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

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::Instant;

use support::{Lan, binary, median};

const ALIVE: u32 = 32;

/// A network, its first address and size, our arguments, and those of the peers: at their own pace, then at ours.
struct Bar {
    title: &'static str,
    network: &'static str,
    first: Ipv4Addr,
    hosts: u32,
    rounds: usize,
    limit: &'static str,
    ours: &'static [&'static str],
    arp_scan: &'static [&'static str],
    arp_scan_at_our_rate: &'static [&'static str],
    nmap: &'static [&'static str],
}

const BARS: [Bar; 2] = [
    Bar {
        title: "6. a sparse /24 at the default rate, 1,000 packets a second",
        network: "10.77.100.0/24",
        first: Ipv4Addr::new(10, 77, 100, 0),
        hosts: 254,
        rounds: 5,
        limit: "under 1.0 s",
        ours: &[],
        arp_scan: &[],
        arp_scan_at_our_rate: &["--interval=1000u"],
        nmap: &["-sn", "-PR", "-n"],
    },
    Bar {
        title: "   a sparse /20 at 4,000 packets a second",
        network: "10.77.80.0/20",
        first: Ipv4Addr::new(10, 77, 80, 0),
        hosts: 4094,
        rounds: 3,
        limit: "under 4 s",
        ours: &["--rate", "4000"],
        arp_scan: &[],
        arp_scan_at_our_rate: &["--interval=250u"],
        nmap: &["-sn", "-PR", "-n", "-T5", "--max-retries", "1"],
    },
];

fn main() {
    let Some(lan) = Lan::new("scans") else { return };
    let mac = mac(&lan.peer(&["ip", "link", "show", "lp1"]));
    for bar in &BARS {
        let alive = alive(bar);
        for address in &alive {
            lan.peer(&["ip", "route", "add", "local", &format!("{address}/32"), "dev", "lo"]);
        }
        run(bar, &alive, &mac);
    }
}

/// Spread over the whole network, the first and the last address among them.
fn alive(bar: &Bar) -> Vec<Ipv4Addr> {
    let nth = |n: u32| u32::from(bar.first) + 1 + n * (bar.hosts - 1) / (ALIVE - 1);
    (0..ALIVE).map(|n| Ipv4Addr::from(nth(n))).collect()
}

fn mac(text: &str) -> String {
    let mut words = text.split_whitespace();
    words.find(|word| *word == "link/ether").unwrap();
    words.next().unwrap().to_lowercase()
}

fn run(bar: &Bar, alive: &[Ipv4Addr], mac: &str) {
    println!("{}: {ALIVE} of {} alive", bar.title, bar.hosts);
    let time = |program: &str, arguments: &[&str]| -> f64 {
        let round = |_| once(program, arguments, alive, mac);
        median((0..bar.rounds).map(round).collect())
    };
    let ours = time(
        env!("CARGO_BIN_EXE_lanpulse"),
        &[&["scan", bar.network, "--format", "csv"], bar.ours].concat(),
    );
    row("lanpulse", ours, &format!("(bar: {})", bar.limit));
    let peers: [(&str, &str, &[&str], &[&str]); 3] = [
        ("arp-scan", "arp-scan", &["--interface=lp0", bar.network], bar.arp_scan),
        (
            "arp-scan at the same rate",
            "arp-scan",
            &["--interface=lp0", bar.network],
            bar.arp_scan_at_our_rate,
        ),
        ("nmap", "nmap", &[bar.network], bar.nmap),
    ];
    for (name, program, base, more) in peers {
        if binary(program).is_none() {
            println!("   {name:<28} not here: run tests/tools/install.sh");
            continue;
        }
        let theirs = time(program, &[base, more].concat());
        row(name, theirs, &format!("ratio {:.2}", ours / theirs));
    }
}

fn row(name: &str, seconds: f64, more: &str) {
    println!("   {name:<28} {seconds:6.2} s   all {ALIVE} found   {more}");
}

/// Seconds from start to exit; fails where a host is missing, or its hardware address.
fn once(program: &str, arguments: &[&str], alive: &[Ipv4Addr], mac: &str) -> f64 {
    let start = Instant::now();
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect(program);
    let took = start.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stdout).to_lowercase();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}\n{text}",
        output.status
    );
    // An address, and the next hardware address after it: in its line, or below it.
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || ",()".contains(c)).collect();
    for address in alive.iter().map(ToString::to_string) {
        let at = words.iter().position(|word| *word == address);
        let at = at.unwrap_or_else(|| panic!("{program} does not find {address}\n{text}"));
        let next = words[at..]
            .iter()
            .find(|word| word.len() == 17 && word.matches(':').count() == 5);
        assert_eq!(next, Some(&mac), "{program} at {address}\n{text}");
    }
    took
}
