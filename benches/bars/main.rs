//! The bars lanpulse is measured by, as `make bench` prints them: the figure, the bar, the peer's figure, the ratio.
//!
//! Everything happens in network namespaces that this program makes (as root); nothing leaves the machine. Numbers as
//! arguments run only those bars: `make bench BAR=3`, or `cargo bench --bench bars -- 1 2`. A bar that is missed is said
//! to be, and is no error; one that cannot be measured is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a program for the terminal"
)]

#[path = "../../tests/support/mod.rs"]
mod support;

mod accuracy;
mod echo;
mod heartbeats;
mod measure;
mod reload;
mod scan;
mod scrape;
mod snmp;
mod table;

use std::process::ExitCode;

use table::Row;

type Bar = (u8, &'static str, fn());

const BARS: [Bar; 9] = [
    (1, "10,000 ICMP targets every second", || echo::bar(&echo::DENSE)),
    (2, "100,000 ICMP targets every 5 s", || echo::bar(&echo::WIDE)),
    (3, "round-trip times against the kernel's time stamps", accuracy::times),
    (4, "loss where some is injected, and where none is", accuracy::loss),
    (5, "/metrics of 10,000 devices", scrape::bar),
    (6, "discovery of sparse networks", scan::bar),
    (7, "SNMP: 200 agents of 48 interfaces", snmp::bar),
    (8, "heartbeats, each on disk before its answer", heartbeats::bar),
    (9, "reload and start", reload::bar),
];

fn main() -> ExitCode {
    if !support::root_or_skip("the benchmarks make network namespaces") {
        return ExitCode::SUCCESS;
    }
    let mut end = ExitCode::SUCCESS;
    for (number, title, bar) in BARS {
        if !table::wanted(number) {
            continue;
        }
        table::begin(number, title);
        // In a thread of its own, which moves into a namespace; what it started is ended when it breaks off.
        if std::thread::spawn(bar).join().is_err() {
            Row::broken(number, title).record();
            end = ExitCode::FAILURE;
        }
    }
    end
}
