//! `lanpulse scan`: one scan of the network, without a daemon. It stores nothing.

use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;

use super::output::{EXIT_CONFIG, complain, report as report_problems};
use super::scan_output::{Format, Printed, print};
use crate::config::{self, Problem};
use crate::model::{Mac, MacKind, Method, Network, parse_duration};
use crate::net;
use crate::source::discover::{self, Progress, Report, ScanNetwork, Settings};
use crate::source::identify::Registry;

/// What to scan, and how.
#[derive(Clone, Debug, Args)]
pub struct ScanArgs {
    /// Networks (192.168.1.0/24) or interfaces (eth0) [default: all networks of this host, or those of --config.file]
    #[arg(value_name = "NETWORK|INTERFACE")]
    what: Vec<String>,
    /// Use the sections discovery and identify of this configuration file; other flags override it
    #[arg(long = "config.file", value_name = "FILE")]
    pub(super) config_file: Option<PathBuf>,
    /// How to print what was found
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Discovery methods, comma-separated: arp, icmp, mdns, neighbours, ipv6 [default: arp,icmp,neighbours, or those of
    /// --config.file]
    #[arg(long, value_name = "METHODS", value_delimiter = ',', value_parser = method)]
    methods: Vec<Method>,
    /// Requests a second on each interface [default: 1000, or those of --config.file]
    #[arg(long, value_name = "PACKETS", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// End the scan after this time, even if it is not complete
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    timeout: Duration,
}

/// The methods of a scan without `--config.file`: those that take no more than seconds.
const METHODS: [Method; 3] = [Method::Arp, Method::Icmp, Method::Neighbours];

fn method(text: &str) -> Result<Method, String> {
    Method::parse(text).ok_or_else(|| format!("choose from {}", Method::ALL.map(Method::as_str).join(", ")))
}

/// Why there is no scan.
enum ScanError {
    Config(Vec<Problem>),
    Other(String),
}

/// Scans and prints what was found. The exit code is 1 if nothing could be scanned or the scan was cut short, and 64 if
/// the configuration is wrong.
pub(super) fn scan(arguments: &ScanArgs) -> ExitCode {
    match run(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(ScanError::Config(problems)) => {
            report_problems(&problems);
            ExitCode::from(EXIT_CONFIG)
        }
        Err(ScanError::Other(error)) => {
            complain(&format!("lanpulse: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether the scan was complete.
fn run(arguments: &ScanArgs) -> Result<bool, ScanError> {
    let (settings, registry) = settings(arguments)?;
    let networks = networks(&settings, &arguments.what).map_err(ScanError::Other)?;
    let start = net::monotonic();
    let report = with_progress_bar(|progress| discover::scan(&settings, &networks, &[], arguments.timeout, progress));
    let duration = start.elapsed();
    for note in &report.notes {
        complain(&format!("lanpulse: {note}"));
    }
    for sweep in report.sweeps.iter().filter(|sweep| !sweep.outcome.is_complete()) {
        let why = sweep.why.as_deref().unwrap_or("unknown reason");
        let (network, method, outcome) = (&sweep.network, sweep.method.as_str(), sweep.outcome.as_str());
        complain(&format!(
            "lanpulse: {network} by {method} is {outcome}, {} addresses left: {why}",
            sweep.left
        ));
    }
    let printed = Printed {
        sightings: &report.sightings,
        sweeps: &report.sweeps,
        notes: &report.notes,
        networks: networks.iter().map(|network| network.network).collect(),
        vendor: &|mac| vendor(&registry, mac),
        duration,
    };
    print(arguments.format, &printed);
    Ok(is_complete(&settings.methods, &report))
}

/// The settings of `discovery` and the registry of vendors: from the configuration file if one is named, else the
/// defaults. Flags override both.
fn settings(arguments: &ScanArgs) -> Result<(Settings, Registry), ScanError> {
    let (mut settings, registry) = match &arguments.config_file {
        None => {
            let settings = Settings {
                methods: METHODS.to_vec(),
                ..Settings::default()
            };
            (settings, Registry::built_in())
        }
        Some(path) => {
            let config = config::load(path).result.map_err(ScanError::Config)?;
            let registry = config.identify.oui_file.map_or_else(
                || Ok(Registry::built_in()),
                |path| Registry::read(&path).map_err(|error| ScanError::Other(error.to_string())),
            );
            (config.discovery.scan, registry?)
        }
    };
    if !arguments.methods.is_empty() {
        settings.methods.clone_from(&arguments.methods);
    }
    if let Some(rate) = arguments.rate {
        settings.arp_rate = rate;
        settings.icmp_rate = rate;
    }
    if settings.methods.is_empty() {
        let error = "the configuration switches discovery off: choose --methods";
        return Err(ScanError::Other(error.to_owned()));
    }
    Ok((settings, registry))
}

/// The networks to scan: those that the user names, else those of the settings.
fn networks(settings: &Settings, names: &[String]) -> Result<Vec<ScanNetwork>, String> {
    if names.is_empty() {
        let (networks, left_out) = settings.networks_now();
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
    let all = net::interfaces();
    // An interface that the user names is used even if it is excluded otherwise.
    let usable = discover::interfaces_in_use(&all, &[]);
    let mut networks = Vec::new();
    for name in names {
        networks.extend(named(name, &usable)?);
    }
    Ok(networks)
}

/// The networks that a name stands for: the networks of an interface, or one network.
fn named(name: &str, usable: &[&net::Interface]) -> Result<Vec<ScanNetwork>, String> {
    if let Some(interface) = usable.iter().find(|interface| interface.name == *name) {
        let (own, left_out) = discover::own_networks(&[interface]);
        return match left_out.first() {
            Some(line) => Err(line.clone()),
            None => Ok(own),
        };
    }
    match name.parse::<Network>() {
        Ok(network) if network.length() < discover::LARGEST => Err(format!(
            "{network} is too large: scan /{} or less at a time",
            discover::LARGEST
        )),
        Ok(network) => Ok(discover::scan_networks(network, usable)),
        Err(problem) => {
            let names: Vec<&str> = usable.iter().map(|interface| interface.name.as_str()).collect();
            Err(format!(
                "{name:?} is neither a network ({problem}) nor an interface that is up (there are: {})",
                names.join(", ")
            ))
        }
    }
}

/// The vendor of a MAC for the table, or why it has none.
fn vendor(registry: &Registry, mac: Mac) -> String {
    match mac.kind() {
        MacKind::Local => "(locally administered)".to_owned(),
        MacKind::Virtual => "(virtual router)".to_owned(),
        _ => registry.vendor(mac).unwrap_or_default(),
    }
}

/// Whether at least one sweep that sends requests was complete, and none was cut short.
fn is_complete(methods: &[Method], report: &Report) -> bool {
    let only_passive = methods.iter().all(|method| method.is_passive());
    let complete = report
        .sweeps
        .iter()
        .filter(|sweep| only_passive || !sweep.method.is_passive())
        .any(|sweep| sweep.outcome.is_complete());
    let cut_short = report.sweeps.iter().any(|sweep| sweep.outcome.is_partial());
    complete && !cut_short
}

/// Runs a scan and draws how far it is, if stderr is a terminal.
fn with_progress_bar(scan: impl FnOnce(&Progress) -> Report) -> Report {
    let progress = Arc::new(Progress::default());
    let done = Arc::new(AtomicBool::new(false));
    let bar = std::io::stderr().is_terminal().then(|| {
        let (progress, done) = (progress.clone(), done.clone());
        std::thread::spawn(move || draw(&progress, &done))
    });
    let report = scan(&progress);
    done.store(true, Ordering::Relaxed);
    if let Some(bar) = bar {
        let _ = bar.join();
    }
    report
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: ScanArgs,
    }

    fn settings_of(words: &[&str]) -> Result<Settings, String> {
        let line = Line::try_parse_from(["scan"].iter().chain(words)).map_err(|error| error.to_string())?;
        settings(&line.arguments)
            .map(|(settings, _)| settings)
            .map_err(|error| match error {
                ScanError::Config(problems) => problems.iter().map(ToString::to_string).collect(),
                ScanError::Other(error) => error,
            })
    }

    #[test]
    fn without_a_file_the_defaults_hold() {
        let settings = settings_of(&[]).unwrap();
        assert_eq!(settings.methods, METHODS);
        assert_eq!((settings.arp_rate, settings.icmp_rate), (1000, 1000));
        let settings = settings_of(&["--methods", "arp,mdns", "--rate", "50"]).unwrap();
        assert_eq!(settings.methods, [Method::Arp, Method::Mdns]);
        assert_eq!((settings.arp_rate, settings.icmp_rate), (50, 50));
        assert!(
            settings_of(&["--methods", "smoke"])
                .unwrap_err()
                .contains("choose from arp, icmp")
        );
    }

    #[test]
    fn the_file_is_used_and_flags_override_it() {
        const TEXT: &str = "discovery: {methods: [ipv6, mdns], networks: [10.1.0.0/24], arp: {rate: 20}, icmp: {rate: 30}, \
                            interfaces: {exclude: [eth*]}}";
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("lanpulse.yaml");
        let load = |text: &str, words: &[&str]| {
            std::fs::write(&file, text).unwrap();
            settings_of(&[&["--config.file", file.to_str().unwrap()], words].concat())
        };
        let settings = load(TEXT, &[]).unwrap();
        assert_eq!(settings.methods, [Method::Ipv6, Method::Mdns]);
        assert_eq!((settings.arp_rate, settings.icmp_rate), (20, 30));
        assert_eq!(settings.networks, Some(vec!["10.1.0.0/24".parse().unwrap()]));
        assert_eq!(settings.exclude, ["eth*"]);
        let settings = load(TEXT, &["--methods", "icmp", "--rate", "5"]).unwrap();
        assert_eq!(settings.methods, [Method::Icmp]);
        assert_eq!((settings.arp_rate, settings.icmp_rate), (5, 5));
        assert_eq!(settings.exclude, ["eth*"]);
        for (text, words, part) in [
            ("discovery: {methods: []}", &[][..], "choose --methods"),
            ("discovery: {method: [arp]}", &[], "unknown field"),
            ("identify: {oui: {oui_file: nowhere.csv}}", &[], "nowhere.csv"),
        ] {
            let error = load(text, words).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(load("discovery: {methods: []}", &["--methods", "arp"]).is_ok());
    }

    #[test]
    fn complete_means_asked_and_not_cut_short() {
        use crate::model::Outcome::{Complete, Failed, Partial};
        use Method::{Arp, Neighbours};
        let sweep = |method, outcome| crate::model::Sweep {
            network: "10.0.0.0/24".into(),
            method,
            outcome,
            asked: 1,
            answered: 0,
            left: 0,
            took: Duration::ZERO,
            why: None,
        };
        for (methods, sweeps, complete) in [
            (
                &[Arp, Neighbours][..],
                &[(Arp, Complete), (Neighbours, Complete)][..],
                true,
            ),
            (&[Arp, Neighbours], &[(Arp, Failed), (Neighbours, Complete)], false),
            (&[Arp, Neighbours], &[(Arp, Complete), (Arp, Partial)], false),
            (&[Neighbours], &[(Neighbours, Complete)], true),
            (&[Arp], &[], false),
        ] {
            let report = Report {
                sweeps: sweeps
                    .iter()
                    .map(|(method, outcome)| sweep(*method, *outcome))
                    .collect(),
                ..Report::default()
            };
            assert_eq!(is_complete(methods, &report), complete, "{methods:?} {sweeps:?}");
        }
    }
}
