//! `lanpulse scan`: who is on the network, once, without a daemon and without a trace.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{complain, count, say};
use crate::model::{Mac, MacKind, Method, Network, Outcome, Sweep, csv_field, parse_duration};
use crate::net;
use crate::source::discover::{self, Progress, Report, ScanNetwork, Settings};
use crate::source::identify::Registry;

/// What `lanpulse scan` takes.
#[derive(Clone, Debug, Args)]
pub struct ScanArgs {
    /// Networks (192.168.1.0/24) or interfaces (eth0); none means all networks of this host
    #[arg(value_name = "NETWORK|INTERFACE")]
    what: Vec<String>,
    /// How to print what was found
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Ways to look, comma-separated: arp, icmp, neighbours, ipv6
    #[arg(long, value_name = "METHODS", value_delimiter = ',', default_value = "arp,icmp,neighbours", value_parser = method)]
    methods: Vec<Method>,
    /// Requests a second on each interface
    #[arg(long, value_name = "PACKETS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// End after this time, however far it is
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    timeout: Duration,
}

/// How to print what was found.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One JSON object
    Json,
    /// A header line and a line for each address (RFC 4180)
    Csv,
}

fn method(text: &str) -> Result<Method, String> {
    let known = Method::parse(text).filter(|method| method.proves_address());
    known.ok_or_else(|| {
        let all = Method::ALL.into_iter().filter(|method| method.proves_address());
        format!("choose from {}", all.map(Method::as_str).collect::<Vec<_>>().join(", "))
    })
}

/// One address that was seen.
#[derive(Debug, Default)]
struct Row {
    macs: Vec<Mac>,
    methods: Vec<Method>,
    alive: bool,
    vendor: String,
}

/// Scans and prints. Exit code 1 where nothing could be scanned, or the scan was cut short.
pub fn scan(arguments: &ScanArgs) -> ExitCode {
    let settings = Settings {
        methods: arguments.methods.clone(),
        arp_rate: arguments.rate,
        icmp_rate: arguments.rate,
        ..Settings::default()
    };
    let networks = match networks(&settings, &arguments.what) {
        Ok(networks) => networks,
        Err(problem) => {
            complain(&format!("lanpulse: {problem}"));
            return ExitCode::FAILURE;
        }
    };
    let start = net::monotonic();
    let progress = Arc::new(Progress::default());
    let done = Arc::new(AtomicBool::new(false));
    let bar = std::io::stderr().is_terminal().then(|| {
        let (progress, done) = (progress.clone(), done.clone());
        std::thread::spawn(move || draw(&progress, &done))
    });
    let report = discover::scan(&settings, &networks, &[], arguments.timeout, &progress);
    done.store(true, Ordering::Relaxed);
    if let Some(bar) = bar {
        let _ = bar.join();
    }
    let took = start.elapsed();
    for note in &report.notes {
        complain(&format!("lanpulse: {note}"));
    }
    for sweep in report.sweeps.iter().filter(|sweep| sweep.outcome != Outcome::Complete) {
        let why = sweep.why.as_deref().unwrap_or("unknown reason");
        let (network, method, outcome) = (&sweep.network, sweep.method.as_str(), sweep.outcome.as_str());
        complain(&format!(
            "lanpulse: {network} by {method} is {outcome}, {} addresses left: {why}",
            sweep.left
        ));
    }
    let rows = rows(&report);
    match arguments.format {
        Format::Table => table(&rows, &networks, took),
        Format::Json => json(&rows, &report, took),
        Format::Csv => csv(&rows),
    }
    // Reading the neighbour cache asks nobody.
    let passive = arguments.methods.iter().all(|method| method.is_passive());
    let asked = |sweep: &&Sweep| passive || !sweep.method.is_passive();
    let complete = report
        .sweeps
        .iter()
        .filter(asked)
        .any(|sweep| sweep.outcome == Outcome::Complete);
    let spoilt = report.sweeps.iter().any(|sweep| sweep.outcome == Outcome::Partial);
    if complete && !spoilt {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What to scan, from what the user wrote.
fn networks(settings: &Settings, what: &[String]) -> Result<Vec<ScanNetwork>, String> {
    let all = net::interfaces();
    let usable = discover::interfaces_in_use(&all, if what.is_empty() { &settings.exclude } else { &[] });
    if what.is_empty() {
        let (networks, left_out) = discover::own_networks(&usable);
        for line in left_out {
            complain(&format!("lanpulse: {line}"));
        }
        if networks.is_empty() {
            return Err(
                "this host is in no network that can be scanned: name one, as in lanpulse scan 192.168.1.0/24".into(),
            );
        }
        return Ok(networks);
    }
    let mut networks = Vec::new();
    for text in what {
        if let Some(interface) = usable.iter().find(|interface| interface.name == *text) {
            let (own, left_out) = discover::own_networks(&[interface]);
            if let Some(line) = left_out.first() {
                return Err(line.clone());
            }
            networks.extend(own);
        } else if let Ok(network) = text.parse::<Network>() {
            if network.length() < discover::LARGEST {
                return Err(format!(
                    "{network} is too large: scan /{} or less at a time",
                    discover::LARGEST
                ));
            }
            networks.extend(discover::scan_networks(network, &usable));
        } else {
            let names: Vec<&str> = usable.iter().map(|interface| interface.name.as_str()).collect();
            let problem = text.parse::<Network>().err().unwrap_or_default();
            return Err(format!(
                "{text:?} is neither a network ({problem}) nor an interface that is up (there are: {})",
                names.join(", ")
            ));
        }
    }
    Ok(networks)
}

fn draw(progress: &Progress, done: &AtomicBool) {
    const WIDTH: usize = 30;
    let mut err = std::io::stderr();
    while !done.load(Ordering::Relaxed) {
        let [asked, answered, total] = progress.counts();
        let full = (asked as usize * WIDTH)
            .checked_div(total as usize)
            .unwrap_or(0)
            .min(WIDTH);
        let bar = "#".repeat(full) + &".".repeat(WIDTH - full);
        let _ = write!(err, "\r[{bar}] {asked}/{total} asked, {answered} answered ");
        let _ = err.flush();
        std::thread::sleep(Duration::from_millis(100));
    }
    let _ = write!(err, "\r{:76}\r", "");
    let _ = err.flush();
}

/// One row an address; what only an old cache entry says is left out.
fn rows(report: &Report) -> BTreeMap<IpAddr, Row> {
    let mut rows: BTreeMap<IpAddr, Row> = BTreeMap::new();
    for sighting in &report.sightings {
        let row = rows.entry(sighting.address).or_default();
        row.alive |= sighting.alive;
        row.macs.extend(sighting.mac.filter(|mac| !row.macs.contains(mac)));
        if !row.methods.contains(&sighting.method) {
            row.methods.push(sighting.method);
        }
    }
    rows.retain(|_, row| row.alive);
    let registry = Registry::built_in();
    for row in rows.values_mut() {
        row.vendor = match row.macs.first().map(|mac| (mac.kind(), *mac)) {
            Some((MacKind::Local, _)) => "(locally administered)".to_owned(),
            Some((MacKind::Virtual, _)) => "(virtual router)".to_owned(),
            Some((_, mac)) => registry.vendor(mac).unwrap_or_default(),
            None => String::new(),
        };
    }
    rows
}

impl Row {
    fn macs(&self) -> String {
        self.macs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    fn methods(&self) -> String {
        self.methods
            .iter()
            .map(|method| method.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

fn table(rows: &BTreeMap<IpAddr, Row>, networks: &[ScanNetwork], took: Duration) {
    let wide = rows
        .keys()
        .map(|address| address.to_string().len())
        .max()
        .unwrap_or(7)
        .max(7);
    say(&format!("{:wide$}  {:17}  {:32}  SEEN BY", "ADDRESS", "MAC", "VENDOR"));
    for (address, row) in rows {
        let line = format!(
            "{:wide$}  {:17}  {:32}  {}",
            address.to_string(),
            row.macs(),
            row.vendor,
            row.methods()
        );
        say(line.trim_end());
    }
    let networks: Vec<String> = networks.iter().map(|scanned| scanned.network.to_string()).collect();
    let found = count(rows.len(), "address");
    let found = found.replace("addresss", "addresses");
    say(&format!(
        "{found} in {} ({:.2} s)",
        networks.join(", "),
        took.as_secs_f64()
    ));
}

fn json(rows: &BTreeMap<IpAddr, Row>, report: &Report, took: Duration) {
    let hosts: Vec<_> = rows
        .iter()
        .map(|(address, row)| {
            serde_json::json!({
                "address": address,
                "macs": row.macs,
                "vendor": row.vendor,
                "methods": row.methods,
            })
        })
        .collect();
    let sweeps: Vec<_> = report
        .sweeps
        .iter()
        .map(|sweep| {
            serde_json::json!({
                "network": sweep.network, "method": sweep.method, "result": sweep.outcome, "asked": sweep.asked,
                "answered": sweep.answered, "left": sweep.left, "duration_seconds": sweep.took.as_secs_f64(),
                "reason": sweep.why,
            })
        })
        .collect();
    let all = serde_json::json!({
        "hosts": hosts, "passes": sweeps, "notes": report.notes, "duration_seconds": took.as_secs_f64(),
    });
    say(&format!("{all:#}"));
}

fn csv(rows: &BTreeMap<IpAddr, Row>) {
    let mut text = "address,mac,vendor,methods".to_owned();
    for (address, row) in rows {
        let _ = write!(
            text,
            "\r\n{address},{},{},{}",
            row.macs(),
            csv_field(&row.vendor),
            row.methods()
        );
    }
    say(&(text + "\r"));
}
