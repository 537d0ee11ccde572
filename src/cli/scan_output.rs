//! Prints what a scan found: as a table, JSON or CSV.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use clap::ValueEnum;

use super::output::{count, say};
use crate::model::{Mac, Method, Network, Sighting, Sweep, csv_field};

/// How to print what was found.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// One JSON object
    Json,
    /// A header line and a line for each address (RFC 4180)
    Csv,
}

/// What to print.
pub(super) struct Printed<'a> {
    /// The addresses that were seen.
    pub sightings: &'a [Sighting],
    /// How complete the scan is.
    pub sweeps: &'a [Sweep],
    /// What could not be done.
    pub notes: &'a [String],
    /// The networks that were scanned.
    pub networks: Vec<Network>,
    /// The vendor of a MAC.
    pub vendor: &'a dyn Fn(Mac) -> String,
    /// How long the scan took.
    pub duration: Duration,
}

/// One address that was seen.
#[derive(Debug, Default)]
struct Row {
    macs: Vec<Mac>,
    methods: Vec<Method>,
    alive: bool,
    vendor: String,
}

/// Prints what was found on stdout.
pub(super) fn print(format: Format, printed: &Printed) {
    let rows = rows(printed);
    match format {
        Format::Table => table(&rows, printed),
        Format::Json => json(&rows, printed),
        Format::Csv => csv(&rows),
    }
}

/// A row for each address. Addresses that only a stale cache entry knows are left out.
fn rows(printed: &Printed) -> BTreeMap<IpAddr, Row> {
    let mut rows: BTreeMap<IpAddr, Row> = BTreeMap::new();
    for sighting in printed.sightings {
        let row = rows.entry(sighting.address).or_default();
        row.alive |= sighting.alive;
        row.macs.extend(sighting.mac.filter(|mac| !row.macs.contains(mac)));
        if !row.methods.contains(&sighting.method) {
            row.methods.push(sighting.method);
        }
    }
    rows.retain(|_, row| row.alive);
    for row in rows.values_mut() {
        row.vendor = row.macs.first().map(|mac| (printed.vendor)(*mac)).unwrap_or_default();
    }
    rows
}

impl Row {
    fn macs(&self) -> String {
        self.macs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    fn methods(&self) -> String {
        let words: Vec<&str> = self.methods.iter().map(|method| method.as_str()).collect();
        words.join(" ")
    }
}

fn table(rows: &BTreeMap<IpAddr, Row>, printed: &Printed) {
    const TITLE: &str = "ADDRESS";
    let widths = rows.keys().map(|address| address.to_string().len());
    let width = widths.max().unwrap_or(0).max(TITLE.len());
    say(&format!("{TITLE:width$}  {:17}  {:32}  SEEN BY", "MAC", "VENDOR"));
    for (address, row) in rows {
        let line = format!(
            "{:width$}  {:17}  {:32}  {}",
            address.to_string(),
            row.macs(),
            row.vendor,
            row.methods()
        );
        say(line.trim_end());
    }
    let networks: Vec<String> = printed.networks.iter().map(ToString::to_string).collect();
    let found = count(rows.len(), "address").replace("addresss", "addresses");
    let seconds = printed.duration.as_secs_f64();
    say(&format!("{found} in {} ({seconds:.2} s)", networks.join(", ")));
}

fn json(rows: &BTreeMap<IpAddr, Row>, printed: &Printed) {
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
    let sweeps: Vec<_> = printed
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
        "hosts": hosts, "passes": sweeps, "notes": printed.notes,
        "duration_seconds": printed.duration.as_secs_f64(),
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
