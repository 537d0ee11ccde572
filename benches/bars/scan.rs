//! Bar 6: sparse networks scanned once, beside arp-scan and nmap.
//!
//! 32 hosts of a /24 and of a /20 are alive behind a veth pair. All programs look at the same network in turn; a host is
//! found when it is listed with its hardware address. The figure is the median of whole runs, from start to exit.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::measure::version;
use crate::support::{Lan, median};
use crate::table::Row;

const ALIVE: u32 = 32;

/// A network, its first address and size, what we are told beside it, and what the peers are.
struct Network {
    name: &'static str,
    first: Ipv4Addr,
    hosts: u32,
    rounds: usize,
    /// In seconds.
    bar: f64,
    rate: &'static str,
    /// Microseconds from one packet of arp-scan to the next, for the same rate.
    interval: &'static str,
    nmap: &'static [&'static str],
}

const NETWORKS: [Network; 2] = [
    Network {
        name: "10.77.100.0/24",
        first: Ipv4Addr::new(10, 77, 100, 0),
        hosts: 254,
        rounds: 5,
        bar: 1.0,
        rate: "1000",
        interval: "--interval=1000u",
        nmap: &["-sn", "-PR", "-n"],
    },
    Network {
        name: "10.77.80.0/20",
        first: Ipv4Addr::new(10, 77, 80, 0),
        hosts: 4094,
        rounds: 3,
        bar: 4.0,
        rate: "4000",
        interval: "--interval=250u",
        nmap: &["-sn", "-PR", "-n", "-T5", "--max-retries", "1"],
    },
];

pub fn bar() {
    let Some(lan) = Lan::new("scans") else { return };
    let link = lan.peer(&["ip", "link", "show", "lp1"]).to_lowercase();
    let mac = link.split_whitespace().skip_while(|word| *word != "link/ether").nth(1);
    for network in &NETWORKS {
        let alive = network.alive();
        for address in &alive {
            lan.peer(&["ip", "route", "add", "local", &format!("{address}/32"), "dev", "lo"]);
        }
        network.measure(&alive, mac.unwrap());
    }
}

impl Network {
    /// Spread over the whole network, the first and the last address among them.
    fn alive(&self) -> Vec<Ipv4Addr> {
        let nth = |n: u32| u32::from(self.first) + 1 + n * (self.hosts - 1) / (ALIVE - 1);
        (0..ALIVE).map(|n| Ipv4Addr::from(nth(n))).collect()
    }

    fn measure(&self, alive: &[Ipv4Addr], mac: &str) {
        // the seconds of the middle run, and how many hosts the worst one found
        let runs = |program: &str, arguments: &[&str]| {
            let runs: Vec<(f64, usize)> = (0..self.rounds).map(|_| run(program, arguments, alive, mac)).collect();
            let found = runs.iter().map(|run| run.1).min().unwrap_or_default();
            (median(runs.into_iter().map(|run| run.0).collect()), found as f64)
        };
        let (ours, found) = runs(
            env!("CARGO_BIN_EXE_lanpulse"),
            &["scan", self.name, "--rate", self.rate, "--format", "csv"],
        );
        let (network, rate) = (self.name.split_once('/').unwrap().1, self.rate);
        let own = ["--interface=lp0", self.name];
        let paced = ["--interface=lp0", self.name, self.interval];
        let told = [&[self.name], self.nmap].concat();
        let peers: [(&str, &str, &[&str]); 3] = [
            ("arp-scan", "at its own pace", &own),
            ("arp-scan", "at the same rate", &paced),
            ("nmap", "-sn -PR", &told),
        ];
        for (place, (program, how, arguments)) in peers.into_iter().enumerate() {
            let name = version(program, program, "--version");
            let theirs = name.as_ref().map(|_| runs(program, arguments));
            let name = format!("{} {how}", name.as_deref().unwrap_or(program));
            let what = format!("/{network}, {rate} packets a second, complete");
            let row = Row::new(6, what, ours, "s").peer(&name, theirs.map(|theirs| theirs.0));
            match place {
                0 => row.at_most(self.bar),
                1 => row.ratio_at_most(1.0),
                _ => row,
            }
            .record();
            if place == 1 {
                Row::new(6, format!("/{network}, found of {ALIVE} alive"), found, "")
                    .at_least(ALIVE.into())
                    .peer(name, theirs.map(|theirs| theirs.1))
                    .record();
            }
        }
    }
}

/// Seconds from start to exit, and how many hosts were listed with their hardware address.
fn run(program: &str, arguments: &[&str], alive: &[Ipv4Addr], mac: &str) -> (f64, usize) {
    let start = Instant::now();
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect(program);
    let took = start.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stdout).to_lowercase();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    // An address, and the next hardware address after it: in its line, or below it.
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || ",()".contains(c)).collect();
    let found = |address: &Ipv4Addr| {
        let address = address.to_string();
        let after = words.iter().skip_while(|word| **word != address);
        let next = after
            .copied()
            .find(|word| word.len() == 17 && word.matches(':').count() == 5);
        next == Some(mac)
    };
    (took, alive.iter().filter(|address| found(address)).count())
}
