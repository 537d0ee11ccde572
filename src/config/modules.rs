//! The section `modules`: how `/probe` may probe a target.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::Probe;
use crate::yaml::decode::{Fields, Findings};

use super::check::{Context, Usage};
use super::global::Defaults;
use super::probe;

/// A way in which `/probe` may probe a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// How to probe. The address comes with the request.
    pub probe: Probe,
    /// The timeout, if the module sets one. The timeout of the scraper holds as well.
    pub timeout: Option<Duration>,
}

/// Reads `modules`.
pub(super) fn read(
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
        usage: Usage::Module,
    };
    for (_, name, at) in map.entries(findings) {
        let fields = at.fields(&["icmp", "tcp", "tls", "http", "dns"], findings);
        let Some(decoded) = probe::one_kind(&at, &fields, context, findings) else {
            continue;
        };
        let timeout = decoded.has_timeout.then_some(decoded.timeout);
        let probe = decoded.named(name.into());
        modules.insert(name.to_owned(), Module { probe, timeout });
    }
    modules
}
