//! The section `modules`: ways to probe what `/probe` is asked for.
//!
//! Owns its keys. Gets the main file's fields and the defaults; gives `Module`s by name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::source::probe::Settings;
use crate::yaml::decode::{Fields, Findings};

use super::check::{Context, Decoded, Use};
use super::global::Defaults;
use super::probe;

/// A way to probe what `/probe` is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// How to probe. The address comes with the request.
    pub settings: Settings,
    /// The time limit, beside the one of the scraper. `None`: only the scraper's.
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
        usage: Use::Module,
    };
    for (_, name, at) in map.entries(findings) {
        let fields = at.fields(&["icmp", "tcp", "tls", "http", "dns"], findings);
        let Some(Decoded { settings, timed, .. }) = probe::one_kind(&at, &fields, context, findings) else {
            continue;
        };
        let timeout = timed.then(|| Settings::timeout(&settings));
        modules.insert(name.to_owned(), Module { settings, timeout });
    }
    modules
}
