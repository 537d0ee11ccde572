//! The section `internet`: the checks that tell whether the internet is up.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{INTERNET, Job, LabelValue, Subject};
use crate::state::InternetSettings;
use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::locate::Place;
use crate::yaml::node::Node;
use crate::yaml::problem::quoted;
use crate::yaml::{scalar, syntax};

use super::check::{Context, Usage};
use super::global::{self, Defaults};
use super::probe;
use super::target::Targets;

const INTERVAL: Duration = Duration::from_secs(15);

/// The checks of a configuration that lists none.
const CHECKS: &str = r#"
- {name: cloudflare-icmp, icmp: {address: 1.1.1.1}}
- {name: quad9-dns, dns: {server: 9.9.9.9, query: example.org}}
- {name: captive, http: {url: "http://connectivitycheck.gstatic.com/generate_204", expect: {status: [204]}}}
"#;

/// Reads `internet`. `None`: there are no checks.
pub(super) fn read(
    main: &Fields,
    defaults: &Defaults,
    bases: &[PathBuf],
    findings: &mut Findings,
) -> Option<Arc<InternetSettings>> {
    let section = main.get("internet");
    let section = section.as_ref();
    let fields = section.map(|at| at.fields(&["interval", "quorum", "checks"], findings));
    let interval = fields
        .as_ref()
        .map_or(INTERVAL, |fields| global::interval(fields, INTERVAL, findings));
    let defaults = Defaults {
        interval,
        ..defaults.clone()
    };
    let context = Context {
        defaults: &defaults,
        bases,
        usage: Usage::Internet,
    };
    let list = fields.as_ref().and_then(|fields| fields.get("checks"));
    let checks = if let Some(list) = &list {
        checks(list, context, findings)
    } else {
        let node = syntax::parse(CHECKS).ok()?;
        checks(&At::root(0, &node), context, findings)
    };
    let listed = match list.as_ref().map(|list| list.node) {
        Some(Node::List(items)) => items.len(),
        _ => checks.len(),
    };
    let quorum = fields.as_ref().and_then(|fields| fields.get("quorum"));
    let quorum = quorum.and_then(|at| scalar::count(&at, 1..=listed.max(1), findings));
    if checks.is_empty() {
        return None;
    }
    Some(Arc::new(InternetSettings {
        interval,
        timeout: defaults.timeout,
        quorum: quorum.unwrap_or(1),
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
        let decoded = probe::one_kind(&at, &fields, context, findings);
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

/// Reports a target that has the name of the device `internet`.
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
