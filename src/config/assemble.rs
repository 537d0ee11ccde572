//! The whole configuration, assembled from the sections of all files.
//!
//! Owns the keys of the top level, and the order in which sections are decoded: what a section refers to comes first.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::metrics;
use crate::model::{Calendar, Enrolment, Heartbeat, Target};
use crate::serve;
use crate::state::InternetSettings;
use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::node::Node;
use crate::yaml::report::Source;

use super::api;
use super::credentials::{CredentialSet, SnmpCredentials};
use super::discovery::{self, Discovery};
use super::global;
use super::heartbeat::{Heartbeats, Outbound};
use super::identify;
use super::internet;
use super::interval::Calendars;
use super::modules::{self, Module};
use super::parent;
use super::target::{self, TargetContext, Targets};

/// Everything the user has configured, checked and with defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which series to expose.
    pub series: metrics::Settings,
    /// The configured targets, in the order of the files.
    pub targets: Vec<Arc<Target>>,
    /// The named time intervals.
    pub calendars: Vec<Arc<Calendar>>,
    /// The API tokens.
    pub api: serve::Settings,
    /// How to find devices.
    pub discovery: Discovery,
    /// How to identify the devices that are found.
    pub identify: crate::source::identify::Settings,
    /// A target with defaults only, without name and address. Each discovered device becomes a copy of it.
    pub default_target: Arc<Target>,
    /// The internet checks, if there are any.
    pub internet: Option<Arc<InternetSettings>>,
    /// The modules of `/probe`, by name.
    pub modules: Arc<BTreeMap<String, Module>>,
    /// The configured heartbeats, in the order of the file.
    pub heartbeats: Vec<Arc<Heartbeat>>,
    /// Whether and how clients may provision heartbeats.
    pub enrolment: Option<Enrolment>,
    /// The service that lanpulse itself reports to.
    pub outbound: Option<Outbound>,
    /// The named SNMP credentials.
    pub snmp: HashMap<String, SnmpCredentials>,
    /// How long a probe waits unless it says otherwise.
    pub timeout: Duration,
}

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

/// Decodes all files, the main file first. The result counts only if there are no findings.
pub(super) fn decode(sources: &[Source], findings: &mut Findings) -> Config {
    let complete = findings.0.is_empty() && sources.iter().all(|source| source.fault.is_none());
    let tops: Vec<At> = sources
        .iter()
        .enumerate()
        .map(|(file, source)| At::root(file, &source.root))
        .collect();
    let files: Vec<Fields> = tops.iter().map(|top| top.fields(MAIN, findings)).collect();
    for (top, included) in tops.iter().zip(&files).skip(1) {
        refuse_main_keys(top, included, findings);
    }
    let bases: Vec<PathBuf> = sources
        .iter()
        .map(|source| source.path.parent().map_or_else(PathBuf::new, Path::to_path_buf))
        .collect();
    let nothing = At::root(0, &Node::Null);
    let nothing = nothing.fields(MAIN, findings);
    let main = files.first().unwrap_or(&nothing);
    let base = bases.first().map_or(Path::new(""), PathBuf::as_path);

    let defaults = global::defaults(main, findings);
    let credentials = CredentialSet::read(main, base, complete, findings);
    // Targets and heartbeats name time intervals, in whichever file these are.
    let mut calendars = Calendars::new(complete);
    for section in files.iter().filter_map(|fields| fields.get("time_intervals")) {
        calendars.read(&section, findings);
    }
    let mut targets = Targets::default();
    let context = TargetContext {
        defaults: &defaults,
        bases: &bases,
        calendars: &calendars,
        credentials: &credentials,
    };
    for section in files.iter().filter_map(|fields| fields.get("targets")) {
        targets.read(&section, context, findings);
    }
    parent::check(&targets, complete, findings);
    let internet = internet::read(main, &defaults, &bases, findings);
    internet::reserve(internet.as_ref(), &targets, findings);
    let heartbeats = Heartbeats::read(main, base, &calendars, findings);
    Config {
        series: global::series(main, findings),
        api: api::api(main, base, findings),
        discovery: discovery::discovery(main, findings),
        identify: identify::identify(main, base, &credentials, defaults.timeout, findings),
        default_target: target::default_target(&defaults),
        internet,
        modules: Arc::new(modules::read(main, &defaults, &bases, findings)),
        heartbeats: heartbeats.list,
        enrolment: heartbeats.enrolment,
        outbound: heartbeats.outbound,
        timeout: defaults.timeout,
        targets: targets.list,
        calendars: calendars.list,
        snmp: credentials.into_good(),
    }
}

fn refuse_main_keys(top: &At, included: &Fields, findings: &mut Findings) {
    for name in MAIN.iter().filter(|name| !INCLUDED.contains(name)) {
        if let Some(ordinal) = included.ordinal(name) {
            let message = format!("\"{name}\" cannot stand in an included file");
            let hint = "move it to the main file; here are targets, time_intervals, include";
            findings.key(top, ordinal, message, hint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::syntax;

    #[test]
    fn the_default_file_spells_out_the_defaults_of_the_code() {
        let root = syntax::parse(include_str!("../../config/lanpulse.yaml")).unwrap();
        let top = At::root(0, &root);
        let mut findings = Findings::default();
        let main = top.fields(MAIN, &mut findings);
        assert_eq!(global::defaults(&main, &mut findings), global::Defaults::default());
    }
}
