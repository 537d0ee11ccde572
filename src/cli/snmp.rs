//! `lanpulse snmp walk`: what the daemon would read of a device, for people who debug one.

use std::collections::HashSet;
use std::process::ExitCode;

use clap::Subcommand;

use super::{EXIT_CONFIG, Flags, client, complain, report, say};
use crate::config;
use crate::model::{Address, LabelValue, MEASURES, Measure, Phase, Probe, Reading, Sample, Service, Walk};
use crate::net::Resolver;
use crate::source::probe::{self, Names, snmp};

/// What to ask.
#[derive(Clone, Debug, Subcommand)]
pub enum What {
    /// Walk the device's interfaces once and print what the daemon would read; exit code 1 unless it is complete
    Walk {
        /// The device: an address or a host name
        #[arg(value_name = "ADDRESS")]
        address: String,
        /// Which of the configuration's snmp.credentials to use
        #[arg(long, value_name = "NAME")]
        credentials: String,
        /// The agent's port, where it is not that of the credentials
        #[arg(long, value_name = "PORT")]
        port: Option<u16>,
    },
}

/// Does it.
pub fn run(flags: &Flags, what: &What) -> ExitCode {
    let What::Walk {
        address,
        credentials,
        port,
    } = what;
    let path = flags
        .config_file
        .clone()
        .unwrap_or_else(|| "config/lanpulse.yaml".into());
    let config = match config::load(&path).result {
        Ok(config) => config,
        Err(problems) => {
            report(&problems);
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let Some(entry) = config.snmp.get(credentials) else {
        let mut known: Vec<&str> = config.snmp.keys().map(String::as_str).collect();
        known.sort_unstable();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        complain(&format!(
            "no credentials \"{credentials}\" in {}: there are {known}",
            path.display()
        ));
        return ExitCode::from(EXIT_CONFIG);
    };
    let address: Address = match address.parse() {
        Ok(address) => address,
        Err(error) => {
            complain(&format!("{address}: {error}"));
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let mut probe = entry.probe("snmp".into(), config.timeout);
    if let (Some(port), Service::Snmp(settings)) = (port, &mut probe.service) {
        settings.port = *port;
    }
    let reading = match walk(&probe, &address) {
        Ok(reading) => reading,
        Err(error) => {
            complain(&format!("cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    print(&address, &reading);
    if reading.outcome.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn walk(probe: &Probe, address: &Address) -> Result<Reading, String> {
    let names = Resolver::new();
    if let Address::Name(name) = address {
        names.watch(&HashSet::from([name.as_str().into()]));
    }
    let memory = snmp::Memory::default();
    client::block_on(probe::run(probe, address, Names::Watched(&names), &memory))
}

fn print(address: &Address, reading: &Reading) {
    let none = Walk::default();
    let walk = reading.walk().unwrap_or(&none);
    let empty = LabelValue::new("");
    let text = |value: Option<&LabelValue>| value.unwrap_or(&empty).to_string();
    if let Some(system) = &walk.system {
        for (what, value) in [
            ("name", &system.name),
            ("description", &system.description),
            ("object id", &system.object_id),
            ("location", &system.location),
            ("contact", &system.contact),
        ] {
            say(&format!("{what:<12} {}", text(value.as_ref())));
        }
    }
    if let Some(ticks) = walk.uptime {
        say(&format!("{:<12} {} s", "uptime", f64::from(ticks) / 100.0));
    }
    if !walk.interfaces.is_empty() {
        say("");
        table(walk);
        say("");
    }
    let duration = reading.phases.get(Phase::Total).unwrap_or_default().as_secs_f64() * 1e3;
    let (requests, retries) = (walk.requests, walk.retries);
    let interfaces = walk.interfaces.len();
    say(&format!(
        "{interfaces} interfaces, {requests} requests, {retries} of them repeated, {duration:.1} ms"
    ));
    if let Err(failure) = reading.outcome {
        let detail = reading.detail.as_deref().unwrap_or(failure.explain());
        complain(&format!("{address}: not complete: {} ({detail})", failure.as_str()));
    }
}

/// A row an interface, the columns as wide as they need to be.
fn table(walk: &Walk) {
    let head = [
        "index",
        "interface",
        "alias",
        "type",
        "admin",
        "oper",
        "speed",
        "bits",
        "rx bytes",
        "tx bytes",
        "rx packets",
        "tx packets",
        "rx errors",
        "tx errors",
        "rx discards",
        "tx discards",
    ];
    let mut rows: Vec<Vec<String>> = vec![head.iter().map(|&word| word.to_owned()).collect()];
    for row in &walk.interfaces {
        let facts = &row.facts;
        let state = |up: Option<bool>| up.map_or("-", |up| if up { "up" } else { "down" }).to_owned();
        let word = |value: Option<&LabelValue>| value.map_or_else(|| "-".to_owned(), ToString::to_string);
        let bits = |sample: &Sample| match sample {
            Sample { wide: Some(_), .. } => "64",
            Sample { narrow: Some(_), .. } => "32",
            Sample { .. } => "-",
        };
        let mut cells = vec![
            facts.index.to_string(),
            facts.name.to_string(),
            word(facts.alias.as_ref()),
            word(facts.kind.as_ref()),
            state(row.enabled),
            state(row.up),
            facts.speed.map_or_else(|| "-".to_owned(), |speed| speed.to_string()),
            bits(&row.samples[Measure::ReceiveBytes as usize]).to_owned(),
        ];
        for measure in MEASURES {
            let sample = row.samples[measure as usize];
            let value = sample.wide.or(sample.narrow.map(u64::from));
            cells.push(value.map_or_else(|| "-".to_owned(), |value| value.to_string()));
        }
        rows.push(cells);
    }
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        say(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}
