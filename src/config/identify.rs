//! The section `identify`: how to find out what a device is.

use std::path::Path;
use std::time::Duration;

use crate::source::identify;
use crate::yaml::decode::{Fields, Findings};
use crate::yaml::scalar;

use super::credentials::{CredentialSet, SnmpCredentials};

/// The name of the credentials to ask devices with unless `identify.snmp` names others. Devices are not asked if there are
/// no credentials of this name.
const CREDENTIALS: &str = "public";

/// Reads `identify`. Paths are relative to `base`. `timeout` is for credentials that set none.
pub(super) fn identify(
    main: &Fields,
    base: &Path,
    known: &CredentialSet,
    timeout: Duration,
    findings: &mut Findings,
) -> identify::Settings {
    let key = |entry: SnmpCredentials| identify::SnmpAccess {
        credentials: entry.credentials,
        port: entry.port,
        timeout: entry.timeout.unwrap_or(timeout),
    };
    let mut settings = identify::Settings {
        oui_file: None,
        snmp: known.get(CREDENTIALS).map(key).into_iter().collect(),
    };
    let Some(at) = main.get("identify") else {
        return settings;
    };
    let fields = at.fields(&["oui", "dns", "snmp", "mdns"], findings);
    if let Some(at) = fields.get("oui") {
        let fields = at.fields(&["oui_file"], findings);
        if let Some(path) = fields.get("oui_file").and_then(|at| scalar::text(&at, findings)) {
            settings.oui_file = Some(base.join(path));
        }
    }
    for name in ["dns", "mdns"] {
        if let Some(at) = fields.get(name) {
            at.fields(&[], findings);
        }
    }
    if let Some(at) = fields.get("snmp")
        && let Some(at) = at.fields(&["credentials"], findings).get("credentials")
    {
        let items = at.items(findings).collect::<Vec<_>>();
        let chosen = items.iter().filter_map(|at| known.chosen(at, findings));
        settings.snmp = chosen.map(key).collect();
    }
    settings
}
