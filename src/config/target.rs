//! The configured targets and their probes.
//!
//! Owns `targets` and what one target may say. Gets nodes, the defaults and the time intervals; gives `Target`s,
//! and to `parent` the names and who is reached through whom.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::{Address, Calendar, LabelNameProblem, LabelValue, Probe, Target, check_label_name};

use super::check::{self, Context, Decoded, Use};
use super::decode::{At, Fields, Findings};
use super::global::{self, Defaults};
use super::interval::Calendars;
use super::locate::Place;
use super::node::Node;
use super::probe;
use super::problem::quoted;
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
    /// The directory of each file.
    pub bases: Vec<PathBuf>,
    /// The named SNMP credentials.
    pub credentials: snmp::Named,
    /// The good ones, in the order of the files.
    pub list: Vec<Arc<Target>>,
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
    pub fn read(&mut self, section: &At, defaults: &Defaults, calendars: &Calendars, findings: &mut Findings) {
        for item in section.items(findings) {
            let fields = item.fields(KNOWN, findings);
            let name = self.name(&fields, findings);
            let address = fields
                .require("address", "write address: 192.168.1.1, or a host name", findings)
                .and_then(|at| check::address(&at, findings));
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
            let context = Context {
                defaults,
                bases: &self.bases,
                usage: Use::Target,
            };
            let probes = probes(&fields, address.as_ref(), context, &self.credentials, findings);
            let (Some(name), Some(address)) = (name, address) else {
                continue;
            };
            let slowest = probes
                .iter()
                .filter(|probe| !probe.kind().is_walk())
                .map(|probe| probe.interval + probe.timeout)
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
                probes,
            };
            self.list.push(Arc::new(target));
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

/// What becomes of a device that discovery finds: a target of which only the defaults are known.
pub(super) fn found_device(defaults: &Defaults) -> Arc<Target> {
    Arc::new(Target {
        name: LabelValue::new(""),
        address: Address::Name(String::new()),
        role: None,
        site: defaults.site.clone(),
        parent: None,
        labels: BTreeMap::new(),
        limits: defaults.limits,
        maintenance: Vec::new(),
        hysteresis: defaults.hysteresis,
        window: defaults.window.max(defaults.interval + defaults.timeout),
        authorized: false,
        probes: vec![plain_ping(defaults)],
    })
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

/// The ping of a target that says nothing of probes.
fn plain_ping(defaults: &Defaults) -> Arc<Probe> {
    Arc::new(Probe::echo("icmp", defaults.interval, defaults.timeout))
}

fn probes(
    fields: &Fields,
    address: Option<&Address>,
    context: Context,
    credentials: &snmp::Named,
    findings: &mut Findings,
) -> Vec<Arc<Probe>> {
    let Some(map) = fields.get("probes") else {
        return vec![plain_ping(context.defaults)];
    };
    let mut probes = Vec::new();
    let mut names: HashMap<Arc<str>, Place> = HashMap::new();
    for (ordinal, kind, at) in map.entries(findings) {
        if kind == "snmp" {
            let name = probe_name(&at, map.key_place(ordinal), kind, &mut names, findings);
            let decoded = snmp::probe(&at, context.defaults, credentials, findings);
            if let Some(decoded) = &decoded {
                agree(&at, decoded, address, findings);
            }
            probes.extend(name.zip(decoded).map(|(name, decoded)| Arc::new(decoded.named(name))));
            continue;
        }
        if !probe::KINDS.contains(&kind) {
            let known = [&probe::KINDS[..], &["snmp"]].concat();
            map.unknown(ordinal, kind, &known, findings);
            continue;
        }
        // Several of a kind are a list; ICMP has one history a device.
        let list = matches!(at.node, Node::List(_)) && kind != "icmp";
        let items = if list { at.items(findings).collect() } else { vec![at] };
        for at in items {
            let Some(name) = probe_name(&at, map.key_place(ordinal), kind, &mut names, findings) else {
                continue;
            };
            let Some(decoded) = probe::read(kind, &at, context, findings) else {
                continue;
            };
            agree(&at, &decoded, address, findings);
            probes.push(Arc::new(decoded.named(name)));
        }
    }
    probes
}

/// The probe's name: what it says, else its kind. Unique within the target.
fn probe_name(
    at: &At,
    key: Place,
    kind: &str,
    names: &mut HashMap<Arc<str>, Place>,
    findings: &mut Findings,
) -> Option<Arc<str>> {
    let given = at.node.get("name").map(|(ordinal, node)| (ordinal, node.clone()));
    let (name, place) = match &given {
        Some((ordinal, node)) => {
            let at = at.child(*ordinal, node);
            (scalar::name(&at, findings)?.as_str().into(), at.place())
        }
        None if names.contains_key(kind) => {
            findings.value(at, format!("a second \"{kind}\" probe needs a name"), "add name: ...");
            return None;
        }
        None => (Arc::from(kind), key),
    };
    if let Some(first) = names.get(&name) {
        let message = format!("the probe name {} is already used at", quoted(&name));
        findings.twice(place, first.clone(), message);
        return None;
    }
    names.insert(Arc::clone(&name), place);
    Some(name)
}

/// A family must agree with a literal address.
fn agree(at: &At, decoded: &Decoded, address: Option<&Address>, findings: &mut Findings) {
    if !decoded.service.asks_the_target() {
        return;
    }
    let family = decoded.family;
    let literal = match address {
        Some(Address::Ip(ip)) => Some(*ip),
        Some(Address::Scoped(ip, _)) => Some(IpAddr::V6(*ip)),
        Some(Address::Name(_)) | None => None,
    };
    let Some(ip) = literal.filter(|ip| !family.allows(*ip)) else {
        return;
    };
    if let Some((ordinal, node)) = at.node.get("family") {
        let message = format!("the address {ip} is not of the family {}", family.as_str());
        findings.value(&at.child(ordinal, node), message, "write any, or remove it");
    }
}
