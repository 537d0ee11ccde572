//! The section `targets`: the configured targets and their probes.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::{Address, Calendar, LabelNameProblem, LabelValue, Probe, Target, check_label_name};
use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::locate::Place;
use crate::yaml::node::Node;
use crate::yaml::problem::quoted;
use crate::yaml::scalar;
use crate::yaml::suggest;

use super::check::{self, Context, Decoded, Usage};
use super::credentials::CredentialSet;
use super::global::{self, Defaults};
use super::interval::Calendars;
use super::probe;
use super::snmp;

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

/// What is needed to decode a target.
#[derive(Clone, Copy)]
pub(super) struct TargetContext<'a> {
    /// The values of a target that sets none of its own.
    pub defaults: &'a Defaults,
    /// The directory of each file. Paths in a file are relative to it.
    pub bases: &'a [PathBuf],
    /// The named time intervals, for `maintenance`.
    pub calendars: &'a Calendars,
    /// The named SNMP credentials.
    pub credentials: &'a CredentialSet,
}

/// The targets of all files.
#[derive(Default)]
pub(super) struct Targets {
    /// The targets without a mistake, in the order of the files.
    pub list: Vec<Arc<Target>>,
    /// Every name, also of a target with a mistake, and its index in `named`.
    pub names: HashMap<LabelValue, usize>,
    /// Every target with a unique name.
    pub named: Vec<TargetName>,
}

/// The name of a target, and its parent, for the checks between targets.
pub(super) struct TargetName {
    /// Its name.
    pub name: LabelValue,
    /// Where the name is.
    pub place: Place,
    /// The name of its parent, and the place of that name.
    pub parent: Option<(LabelValue, Place)>,
}

impl Targets {
    /// Adds the `targets` of a file.
    pub fn read(&mut self, section: &At, context: TargetContext, findings: &mut Findings) {
        let defaults = context.defaults;
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
            let maintenance = maintenance(&fields, context.calendars, findings);
            let probes = probes(&fields, address.as_ref(), context, findings);
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
                // A window shorter than this would be empty between two replies.
                window: defaults.window.max(slowest.unwrap_or_default()),
                authorized: true,
                probes,
            };
            self.list.push(Arc::new(target));
        }
    }

    /// Reads a name and adds it to the known names. `None` if another target has it already.
    fn name(&mut self, fields: &Fields, findings: &mut Findings) -> Option<LabelValue> {
        let at = fields.require("name", "it becomes the device label", findings)?;
        let name = scalar::name(&at, findings)?;
        if let Some(first) = self.names.get(&name) {
            let message = format!("the name {} is already used at", quoted(name.as_str()));
            findings.twice(at.place(), self.named[*first].place.clone(), message);
            return None;
        }
        self.names.insert(name.clone(), self.named.len());
        self.named.push(TargetName {
            name: name.clone(),
            place: at.place(),
            parent: None,
        });
        Some(name)
    }
}

/// A target with defaults only, without name and address: the template for discovered devices.
pub(super) fn default_target(defaults: &Defaults) -> Arc<Target> {
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
        probes: vec![default_ping(defaults)],
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
        // The time interval may be in a file that could not be read.
        if !calendars.complete {
            continue;
        }
        let names = calendars.names.keys().map(LabelValue::as_str);
        let hint = suggest::hint(name, names, "define it in time_intervals");
        findings.value(&at, format!("unknown time interval {}", quoted(name)), hint);
    }
    chosen
}

/// The probe of a target without the key `probes`.
fn default_ping(defaults: &Defaults) -> Arc<Probe> {
    Arc::new(Probe::echo("icmp", defaults.interval, defaults.timeout))
}

fn probes(
    fields: &Fields,
    address: Option<&Address>,
    context: TargetContext,
    findings: &mut Findings,
) -> Vec<Arc<Probe>> {
    let Some(map) = fields.get("probes") else {
        return vec![default_ping(context.defaults)];
    };
    let check_context = Context {
        defaults: context.defaults,
        bases: context.bases,
        usage: Usage::Target,
    };
    let mut probes = Vec::new();
    let mut names: HashMap<Arc<str>, Place> = HashMap::new();
    for (ordinal, kind, at) in map.entries(findings) {
        if kind == "snmp" {
            let name = probe_name(&at, map.key_place(ordinal), kind, &mut names, findings);
            let decoded = snmp::probe(&at, context.defaults, context.credentials, findings);
            if let Some(decoded) = &decoded {
                check_family(&at, decoded, address, findings);
            }
            probes.extend(name.zip(decoded).map(|(name, decoded)| Arc::new(decoded.named(name))));
            continue;
        }
        if !probe::KINDS.contains(&kind) {
            let known = [&probe::KINDS[..], &["snmp"]].concat();
            map.unknown(ordinal, kind, &known, findings);
            continue;
        }
        // Several probes of a kind are a list. There is only one `icmp` probe, because a device has one ping history.
        let list = matches!(at.node, Node::List(_)) && kind != "icmp";
        let items = if list { at.items(findings).collect() } else { vec![at] };
        for at in items {
            let Some(name) = probe_name(&at, map.key_place(ordinal), kind, &mut names, findings) else {
                continue;
            };
            let Some(decoded) = probe::read(kind, &at, check_context, findings) else {
                continue;
            };
            check_family(&at, &decoded, address, findings);
            probes.push(Arc::new(decoded.named(name)));
        }
    }
    probes
}

/// Reads the name of a probe. Without a name it is the kind. It is unique within the target.
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

/// Reports a `family` that does not fit the IP address of the target.
fn check_family(at: &At, decoded: &Decoded, address: Option<&Address>, findings: &mut Findings) {
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
