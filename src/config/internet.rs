//! The internet checks, and the modules of `/probe`.
//!
//! Owns `internet` and `modules`. Gets nodes and the defaults; gives what is asked, how often, and how many must answer.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{INTERNET, Job, LabelValue, Subject};
use crate::state::InternetSettings;

use super::check::{Context, Decoded, Use};
use super::decode::{At, Fields, Findings};
use super::global::{self, Defaults};
use super::locate::Place;
use super::node::Node;
use super::probe;
use super::problem::quoted;
use super::target::Targets;
use super::{Module, scalar, syntax};

/// What is checked where nothing is said.
const CHECKS: &str = r#"
- {name: cloudflare-icmp, icmp: {address: 1.1.1.1}}
- {name: quad9-dns, dns: {server: 9.9.9.9, query: example.org}}
- {name: captive, http: {url: "http://connectivitycheck.gstatic.com/generate_204", expect: {status: [204]}}}
"#;

/// Reads `internet`; `None` where nothing is checked.
pub(super) fn read(
    main: Option<&Fields>,
    defaults: &Defaults,
    bases: &[PathBuf],
    findings: &mut Findings,
) -> Option<Arc<InternetSettings>> {
    let section = main.and_then(|main| main.get("internet"));
    let fields = section
        .as_ref()
        .map(|at| at.fields(&["interval", "quorum", "checks"], findings));
    let interval = Duration::from_secs(15);
    let interval = fields
        .as_ref()
        .map_or(interval, |fields| global::interval(fields, interval, findings));
    let defaults = Defaults {
        interval,
        ..defaults.clone()
    };
    let context = Context {
        defaults: &defaults,
        bases,
        usage: Use::Internet,
    };
    let list = fields.as_ref().and_then(|fields| fields.get("checks"));
    let checks = if let Some(list) = &list {
        checks(list, context, findings)
    } else {
        let node = syntax::parse(CHECKS).ok()?;
        checks(&At::root(0, &node), context, findings)
    };
    let at = fields.as_ref().and_then(|fields| fields.get("quorum"));
    let most = match list.as_ref().map(|list| list.node) {
        Some(Node::List(items)) => items.len(),
        _ => checks.len(),
    };
    let most = most.max(1);
    let quorum = at.and_then(|at| scalar::count(&at, 1..=most, findings)).unwrap_or(1);
    if checks.is_empty() {
        return None;
    }
    Some(Arc::new(InternetSettings {
        interval,
        timeout: defaults.timeout,
        quorum,
        hysteresis: defaults.hysteresis,
        checks,
    }))
}

fn checks(list: &At, context: Context, findings: &mut Findings) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut names: HashMap<LabelValue, Place> = HashMap::new();
    for at in list.items(findings) {
        let fields = at.fields(&["name", "icmp", "tcp", "tls", "http", "dns"], findings);
        let name = fields.require("name", "it becomes the probe label", findings);
        let name = name.and_then(|at| Some((scalar::name(&at, findings)?, at.place())));
        let decoded = one_kind(&at, &fields, context, findings);
        let (Some((name, place)), Some(mut decoded)) = (name, decoded) else {
            continue;
        };
        if let Some(first) = names.get(&name) {
            let message = format!("the name {} is already used at", quoted(name.as_str()));
            findings.twice(place, first.clone(), message);
            continue;
        }
        let Some(address) = decoded.address.take() else {
            continue;
        };
        jobs.push(Job {
            subject: Subject::Internet,
            address,
            probe: Arc::new(decoded.named(name.as_str().into())),
        });
        names.insert(name, place);
    }
    jobs
}

/// The one kind that a map has.
fn one_kind(at: &At, fields: &Fields, context: Context, findings: &mut Findings) -> Option<Decoded> {
    let given: Vec<&str> = probe::KINDS
        .into_iter()
        .filter(|kind| fields.ordinal(kind).is_some())
        .collect();
    match given[..] {
        [kind] => probe::read(kind, &fields.get(kind)?, context, findings),
        [] => {
            let hint = format!("one of {}", probe::KINDS.join(", "));
            findings.value(at, "it does not say what to check", hint);
            None
        }
        [_, second, ..] => {
            let ordinal = fields.ordinal(second)?;
            findings.key(at, ordinal, "one check has one kind", "make two of it");
            None
        }
    }
}

/// Nobody else may have the name of the internet checks.
pub(super) fn reserve(config: Option<&Arc<InternetSettings>>, targets: &Targets, findings: &mut Findings) {
    let taken = targets.names.get(INTERNET).map(|named| &targets.named[*named].place);
    if let (Some(place), Some(_)) = (taken, config) {
        let message = "the name \"internet\" is that of the internet checks";
        findings.place(
            place.clone(),
            message,
            "choose another, or write internet: {checks: []}",
        );
    }
}

/// Reads `modules`.
pub(super) fn modules(
    main: &Fields,
    defaults: &Defaults,
    bases: &[PathBuf],
    findings: &mut Findings,
) -> BTreeMap<String, Module> {
    let mut modules = BTreeMap::new();
    let Some(map) = main.get("modules") else { return modules };
    let context = Context {
        defaults,
        bases,
        usage: Use::Module,
    };
    for (_, name, at) in map.entries(findings) {
        let fields = at.fields(&["icmp", "tcp", "tls", "http", "dns"], findings);
        let Some(decoded) = one_kind(&at, &fields, context, findings) else {
            continue;
        };
        let timeout = decoded.timed.then_some(decoded.timeout);
        let probe = decoded.named(name.into());
        modules.insert(name.to_owned(), Module { probe, timeout });
    }
    modules
}
