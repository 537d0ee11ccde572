//! What all checks may say alike, whatever their kind: when and where they run, regular expressions, TLS.
//!
//! Owns these keys, and what decoding them needs to know. Gets nodes and defaults; gives the parts to `probe` and `web`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Address, Family, Pattern, Probe, SecretSource, Service, TlsSettings};

use super::decode::{At, Fields, Findings};
use super::global::{self, Defaults};
use super::problem::{plain, quoted};
use super::scalar;

/// Who asks for the probe: that decides which keys it needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A target, which has an address.
    Target,
    /// An internet check, which names what it asks.
    Internet,
    /// A module of `/probe`, which gets its address with the request.
    Module,
}

/// What decoding a probe needs to know.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// Interval and time-out, unless it says otherwise.
    pub defaults: &'a Defaults,
    /// The directory of each file, for the paths in it.
    pub bases: &'a [PathBuf],
    /// Who asks.
    pub usage: Use,
}

impl Context<'_> {
    /// A path, relative to the file that names it.
    pub fn path(&self, at: &At, findings: &mut Findings) -> Option<PathBuf> {
        let text = scalar::text(at, findings)?;
        if text.is_empty() {
            findings.value(at, "the path is empty", "");
            return None;
        }
        let base = self.bases.get(at.file()).map_or(Path::new(""), PathBuf::as_path);
        Some(base.join(text))
    }

    /// `<name>_file` or `<name>_env`.
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

/// A probe, decoded.
pub(super) struct Decoded {
    /// Time from one run to the next.
    pub interval: Duration,
    /// How long one run may take.
    pub timeout: Duration,
    /// Which IP version.
    pub family: Family,
    /// What it asks.
    pub service: Service,
    /// What an internet check asks.
    pub address: Option<Address>,
    /// Whether the time-out was given.
    pub timed: bool,
}

/// The keys every check has.
pub(super) struct Common {
    /// From the start of one run to that of the next.
    pub interval: Duration,
    /// How long a run may take.
    pub timeout: Duration,
    /// Which addresses to use.
    pub family: Family,
    /// Whether the time-out was given.
    pub timed: bool,
    /// What an internet check asks.
    pub address: Option<Address>,
}

/// Reads what every probe has. `wants_address`: whether an internet check of this kind has an `address`.
pub(super) fn common(fields: &Fields, wants_address: bool, context: Context, findings: &mut Findings) -> Common {
    let family = fields.get("family").and_then(|at| {
        let words = [Family::Any, Family::Ip4, Family::Ip6].map(|family| (family.as_str(), family));
        scalar::choice(&at, &words, findings)
    });
    let address = match (context.usage, wants_address) {
        (Use::Internet, true) => fields
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
        timed: fields.get("timeout").is_some(),
        address,
    }
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
    /// A probe with these.
    pub fn probe(self, service: Service, address: Option<Address>) -> Decoded {
        Decoded {
            interval: self.interval,
            timeout: self.timeout,
            family: self.family,
            service,
            address: address.or(self.address),
            timed: self.timed,
        }
    }
}

/// An IP address or a host name.
pub(super) fn address(at: &At, findings: &mut Findings) -> Option<Address> {
    let text = scalar::text(at, findings)?.trim();
    text.parse()
        .inspect_err(|error| findings.value(at, plain(&format!("{error}")), ""))
        .ok()
}

/// A regular expression.
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

/// Reads the keys of a `tls` map where they stand among others.
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
