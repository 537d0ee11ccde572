//! The keys that all kinds of checks share: interval, timeout, family, address, regular expressions and TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Address, Family, Pattern, Probe, SecretSource, Service, TlsSettings};

use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::problem::{plain, quoted};
use crate::yaml::scalar;

use super::global::{self, Defaults};

/// What a probe is used for. It decides which keys the probe needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    /// For a target, which has an address.
    Target,
    /// For an internet check, which has an address of its own.
    Internet,
    /// For a module of `/probe`. The address comes with the request.
    Module,
}

/// What is needed to decode a probe.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// The interval and timeout of a probe that sets none.
    pub defaults: &'a Defaults,
    /// The directory of each file. Paths in a file are relative to it.
    pub bases: &'a [PathBuf],
    /// What the probe is used for.
    pub usage: Usage,
}

impl Context<'_> {
    /// Reads a path. It is relative to the file that it stands in.
    pub fn path(&self, at: &At, findings: &mut Findings) -> Option<PathBuf> {
        let text = scalar::text(at, findings)?;
        if text.is_empty() {
            findings.value(at, "the path is empty", "");
            return None;
        }
        let base = self.bases.get(at.file()).map_or(Path::new(""), PathBuf::as_path);
        Some(base.join(text))
    }

    /// Reads a secret from the keys `<name>_file` and `<name>_env`, of which one may be given.
    pub fn secret(
        &self,
        fields: &Fields,
        [file, env]: [&'static str; 2],
        findings: &mut Findings,
    ) -> Option<SecretSource> {
        match (fields.get(file), fields.get(env)) {
            (Some(_), Some(at)) => {
                findings.value(&at, format!("{file} and {env} are both given"), "keep one");
                None
            }
            (Some(at), None) => self.path(&at, findings).map(SecretSource::File),
            (None, Some(at)) => scalar::text(&at, findings).map(|name| SecretSource::Env(name.to_owned())),
            (None, None) => None,
        }
    }
}

/// A decoded probe.
pub(super) struct Decoded {
    /// Time from the start of one run to the start of the next.
    pub interval: Duration,
    /// How long a run may take.
    pub timeout: Duration,
    /// Which IP versions to use.
    pub family: Family,
    /// What it asks.
    pub service: Service,
    /// The address of an internet check. `None` for other uses.
    pub address: Option<Address>,
    /// Whether the configuration sets a timeout.
    pub has_timeout: bool,
}

/// The values of the keys that every check has.
pub(super) struct Common {
    /// Time from the start of one run to the start of the next.
    pub interval: Duration,
    /// How long a run may take.
    pub timeout: Duration,
    /// Which IP versions to use.
    pub family: Family,
    /// Whether the configuration sets a timeout.
    pub has_timeout: bool,
    /// The address of an internet check. `None` for other uses.
    pub address: Option<Address>,
}

/// Reads the keys that every check has. `wants_address`: whether an internet check of this kind needs an `address`.
pub(super) fn common(fields: &Fields, wants_address: bool, context: Context, findings: &mut Findings) -> Common {
    let family = family(fields, findings);
    let address = match (context.usage, wants_address) {
        (Usage::Internet, true) => fields
            .require("address", "write address: 1.1.1.1, or a host name", findings)
            .and_then(|at| address(&at, findings)),
        _ => fields.get("address").and_then(|at| {
            let hint = "the target has its own, or it comes with the request";
            findings.value(&at, "an address cannot stand here", hint);
            None
        }),
    };
    Common {
        interval: global::interval(fields, context.defaults.interval, findings),
        timeout: global::timeout(fields, context.defaults.timeout, findings),
        family: family.unwrap_or_default(),
        has_timeout: fields.get("timeout").is_some(),
        address,
    }
}

/// Reads `family`.
pub(super) fn family(fields: &Fields, findings: &mut Findings) -> Option<Family> {
    let words = [Family::Any, Family::Ip4, Family::Ip6].map(|family| (family.as_str(), family));
    let at = fields.get("family")?;
    scalar::choice(&at, &words, findings)
}

impl Decoded {
    /// The probe of this name.
    pub fn named(self, name: Arc<str>) -> Probe {
        Probe {
            name,
            interval: self.interval,
            timeout: self.timeout,
            family: self.family,
            service: self.service,
        }
    }
}

impl Common {
    /// Makes a probe of a service. `address` is its address if it is not in these keys.
    pub fn probe(self, service: Service, address: Option<Address>) -> Decoded {
        Decoded {
            interval: self.interval,
            timeout: self.timeout,
            family: self.family,
            service,
            address: address.or(self.address),
            has_timeout: self.has_timeout,
        }
    }
}

/// Reads an IP address or a host name.
pub(super) fn address(at: &At, findings: &mut Findings) -> Option<Address> {
    let text = scalar::text(at, findings)?.trim();
    text.parse()
        .inspect_err(|error| findings.value(at, plain(&format!("{error}")), ""))
        .ok()
}

/// Reads a regular expression.
pub(super) fn pattern(at: &At, findings: &mut Findings) -> Option<Pattern> {
    let text = scalar::text(at, findings)?;
    Pattern::new(text)
        .inspect_err(|error| {
            let message = format!("{} is no regular expression: {}", quoted(text), plain(error));
            findings.value(at, message, "the syntax is RE2's, as in Prometheus");
        })
        .ok()
}

/// The keys of a `tls` map.
pub(super) const TLS_KEYS: [&str; 5] = ["server_name", "insecure", "ca_file", "cert_file", "key_file"];

/// Reads a `tls` map.
pub(super) fn tls_map(at: &At, context: Context, findings: &mut Findings) -> TlsSettings {
    tls_settings(&at.fields(&TLS_KEYS, findings), context, findings)
}

/// Reads the keys of a `tls` map that stand among other keys.
pub(super) fn tls_settings(fields: &Fields, context: Context, findings: &mut Findings) -> TlsSettings {
    let mut path = |name| fields.get(name).and_then(|at| context.path(&at, findings));
    let [ca_file, cert_file, key_file] = ["ca_file", "cert_file", "key_file"].map(&mut path);
    let pair = [("cert_file", "key_file"), ("key_file", "cert_file")];
    for (given, other) in pair {
        if let (Some(at), None) = (fields.get(given), fields.get(other)) {
            findings.value(&at, format!("{given} without {other}"), format!("add {other}"));
        }
    }
    let server_name = fields
        .get("server_name")
        .and_then(|at| scalar::text(&at, findings).map(str::to_owned));
    let insecure = fields.get("insecure").and_then(|at| scalar::flag(&at, findings));
    TlsSettings {
        server_name: server_name.filter(|name| !name.is_empty()),
        insecure: insecure.unwrap_or(false),
        ca_file,
        cert_file,
        key_file,
    }
}
