//! `lanpulse snmp walk`: prints what the daemon would read from a device, to debug one.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::block_on;
use super::output::{EXIT_CONFIG, complain, report, say};
use crate::config::{self, Problem};
use crate::model::{
    Address, InterfaceRow, LabelValue, MEASURES, Measure, Phase, Probe, Reading, Sample, Service, Walk,
};
use crate::net::Resolver;
use crate::source::probe::{self, Names, snmp};

/// `lanpulse snmp ...`.
#[derive(Clone, Debug, Subcommand)]
pub enum SnmpCommand {
    /// Walk the interfaces of a device once and print what the daemon would read; exit code 1 unless the walk is complete
    Walk(WalkArgs),
}

/// Which device to walk, and how.
#[derive(Clone, Debug, Args)]
pub struct WalkArgs {
    /// The device: an address or a host name
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// A name from snmp.credentials of the configuration
    #[arg(long, value_name = "NAME")]
    credentials: String,
    /// The UDP port of the agent [default: that of the credentials]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The configuration file with the credentials [default: config/lanpulse.yaml]
    #[arg(long = "config.file", value_name = "FILE")]
    pub(super) config_file: Option<PathBuf>,
}

/// Why there is no walk.
enum WalkError {
    Config(Vec<Problem>),
    /// The address or the credentials are wrong.
    Argument(String),
    Start(String),
}

/// Runs a subcommand. The exit code is 1 unless the walk was complete, and 64 if the configuration or an argument is wrong.
pub(super) fn snmp(command: &SnmpCommand) -> ExitCode {
    let SnmpCommand::Walk(arguments) = command;
    let walked = prepare(arguments).and_then(|(probe, address)| {
        let reading = walk(&probe, &address).map_err(WalkError::Start)?;
        Ok((address, reading))
    });
    match walked {
        Ok((address, reading)) => {
            print(&address, &reading);
            if reading.outcome.is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(WalkError::Config(problems)) => {
            report(&problems);
            ExitCode::from(EXIT_CONFIG)
        }
        Err(WalkError::Argument(error)) => {
            complain(&error);
            ExitCode::from(EXIT_CONFIG)
        }
        Err(WalkError::Start(error)) => {
            complain(&format!("cannot start: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// The probe and the address to walk.
fn prepare(arguments: &WalkArgs) -> Result<(Probe, Address), WalkError> {
    let path = arguments
        .config_file
        .clone()
        .unwrap_or_else(|| config::DEFAULT_PATH.into());
    let config = config::load(&path).result.map_err(WalkError::Config)?;
    let name = &arguments.credentials;
    let Some(credentials) = config.snmp.get(name) else {
        let mut known: Vec<&str> = config.snmp.keys().map(String::as_str).collect();
        known.sort_unstable();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        return Err(WalkError::Argument(format!(
            "no credentials \"{name}\" in {}: there are {known}",
            path.display()
        )));
    };
    let address = arguments.address.parse();
    let address = address.map_err(|error| WalkError::Argument(format!("{}: {error}", arguments.address)))?;
    let mut probe = credentials.probe("snmp".into(), config.timeout);
    if let (Some(port), Service::Snmp(settings)) = (arguments.port, &mut probe.service) {
        settings.port = port;
    }
    Ok((probe, address))
}

fn walk(probe: &Probe, address: &Address) -> Result<Reading, String> {
    let names = Resolver::new();
    if let Address::Name(name) = address {
        names.watch(&HashSet::from([name.as_str().into()]));
    }
    let memory = snmp::Memory::default();
    block_on(probe::run(probe, address, Names::Watched(&names), &memory))
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

/// The titles of the table, before those of the counters.
const TITLES: [&str; 8] = ["index", "interface", "alias", "type", "admin", "oper", "speed", "bits"];
/// The titles of the counters, in the order of [`MEASURES`].
const COUNTERS: [&str; MEASURES.len()] = [
    "rx bytes",
    "tx bytes",
    "rx packets",
    "tx packets",
    "rx errors",
    "tx errors",
    "rx discards",
    "tx discards",
];

/// Prints a row for each interface, in columns as wide as they need to be.
fn table(walk: &Walk) {
    let titles: Vec<String> = TITLES.iter().chain(&COUNTERS).map(ToString::to_string).collect();
    let rows: Vec<Vec<String>> = std::iter::once(titles).chain(walk.interfaces.iter().map(row)).collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        say(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

fn row(interface: &InterfaceRow) -> Vec<String> {
    fn or_dash(value: Option<impl ToString>) -> String {
        value.map_or_else(|| "-".to_owned(), |value| value.to_string())
    }
    let facts = &interface.facts;
    let state = |up: Option<bool>| or_dash(up.map(|up| if up { "up" } else { "down" }));
    let bits = match interface.samples[Measure::ReceiveBytes as usize] {
        Sample { wide: Some(_), .. } => "64",
        Sample { narrow: Some(_), .. } => "32",
        Sample { .. } => "-",
    };
    let mut cells = vec![
        facts.index.to_string(),
        facts.name.to_string(),
        or_dash(facts.alias.as_ref()),
        or_dash(facts.kind.as_ref()),
        state(interface.enabled),
        state(interface.up),
        or_dash(facts.speed),
        bits.to_owned(),
    ];
    for measure in MEASURES {
        let sample = interface.samples[measure as usize];
        cells.push(or_dash(sample.wide.or(sample.narrow.map(u64::from))));
    }
    cells
}
