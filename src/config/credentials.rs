//! The section `snmp.credentials`.
//!
//! Passwords of version 3 are in files or in the environment, never in the configuration. They are read here once, so that
//! a bad one is reported at its line.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{AuthProtocol, Credentials, PrivacyProtocol, SNMP_PASSWORD_MIN_BYTES, SecretSource};
use crate::secret::{self, SecretError};
use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::node::Node;
use crate::yaml::problem::{plain, quoted};
use crate::yaml::scalar;
use crate::yaml::suggest;

use super::global;

const CREDENTIALS: &[&str] = &[
    "version",
    "community",
    "community_file",
    "community_env",
    "user",
    "context",
    "auth",
    "privacy",
    "port",
    "timeout",
    "retries",
    "max_repetitions",
];
const PASSWORD: &[&str] = &["protocol", "password", "password_file", "password_env"];

/// The port of an SNMP agent.
pub(super) const PORT: u16 = 161;
/// Attempts after the first.
pub(super) const RETRIES: u32 = 2;
/// The most rows in one reply.
pub(super) const MAX_REPETITIONS: u32 = 25;

/// Named credentials, and the settings of a probe that sets none of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct SnmpCredentials {
    /// The community or the user.
    pub credentials: Arc<Credentials>,
    /// The agent's port.
    pub port: u16,
    /// How long to wait for a reply. `None`: as long as `global.timeout` says.
    pub timeout: Option<Duration>,
    /// Attempts after the first.
    pub retries: u32,
    /// The most rows in one reply.
    pub max_repetitions: u32,
}

/// All credentials by name.
#[derive(Debug, Default)]
pub(super) struct CredentialSet {
    /// `None` for credentials with a mistake, which has been reported already.
    entries: HashMap<String, Option<SnmpCredentials>>,
    /// Whether all files could be read. If not, an unknown name may be in one of the others.
    complete: bool,
}

impl CredentialSet {
    /// Reads the section `snmp`.
    pub fn read(main: &Fields, base: &Path, complete: bool, findings: &mut Findings) -> Self {
        let mut set = Self {
            entries: HashMap::new(),
            complete,
        };
        let Some(section) = main.get("snmp") else { return set };
        let Some(list) = section.fields(&["credentials"], findings).get("credentials") else {
            return set;
        };
        for (_, name, at) in list.entries(findings) {
            let before = findings.0.len();
            let entry = entry(&at, base, findings).filter(|_| findings.0.len() == before);
            set.entries.insert(name.to_owned(), entry);
        }
        set
    }

    /// The credentials of this name, if they exist and have no mistake.
    pub fn get(&self, name: &str) -> Option<SnmpCredentials> {
        self.entries.get(name).cloned().flatten()
    }

    /// Reads the name of credentials and looks them up. An unknown name is a finding.
    pub fn chosen(&self, at: &At, findings: &mut Findings) -> Option<SnmpCredentials> {
        let name = scalar::text(at, findings)?;
        let entry = self.entries.get(name.trim());
        if entry.is_none() && self.complete {
            let known = self.entries.keys().map(String::as_str);
            let hint = suggest::hint(name, known, "define them in snmp.credentials of the main file");
            findings.value(at, format!("unknown credentials {}", quoted(name)), hint);
        }
        entry.cloned().flatten()
    }

    /// The credentials without a mistake.
    pub fn into_good(self) -> HashMap<String, SnmpCredentials> {
        self.entries
            .into_iter()
            .filter_map(|(name, entry)| Some((name, entry?)))
            .collect()
    }
}

fn entry(at: &At, base: &Path, findings: &mut Findings) -> Option<SnmpCredentials> {
    let fields = at.fields(CREDENTIALS, findings);
    let version = version(&fields, findings);
    fields.require("version", "write version: 2c, 1 or 3", findings);
    let credentials = match version {
        None => None,
        Some(3) => user(at, &fields, base, findings),
        Some(number) => community(at, &fields, number == 1, base, findings),
    };
    Some(SnmpCredentials {
        port: port(&fields, PORT, findings),
        timeout: fields
            .get("timeout")
            .map(|_| global::timeout(&fields, Duration::from_secs(2), findings)),
        retries: retries(&fields, RETRIES, findings),
        max_repetitions: max_repetitions(&fields, MAX_REPETITIONS, findings),
        credentials: Arc::new(credentials?),
    })
}

/// Reads the version: `1`, `2c` or `3`, with quotes or without. Version 2c is returned as 2.
fn version(fields: &Fields, findings: &mut Findings) -> Option<u8> {
    let at = fields.get("version")?;
    let number = match at.node {
        Node::Int(1) => Some(1),
        Node::Int(3) => Some(3),
        Node::Text(text) if text == "1" => Some(1),
        Node::Text(text) if matches!(text.as_str(), "2c" | "2C") => Some(2),
        Node::Text(text) if text == "3" => Some(3),
        _ => None,
    };
    if number.is_none() {
        at.wrong("1, 2c or 3", "", findings);
    }
    number
}

fn community(at: &At, fields: &Fields, v1: bool, base: &Path, findings: &mut Findings) -> Option<Credentials> {
    refuse(
        at,
        fields,
        &["user", "context", "auth", "privacy"],
        "belongs to version 3",
        findings,
    );
    let community = secret(
        at,
        fields,
        ["community", "community_file", "community_env"],
        base,
        findings,
    )?;
    Some(Credentials::Community { v1, community })
}

fn user(at: &At, fields: &Fields, base: &Path, findings: &mut Findings) -> Option<Credentials> {
    let communities = ["community", "community_file", "community_env"];
    refuse(at, fields, &communities, "belongs to versions 1 and 2c", findings);
    let user = fields.require("user", "the securityName of version 3", findings);
    let user = user.and_then(|at| scalar::name(&at, findings));
    let context = fields
        .get("context")
        .and_then(|at| scalar::text(&at, findings))
        .unwrap_or_default();
    let auth_words = AuthProtocol::ALL.map(|protocol| (protocol.as_str(), protocol));
    let privacy_words = PrivacyProtocol::ALL.map(|protocol| (protocol.as_str(), protocol));
    let auth = fields.get("auth").map(|at| protected(&at, &auth_words, base, findings));
    let privacy = fields
        .get("privacy")
        .map(|at| protected(&at, &privacy_words, base, findings));
    // A mistake in `auth` or `privacy` has been reported already. Without them the credentials would be weaker.
    let bad = matches!(auth, Some(None)) || matches!(privacy, Some(None));
    if let (None, Some(ordinal)) = (&auth, fields.ordinal("privacy")) {
        findings.key(
            at,
            ordinal,
            "privacy needs auth",
            "version 3 encrypts only what it signs",
        );
    }
    Some(Credentials::User {
        user: user?.as_str().to_owned(),
        context: context.to_owned(),
        auth: auth.flatten(),
        privacy: privacy.flatten(),
    })
    .filter(|_| !bad)
}

/// Reads a protocol and its password.
fn protected<T: Copy>(at: &At, words: &[(&str, T)], base: &Path, findings: &mut Findings) -> Option<(T, SecretSource)> {
    let fields = at.fields(PASSWORD, findings);
    let protocol = fields.require("protocol", "", findings);
    let protocol = protocol.and_then(|at| scalar::choice(&at, words, findings));
    if let Some(ordinal) = fields.ordinal("password") {
        let hint = "write it to a file and name that with password_file, or use password_env";
        findings.key(at, ordinal, "passwords do not stand in the configuration", hint);
        return None;
    }
    let password = secret(at, &fields, ["", "password_file", "password_env"], base, findings)?;
    let place = fields.get("password_file").or(fields.get("password_env"));
    if let (Ok(bytes), Some(place)) = (secret::read(&password), place)
        && bytes.expose().len() < SNMP_PASSWORD_MIN_BYTES
    {
        let message = format!(
            "the password has {} bytes: at least {SNMP_PASSWORD_MIN_BYTES} (RFC 3414)",
            bytes.expose().len()
        );
        findings.value(&place, message, "");
    }
    Some((protocol?, password))
}

/// Reads a secret from one of three keys: the secret itself, a file, an environment variable. A key that is not allowed
/// here has the name `""`.
fn secret(
    at: &At,
    fields: &Fields,
    ways: [&'static str; 3],
    base: &Path,
    findings: &mut Findings,
) -> Option<SecretSource> {
    let open = || ways.into_iter().filter(|way| !way.is_empty());
    let given: Vec<&str> = open().filter(|way| fields.ordinal(way).is_some()).collect();
    match *given.as_slice() {
        [] => {
            let message = format!("missing required key \"{}\"", open().next().unwrap_or_default());
            let others: Vec<&str> = open().skip(1).collect();
            findings.value(at, message, format!("or {}", others.join(" or ")));
            return None;
        }
        [_] => {}
        [first, second, ..] => {
            let ordinal = fields.ordinal(second).unwrap_or_default();
            findings.key(at, ordinal, format!("\"{second}\" beside \"{first}\": one of them"), "");
            return None;
        }
    }
    let at = fields.get(given[0])?;
    let text = scalar::text(&at, findings)?;
    let secret = match ways.iter().position(|way| *way == given[0]) {
        Some(0) => SecretSource::Inline(text.into()),
        Some(1) => SecretSource::File(base.join(text)),
        _ => SecretSource::Env(text.to_owned()),
    };
    match secret::read(&secret) {
        Ok(_) => {}
        Err(SecretError::Empty(_)) => findings.value(&at, "the secret is empty", ""),
        Err(error) => {
            let file = matches!(secret, SecretSource::File(_));
            let hint = if file {
                "a path is relative to the file that names it"
            } else {
                ""
            };
            findings.value(&at, plain(&error.to_string()), hint);
        }
    }
    Some(secret)
}

fn refuse(at: &At, fields: &Fields, names: &[&str], why: &str, findings: &mut Findings) {
    for name in names {
        if let Some(ordinal) = fields.ordinal(name) {
            findings.key(at, ordinal, format!("\"{name}\" {why}"), "remove it");
        }
    }
}

pub(super) fn port(fields: &Fields, default: u16, findings: &mut Findings) -> u16 {
    let at = fields.get("port");
    at.and_then(|at| scalar::count(&at, 1..=u16::MAX, findings))
        .unwrap_or(default)
}

pub(super) fn retries(fields: &Fields, default: u32, findings: &mut Findings) -> u32 {
    let at = fields.get("retries");
    at.and_then(|at| scalar::count(&at, 0..=10, findings))
        .unwrap_or(default)
}

pub(super) fn max_repetitions(fields: &Fields, default: u32, findings: &mut Findings) -> u32 {
    let at = fields.get("max_repetitions");
    at.and_then(|at| scalar::count(&at, 1..=1_000, findings))
        .unwrap_or(default)
}
