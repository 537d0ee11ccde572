//! The probe `snmp` of a target.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Family;
use crate::source::probe::snmp::{Credentials, Filter, Secret, Settings};
use crate::yaml::decode::{At, Findings};
use crate::yaml::problem::quoted;
use crate::yaml::scalar;

use super::check::family;
use super::credentials::{
    CredentialSet, MAX_REPETITIONS, PORT, RETRIES, SnmpCredentials, max_repetitions, port, retries,
};
use super::global::{self, Defaults};

const KNOWN: &[&str] = &[
    "name",
    "credentials",
    "interval",
    "timeout",
    "family",
    "port",
    "retries",
    "max_repetitions",
    "walk_timeout",
    "interfaces",
];

const INTERVAL: Duration = Duration::from_secs(60);

impl SnmpCredentials {
    /// The settings of a probe that sets nothing else. `lanpulse snmp walk` uses them too.
    pub fn settings(&self, timeout: Duration) -> Settings {
        Settings {
            interval: INTERVAL,
            timeout: self.timeout.unwrap_or(timeout),
            family: Family::Any,
            port: self.port,
            retries: self.retries,
            max_repetitions: self.max_repetitions,
            walk_timeout: walk_timeout(INTERVAL),
            credentials: self.credentials.clone(),
            interfaces: all_interfaces(),
        }
    }
}

/// Five sixths of the interval, so that one walk ends before the next begins.
fn walk_timeout(interval: Duration) -> Duration {
    interval * 5 / 6
}

fn all_interfaces() -> Filter {
    Filter {
        include: glob::Pattern::new("*").into_iter().collect(),
        exclude: Vec::new(),
        include_down: true,
    }
}

/// Reads a target's `snmp` probe.
pub(super) fn probe(at: &At, defaults: &Defaults, known: &CredentialSet, findings: &mut Findings) -> Option<Settings> {
    let fields = at.fields(KNOWN, findings);
    let hint = "one of the names in snmp.credentials of the main file";
    let chosen = fields.require("credentials", hint, findings);
    let entry = chosen.and_then(|at| known.chosen(&at, findings));
    // Without valid credentials the other keys are still checked, with a placeholder.
    let good = entry.is_some();
    let entry = entry.unwrap_or_else(|| SnmpCredentials {
        credentials: Arc::new(Credentials::Community {
            v1: false,
            community: Secret::Inline(String::new()),
        }),
        port: PORT,
        timeout: None,
        retries: RETRIES,
        max_repetitions: MAX_REPETITIONS,
    });
    let mut settings = entry.settings(defaults.timeout);
    settings.interval = global::interval(&fields, INTERVAL, findings);
    settings.timeout = global::timeout(&fields, settings.timeout, findings);
    settings.port = port(&fields, settings.port, findings);
    settings.retries = retries(&fields, settings.retries, findings);
    settings.max_repetitions = max_repetitions(&fields, settings.max_repetitions, findings);
    settings.walk_timeout = walk_timeout(settings.interval);
    if let Some(at) = fields.get("walk_timeout") {
        // A longer walk would still run when the next one is due.
        let range = Duration::from_millis(100)..=settings.interval;
        settings.walk_timeout = scalar::duration(&at, range, findings).unwrap_or(settings.walk_timeout);
    }
    settings.family = family(&fields, findings).unwrap_or(settings.family);
    if let Some(at) = fields.get("interfaces") {
        settings.interfaces = filter(&at, findings);
    }
    good.then_some(settings)
}

fn filter(at: &At, findings: &mut Findings) -> Filter {
    let fields = at.fields(&["include", "exclude", "include_down"], findings);
    let mut filter = all_interfaces();
    let mut patterns = |name: &str| {
        let at = fields.get(name)?;
        let items: Vec<At> = at.items(findings).collect();
        Some(items.iter().filter_map(|at| pattern(at, findings)).collect::<Vec<_>>())
    };
    if let Some(include) = patterns("include") {
        filter.include = include;
    }
    if let Some(exclude) = patterns("exclude") {
        filter.exclude = exclude;
    }
    if let Some(flag) = fields.get("include_down").and_then(|at| scalar::flag(&at, findings)) {
        filter.include_down = flag;
    }
    filter
}

fn pattern(at: &At, findings: &mut Findings) -> Option<glob::Pattern> {
    let text = scalar::text(at, findings)?;
    match glob::Pattern::new(text) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            findings.value(
                at,
                format!("{} is not a pattern: {}", quoted(text), error.msg),
                "as in \"Gi*\" or \"*uplink*\"",
            );
            None
        }
    }
}
