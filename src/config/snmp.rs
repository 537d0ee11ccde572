//! The probe `snmp` of a target.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Credentials, Family, InterfaceFilter, Probe, SecretSource, Service, SnmpProbe};
use crate::yaml::decode::{At, Findings};
use crate::yaml::problem::quoted;
use crate::yaml::scalar;

use super::check::{Decoded, family};
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
    /// A probe that sets nothing else. `lanpulse snmp walk` uses it too. `timeout` is the global one.
    pub fn probe(&self, name: Arc<str>, timeout: Duration) -> Probe {
        Probe {
            name,
            interval: INTERVAL,
            timeout: walk_timeout(INTERVAL),
            family: Family::Any,
            service: Service::Snmp(self.walk(timeout)),
        }
    }

    fn walk(&self, timeout: Duration) -> SnmpProbe {
        SnmpProbe {
            port: self.port,
            reply_timeout: self.timeout.unwrap_or(timeout),
            retries: self.retries,
            max_repetitions: self.max_repetitions,
            credentials: self.credentials.clone(),
            interfaces: all_interfaces(),
        }
    }
}

/// Five sixths of the interval, so that one walk ends before the next begins.
fn walk_timeout(interval: Duration) -> Duration {
    interval * 5 / 6
}

fn all_interfaces() -> InterfaceFilter {
    InterfaceFilter {
        include: glob::Pattern::new("*").into_iter().collect(),
        exclude: Vec::new(),
        include_down: true,
    }
}

/// Reads a target's `snmp` probe.
pub(super) fn probe(at: &At, defaults: &Defaults, known: &CredentialSet, findings: &mut Findings) -> Option<Decoded> {
    let fields = at.fields(KNOWN, findings);
    let hint = "one of the names in snmp.credentials of the main file";
    let chosen = fields.require("credentials", hint, findings);
    let entry = chosen.and_then(|at| known.chosen(&at, findings));
    // Without valid credentials the other keys are still checked, with a placeholder.
    let good = entry.is_some();
    let entry = entry.unwrap_or_else(|| SnmpCredentials {
        credentials: Arc::new(Credentials::Community {
            v1: false,
            community: SecretSource::Inline("".into()),
        }),
        port: PORT,
        timeout: None,
        retries: RETRIES,
        max_repetitions: MAX_REPETITIONS,
    });
    let mut walk = entry.walk(defaults.timeout);
    let interval = global::interval(&fields, INTERVAL, findings);
    walk.reply_timeout = global::timeout(&fields, walk.reply_timeout, findings);
    walk.port = port(&fields, walk.port, findings);
    walk.retries = retries(&fields, walk.retries, findings);
    walk.max_repetitions = max_repetitions(&fields, walk.max_repetitions, findings);
    // A longer walk would still run when the next one is due.
    let range = Duration::from_millis(100)..=interval;
    let timeout = fields
        .get("walk_timeout")
        .and_then(|at| scalar::duration(&at, range, findings));
    let family = family(&fields, findings);
    if let Some(at) = fields.get("interfaces") {
        walk.interfaces = filter(&at, findings);
    }
    good.then(|| Decoded {
        interval,
        timeout: timeout.unwrap_or_else(|| walk_timeout(interval)),
        family: family.unwrap_or_default(),
        service: Service::Snmp(walk),
        address: None,
        has_timeout: false,
    })
}

fn filter(at: &At, findings: &mut Findings) -> InterfaceFilter {
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
