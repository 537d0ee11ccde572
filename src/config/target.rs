//! The configured targets and their probes.
//!
//! Owns `targets` and what one target may say. Gets nodes, the defaults and the time intervals; gives `TargetConfig`s,
//! and to `parent` the names and who is reached through whom.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::model::{
    Address, Calendar, Expectation, Family, Kind, LabelNameProblem, LabelValue, Target, check_label_name,
};
use crate::probe::{Probe, Settings, icmp};

use super::TargetConfig;
use super::decode::{At, Fields, Findings};
use super::global::{self, Defaults};
use super::interval::Calendars;
use super::later;
use super::locate::Place;
use super::problem::{plain, quoted};
use super::scalar;
use super::snmp;
use super::suggest;

const KNOWN: &[&str] = &[
    "name",
    "address",
    "role",
    "labels",
    "limits",
    "maintenance",
    "parent",
    "probes",
];

/// The targets of all files.
#[derive(Default)]
pub(super) struct Targets {
    /// The good ones, in the order of the files.
    pub list: Vec<TargetConfig>,
    /// Every name, good target or not, and its place in `named`.
    pub names: HashMap<LabelValue, usize>,
    /// Every target that has a name of its own.
    pub named: Vec<Named>,
}

/// A target as its relatives know it.
pub(super) struct Named {
    /// Its name.
    pub name: LabelValue,
    /// Where the name is.
    pub place: Place,
    /// Through whom it is reached, and where it says so.
    pub parent: Option<(LabelValue, Place)>,
}

impl Targets {
    /// Adds one file's `targets`.
    pub fn read(
        &mut self,
        section: &At,
        defaults: &Defaults,
        calendars: &Calendars,
        credentials: &snmp::Named,
        findings: &mut Findings,
    ) {
        for item in section.items(findings) {
            let fields = item.fields(KNOWN, findings);
            let name = self.name(&fields, findings);
            let address = fields
                .require("address", "write address: 192.168.1.1, or a host name", findings)
                .and_then(|at| address(&at, findings));
            let role = fields.get("role").and_then(|at| scalar::name(&at, findings));
            let parent_at = fields.get("parent");
            let parent = parent_at.and_then(|at| scalar::name(&at, findings));
            if let (Some(_), Some(child)) = (&name, self.named.last_mut()) {
                child.parent = parent.clone().zip(parent_at.map(|at| at.place()));
            }
            let labels = labels(&fields, findings);
            let limits = match fields.get("limits") {
                Some(at) => global::limits(&at, defaults.limits, findings),
                None => defaults.limits,
            };
            let maintenance = maintenance(&fields, calendars, findings);
            let probes = probes(&fields, address.as_ref(), defaults, credentials, findings);
            let (Some(name), Some(address)) = (name, address) else {
                continue;
            };
            let slowest = probes
                .iter()
                .filter(|probe| probe.settings.kind() == Kind::Icmp)
                .map(|probe| probe.settings.interval() + probe.settings.timeout())
                .max();
            let target = Target {
                name,
                address,
                role,
                site: defaults.site.clone(),
                parent,
                labels,
                limits,
                maintenance,
                hysteresis: defaults.hysteresis,
                // Shorter than one round, the window would be empty between two answers.
                window: defaults.window.max(slowest.unwrap_or_default()),
                authorized: true,
                probes: probes.iter().map(expectation).collect(),
            };
            self.list.push(TargetConfig {
                target: Arc::new(target),
                probes,
            });
        }
    }

    /// Reads a name and notes it; the second target of a name has none.
    fn name(&mut self, fields: &Fields, findings: &mut Findings) -> Option<LabelValue> {
        let at = fields.require("name", "it becomes the device label", findings)?;
        let name = scalar::name(&at, findings)?;
        if let Some(first) = self.names.get(&name) {
            let message = format!("the name {} is already used at", quoted(name.as_str()));
            findings.twice(at.place(), self.named[*first].place.clone(), message);
            return None;
        }
        self.names.insert(name.clone(), self.named.len());
        self.named.push(Named {
            name: name.clone(),
            place: at.place(),
            parent: None,
        });
        Some(name)
    }
}

fn expectation(probe: &Probe) -> Expectation {
    Expectation {
        probe: Arc::clone(&probe.name),
        kind: probe.settings.kind(),
        interval: probe.settings.interval(),
        timeout: probe.settings.timeout(),
    }
}

fn address(at: &At, findings: &mut Findings) -> Option<Address> {
    let text = scalar::text(at, findings)?.trim();
    match text.parse() {
        Ok(address) => Some(address),
        Err(error) => {
            findings.value(at, plain(&format!("{error}")), "");
            None
        }
    }
}

fn labels(fields: &Fields, findings: &mut Findings) -> BTreeMap<String, LabelValue> {
    let mut labels = BTreeMap::new();
    let Some(map) = fields.get("labels") else { return labels };
    for (ordinal, name, at) in map.entries(findings) {
        let value = scalar::label(&at, findings);
        let (message, hint) = match check_label_name(name) {
            Ok(()) => {
                labels.extend(value.map(|value| (name.to_owned(), value)));
                continue;
            }
            Err(LabelNameProblem::Grammar) => ("is not a label name", "letters, digits and _, and no digit first"),
            Err(LabelNameProblem::Reserved) => (
                "is a label that lanpulse or Prometheus sets itself",
                "choose another name",
            ),
        };
        findings.key(&map, ordinal, format!("{} {message}", quoted(name)), hint);
    }
    labels
}

fn maintenance(fields: &Fields, calendars: &Calendars, findings: &mut Findings) -> Vec<Arc<Calendar>> {
    let mut chosen = Vec::new();
    let Some(list) = fields.get("maintenance") else {
        return chosen;
    };
    for at in list.items(findings) {
        let Some(name) = scalar::text(&at, findings) else {
            continue;
        };
        if let Some((calendar, _)) = calendars.names.get(LabelValue::new(name.trim()).as_str()) {
            chosen.extend(calendar.clone());
            continue;
        }
        // It may be in a file that could not be read.
        if !calendars.complete {
            continue;
        }
        let names = calendars.names.keys().map(LabelValue::as_str);
        let hint = suggest::hint(name, names, "define it in time_intervals");
        findings.value(&at, format!("unknown time interval {}", quoted(name)), hint);
    }
    chosen
}

fn probes(
    fields: &Fields,
    address: Option<&Address>,
    defaults: &Defaults,
    credentials: &snmp::Named,
    findings: &mut Findings,
) -> Vec<Probe> {
    let Some(map) = fields.get("probes") else {
        return vec![probe(Settings::Icmp(icmp_defaults(defaults)))];
    };
    let mut probes = Vec::new();
    for (ordinal, kind, at) in map.entries(findings) {
        if kind == "icmp" {
            probes.push(probe(Settings::Icmp(icmp(&at, address, defaults, findings))));
        } else if kind == "snmp" {
            probes.extend(snmp::probe(&at, defaults, credentials, findings).map(|it| probe(Settings::Snmp(it))));
        } else if later::PROBES.contains(&kind) {
            findings.key(
                &map,
                ordinal,
                format!("\"{kind}\" probes are not supported by this version"),
                "remove it",
            );
        } else {
            map.unknown(ordinal, kind, &["icmp", "snmp"], findings);
        }
    }
    probes
}

fn probe(settings: Settings) -> Probe {
    Probe {
        name: settings.kind().as_str().into(),
        settings,
    }
}

fn icmp_defaults(defaults: &Defaults) -> icmp::Settings {
    icmp::Settings {
        interval: defaults.interval,
        timeout: defaults.timeout,
        family: Family::Any,
    }
}

fn icmp(at: &At, address: Option<&Address>, defaults: &Defaults, findings: &mut Findings) -> icmp::Settings {
    let fields = at.fields(&["interval", "timeout", "family"], findings);
    let mut settings = icmp_defaults(defaults);
    settings.interval = global::interval(&fields, settings.interval, findings);
    settings.timeout = global::timeout(&fields, settings.timeout, findings);
    let Some(at) = fields.get("family") else {
        return settings;
    };
    let words = [Family::Any, Family::Ip4, Family::Ip6].map(|family| (family.as_str(), family));
    if let Some(family) = scalar::choice(&at, &words, findings) {
        let literal = match address {
            Some(Address::Ip(ip)) => Some(*ip),
            Some(Address::Scoped(ip, _)) => Some(IpAddr::V6(*ip)),
            Some(Address::Name(_)) | None => None,
        };
        if let Some(ip) = literal.filter(|ip| !family.allows(*ip)) {
            findings.value(
                &at,
                format!("the address {ip} is not of the family {}", family.as_str()),
                "write any, or remove it",
            );
        }
        settings.family = family;
    }
    settings
}
