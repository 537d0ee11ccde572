//! YAML text in, a `Config` or every `Problem` out.
//!
//! Owns the schema: keys, defaults, ranges, and what is said about each mistake. Gets a path; gives `Loaded`. It reads
//! files and nothing else: no sockets, no name resolution, no watching. The steps, each in its file: `include` reads
//! and `syntax` parses each file into a `node` tree; `global`, `interval`, `target` decode it with `decode` and
//! `scalar`, noting findings; `parent` checks what spans files; `report` looks up the lines of the findings.

mod api;
mod check;
mod discovery;
mod global;
mod heartbeat;
mod include;
mod internet;
mod interval;
mod parent;
mod probe;
mod snmp;
mod target;
mod web;

pub use crate::yaml::problem::Problem;
// The rooms' files say `super::decode`: what reads YAML is shared with `http`.
pub use crate::state::upcoming;
use crate::yaml::{decode, locate, node, problem, report, scalar, suggest, syntax};
pub use discovery::{Discovery, Monitor};
pub use heartbeat::Outbound;
pub use snmp::Entry as SnmpCredentials;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::http;
use crate::metrics;
use crate::model::{Calendar, Enrolment, Heartbeat, Probe, Target};
use crate::state::InternetSettings;

use decode::{At, Findings};
use include::Reading;
use report::Source;

/// Everything the user has said, checked and with defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What to expose.
    pub series: metrics::Settings,
    /// The configured targets, in the order of the files.
    pub targets: Vec<Arc<Target>>,
    /// The named time intervals.
    pub calendars: Vec<Arc<Calendar>>,
    /// The API tokens.
    pub api: http::Settings,
    /// How to find devices.
    pub discovery: Discovery,
    /// How to tell what they are.
    pub identify: crate::source::identify::Settings,
    /// A target as it would be if nothing but its name and address were configured: what discovered devices become.
    pub found_device: Arc<Target>,
    /// The internet checks, if there are any.
    pub internet: Option<Arc<InternetSettings>>,
    /// The modules of `/probe`, by name.
    pub modules: Arc<BTreeMap<String, Module>>,
    /// The configured heartbeats, in the order of the file.
    pub heartbeats: Vec<Arc<Heartbeat>>,
    /// Whether and how clients may provision heartbeats.
    pub enrolment: Option<Enrolment>,
    /// Whom lanpulse itself reports to.
    pub outbound: Option<Outbound>,
    /// The named SNMP credentials.
    pub snmp: HashMap<String, SnmpCredentials>,
    /// How long a probe waits unless it says otherwise.
    pub timeout: Duration,
}

/// A way to probe what `/probe` is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// How; where to comes with the request.
    pub probe: Probe,
    /// At most this long, beside what the scraper allows.
    pub timeout: Option<Duration>,
}

/// What came of reading a configuration.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Every file that was read, or should have been, the main one first.
    pub files: Vec<PathBuf>,
    /// The directories to watch for changes: those of the files, of what they link to, and of include patterns. All of
    /// them existed.
    pub directories: Vec<PathBuf>,
    /// A hash of the names and contents of all files: as long as it stays, nothing has changed.
    pub digest: u64,
    /// The configuration, or everything that is wrong with it (at least one problem), in the order of the files.
    pub result: Result<Config, Vec<Problem>>,
}

/// What is configured where there is no file: the default file of the repository, compiled in.
const EMBEDDED: &str = include_str!("../../config/lanpulse.yaml");
/// The default path of the configuration.
const DEFAULT_PATH: &str = "config/lanpulse.yaml";

/// The keys of the main file.
const MAIN: &[&str] = &[
    "global",
    "limits",
    "series",
    "include",
    "targets",
    "time_intervals",
    "discovery",
    "identify",
    "snmp",
    "internet",
    "heartbeats",
    "heartbeat_enrolment",
    "outbound_heartbeat",
    "api",
    "modules",
];
/// The keys of an included file.
const INCLUDED: &[&str] = &["targets", "time_intervals", "include"];

/// Reads a configuration file and the files it includes. It never fails as a whole: what is wrong is in the result.
pub fn load(path: &Path) -> Loaded {
    assemble(include::read(path))
}

/// The built-in default configuration.
pub fn embedded() -> Loaded {
    let loaded = assemble(include::of_text(Path::new(DEFAULT_PATH), EMBEDDED));
    Loaded {
        files: Vec::new(),
        directories: Vec::new(),
        ..loaded
    }
}

fn assemble(reading: Reading) -> Loaded {
    let Reading {
        sources,
        directories,
        digest,
        mut findings,
    } = reading;
    let config = decode(&sources, &mut findings);
    let problems = report::problems(&sources, findings);
    Loaded {
        files: sources.into_iter().map(|source| source.path).collect(),
        directories,
        digest,
        result: if problems.is_empty() { Ok(config) } else { Err(problems) },
    }
}

/// Decodes all files; the result counts only if nothing was found wrong.
fn decode(sources: &[Source], findings: &mut Findings) -> Config {
    let complete = findings.0.is_empty() && sources.iter().all(|source| source.fault.is_none());
    let tops: Vec<At> = sources
        .iter()
        .enumerate()
        .map(|(file, source)| At::root(file, &source.root))
        .collect();
    let fields: Vec<_> = tops.iter().map(|top| top.fields(MAIN, findings)).collect();
    let mut defaults = global::Defaults::default();
    let mut series = metrics::Settings::default();
    let mut credentials = snmp::Named::default();
    let mut api = http::Settings::default();
    let (mut discovery, mut identify) = (Discovery::default(), crate::source::identify::Settings::default());
    if let Some(main) = fields.first() {
        defaults = global::defaults(main, findings);
        series = global::series(main, findings);
        discovery = discovery::discovery(main, findings);
        let file = sources.first().map_or(Path::new(""), |source| source.path.as_path());
        credentials = snmp::Named::read(main, file, complete, findings);
        identify = discovery::identify(main, file, (&credentials, &defaults), findings);
        api = api::api(main, file, findings);
    }
    for (top, included) in tops.iter().zip(&fields).skip(1) {
        for name in MAIN.iter().filter(|name| !INCLUDED.contains(name)) {
            if let Some(ordinal) = included.ordinal(name) {
                let message = format!("\"{name}\" cannot stand in an included file");
                findings.key(
                    top,
                    ordinal,
                    message,
                    "move it to the main file; here are targets, time_intervals, include",
                );
            }
        }
    }
    // Targets name time intervals, in whichever file they are.
    let mut calendars = interval::Calendars::new(complete);
    for section in fields.iter().filter_map(|fields| fields.get("time_intervals")) {
        calendars.read(&section, findings);
    }
    let bases: Vec<PathBuf> = sources
        .iter()
        .map(|source| source.path.parent().map_or_else(PathBuf::new, Path::to_path_buf))
        .collect();
    let main = fields.first();
    let internet = internet::read(main, &defaults, &bases, findings);
    let modules = main.map(|main| internet::modules(main, &defaults, &bases, findings));
    let mut targets = target::Targets {
        bases,
        credentials,
        ..target::Targets::default()
    };
    for section in fields.iter().filter_map(|fields| fields.get("targets")) {
        targets.read(&section, &defaults, &calendars, findings);
    }
    parent::check(&targets, complete, findings);
    internet::reserve(internet.as_ref(), &targets, findings);
    let base = sources
        .first()
        .and_then(|source| source.path.parent())
        .unwrap_or(Path::new(""));
    let mut beats = heartbeat::Heartbeats::default();
    if let Some(main) = fields.first() {
        beats.read(main, base, &calendars, findings);
    }
    Config {
        heartbeats: beats.list,
        enrolment: beats.enrolment,
        outbound: beats.outbound,
        series,
        snmp: targets.credentials.into_entries(),
        timeout: defaults.timeout,
        targets: targets.list,
        calendars: calendars.list,
        api,
        discovery,
        identify,
        found_device: target::found_device(&defaults),
        internet,
        modules: Arc::new(modules.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_says_what_nothing_says() {
        let default = embedded().result.unwrap();
        let nothing = assemble(include::of_text(Path::new("x"), "")).result.unwrap();
        assert_eq!(default, nothing);
        assert_eq!(global::Defaults::default(), {
            let root = syntax::parse(EMBEDDED).unwrap();
            let top = At::root(0, &root);
            let mut findings = Findings::default();
            global::defaults(&top.fields(MAIN, &mut findings), &mut findings)
        });
    }
}
