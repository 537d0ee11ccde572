//! `snmp.credentials`, and the `snmp` probe of a target.
//!
//! Owns their keys, defaults and ranges. Gets nodes; gives `Entry`s and the probe's settings. Secrets of version 3 stand
//! in files or the environment, never here; they are read once, so that what cannot work is said at its line.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    AuthProtocol, Credentials, Family, InterfaceFilter, PrivacyProtocol, Probe, SNMP_PASSWORD_MIN_BYTES, SecretSource,
    Service, SnmpProbe,
};
use crate::secret::{self, SecretError};

use super::check::Decoded;
use super::decode::{At, Fields, Findings};
use super::global::{self, Defaults};
use super::problem::quoted;
use super::scalar;
use super::suggest;

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
const PROBE: &[&str] = &[
    "name",
    "credentials",
    "interval",
    "timeout",
    "family",
    "port",
    "retries",
    "max_repetitions",
    "walk_timeout",
    "interfaces",
];
const PASSWORD: &[&str] = &["protocol", "password", "password_file", "password_env"];

const INTERVAL: Duration = Duration::from_secs(60);
const PORT: u16 = 161;
const RETRIES: u32 = 2;
const MAX_REPETITIONS: u32 = 25;

/// Named credentials, and how to use them unless a probe says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Who we are.
    pub credentials: Arc<Credentials>,
    /// The agent's port.
    pub port: u16,
    /// How long to wait; `None` for the global time-out.
    pub timeout: Option<Duration>,
    /// Attempts after the first.
    pub retries: u32,
    /// Rows in one reply.
    pub max_repetitions: u32,
}

impl Entry {
    /// A walk that says nothing else; also what `lanpulse snmp walk` uses. `timeout` is the global one.
    pub fn probe(&self, name: Arc<str>, timeout: Duration) -> Probe {
        Probe {
            name,
            interval: INTERVAL,
            timeout: walk_timeout(INTERVAL),
            family: Family::Any,
            service: Service::Snmp(self.walk(timeout)),
        }
    }

    fn walk(&self, timeout: Duration) -> SnmpProbe {
        SnmpProbe {
            port: self.port,
            reply_timeout: self.timeout.unwrap_or(timeout),
            retries: self.retries,
            max_repetitions: self.max_repetitions,
            credentials: self.credentials.clone(),
            interfaces: everything(),
        }
    }
}

/// Five sixths of the interval, so that one walk ends before the next begins.
fn walk_timeout(interval: Duration) -> Duration {
    interval * 5 / 6
}

fn everything() -> InterfaceFilter {
    InterfaceFilter {
        include: glob::Pattern::new("*").into_iter().collect(),
        exclude: Vec::new(),
        include_down: true,
    }
}

/// All credentials by name.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// The good ones, and those that have been complained of.
    entries: HashMap<String, Option<Entry>>,
    /// Whether all files could be read.
    complete: bool,
}

impl Named {
    /// Reads the main file's `snmp`.
    pub fn read(main: &Fields, file: &Path, complete: bool, findings: &mut Findings) -> Self {
        let mut named = Self {
            entries: HashMap::new(),
            complete,
        };
        let Some(section) = main.get("snmp") else { return named };
        let Some(list) = section.fields(&["credentials"], findings).get("credentials") else {
            return named;
        };
        let folder = file.parent().unwrap_or(Path::new(""));
        for (_, name, at) in list.entries(findings) {
            let before = findings.0.len();
            let entry = entry(&at, folder, findings).filter(|_| findings.0.len() == before);
            named.entries.insert(name.to_owned(), entry);
        }
        named
    }

    /// The credentials of this name, where there are good ones.
    pub fn get(&self, name: &str) -> Option<Entry> {
        self.entries.get(name).cloned().flatten()
    }

    /// The credentials that are named here; a name that is none is complained of.
    pub fn chosen(&self, at: &At, findings: &mut Findings) -> Option<Entry> {
        let name = scalar::text(at, findings)?;
        let entry = self.entries.get(name.trim());
        if entry.is_none() && self.complete {
            let known = self.entries.keys().map(String::as_str);
            let hint = suggest::hint(name, known, "define them in snmp.credentials of the main file");
            findings.value(at, format!("unknown credentials {}", quoted(name)), hint);
        }
        entry.cloned().flatten()
    }

    /// The good ones.
    pub fn into_entries(self) -> HashMap<String, Entry> {
        self.entries
            .into_iter()
            .filter_map(|(name, entry)| Some((name, entry?)))
            .collect()
    }
}

fn entry(at: &At, folder: &Path, findings: &mut Findings) -> Option<Entry> {
    let fields = at.fields(CREDENTIALS, findings);
    let version = version(&fields, findings);
    let version_at = fields.require("version", "write version: 2c, 1 or 3", findings);
    let credentials = match version {
        None => None,
        Some(3) => user(at, &fields, folder, findings),
        Some(number) => community(at, &fields, number == 1, folder, findings),
    };
    let _ = version_at;
    Some(Entry {
        port: port(&fields, PORT, findings),
        timeout: fields
            .get("timeout")
            .map(|_| global::timeout(&fields, Duration::from_secs(2), findings)),
        retries: retries(&fields, RETRIES, findings),
        max_repetitions: max_repetitions(&fields, MAX_REPETITIONS, findings),
        credentials: Arc::new(credentials?),
    })
}

/// `1`, `2c` or `3`, with quotes or without.
fn version(fields: &Fields, findings: &mut Findings) -> Option<u8> {
    let at = fields.get("version")?;
    let number = match at.node {
        super::node::Node::Int(1) => Some(1),
        super::node::Node::Int(3) => Some(3),
        super::node::Node::Text(text) if text == "1" => Some(1),
        super::node::Node::Text(text) if matches!(text.as_str(), "2c" | "2C") => Some(2),
        super::node::Node::Text(text) if text == "3" => Some(3),
        _ => None,
    };
    if number.is_none() {
        at.wrong("1, 2c or 3", "", findings);
    }
    number
}

fn community(at: &At, fields: &Fields, v1: bool, folder: &Path, findings: &mut Findings) -> Option<Credentials> {
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
        folder,
        findings,
    )?;
    Some(Credentials::Community { v1, community })
}

fn user(at: &At, fields: &Fields, folder: &Path, findings: &mut Findings) -> Option<Credentials> {
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
    let auth = fields
        .get("auth")
        .map(|at| protected(&at, &auth_words, folder, findings));
    let privacy = fields
        .get("privacy")
        .map(|at| protected(&at, &privacy_words, folder, findings));
    // What is there but not good has been complained of: nothing comes of the whole.
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

/// A protocol and its password.
fn protected<T: Copy>(
    at: &At,
    words: &[(&str, T)],
    folder: &Path,
    findings: &mut Findings,
) -> Option<(T, SecretSource)> {
    let fields = at.fields(PASSWORD, findings);
    let protocol = fields.require("protocol", "", findings);
    let protocol = protocol.and_then(|at| scalar::choice(&at, words, findings));
    if let Some(ordinal) = fields.ordinal("password") {
        let hint = "write it to a file and name that with password_file, or use password_env";
        findings.key(at, ordinal, "passwords do not stand in the configuration", hint);
        return None;
    }
    let password = secret(at, &fields, ["", "password_file", "password_env"], folder, findings)?;
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

/// One of three ways to give a secret: itself, a file, the environment; no name where a way is not open.
fn secret(
    at: &At,
    fields: &Fields,
    ways: [&'static str; 3],
    folder: &Path,
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
        Some(1) => SecretSource::File(folder.join(text)),
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
            findings.value(&at, super::problem::plain(&error.to_string()), hint);
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

fn port(fields: &Fields, default: u16, findings: &mut Findings) -> u16 {
    let at = fields.get("port");
    at.and_then(|at| scalar::count(&at, 1..=u16::MAX, findings))
        .unwrap_or(default)
}

fn retries(fields: &Fields, default: u32, findings: &mut Findings) -> u32 {
    let at = fields.get("retries");
    at.and_then(|at| scalar::count(&at, 0..=10, findings))
        .unwrap_or(default)
}

fn max_repetitions(fields: &Fields, default: u32, findings: &mut Findings) -> u32 {
    let at = fields.get("max_repetitions");
    at.and_then(|at| scalar::count(&at, 1..=1_000, findings))
        .unwrap_or(default)
}

/// Reads a target's `snmp` probe.
pub(super) fn probe(at: &At, defaults: &Defaults, named: &Named, findings: &mut Findings) -> Option<Decoded> {
    let fields = at.fields(PROBE, findings);
    let hint = "one of the names in snmp.credentials of the main file";
    let chosen = fields.require("credentials", hint, findings);
    let entry = chosen.and_then(|at| named.chosen(&at, findings));
    // A stand-in, so that the other keys are checked too.
    let known = entry.is_some();
    let entry = entry.unwrap_or_else(|| Entry {
        credentials: Arc::new(Credentials::Community {
            v1: false,
            community: SecretSource::Inline("".into()),
        }),
        port: PORT,
        timeout: None,
        retries: RETRIES,
        max_repetitions: MAX_REPETITIONS,
    });
    let mut walk = entry.walk(defaults.timeout);
    let interval = global::interval(&fields, INTERVAL, findings);
    walk.reply_timeout = global::timeout(&fields, walk.reply_timeout, findings);
    walk.port = port(&fields, walk.port, findings);
    walk.retries = retries(&fields, walk.retries, findings);
    walk.max_repetitions = max_repetitions(&fields, walk.max_repetitions, findings);
    // Longer, and a walk would still run when the next is due.
    let range = Duration::from_millis(100)..=interval;
    let timeout = fields
        .get("walk_timeout")
        .and_then(|at| scalar::duration(&at, range, findings));
    let families = [Family::Any, Family::Ip4, Family::Ip6].map(|family| (family.as_str(), family));
    let family = fields
        .get("family")
        .and_then(|at| scalar::choice(&at, &families, findings));
    if let Some(at) = fields.get("interfaces") {
        walk.interfaces = filter(&at, findings);
    }
    known.then(|| Decoded {
        interval,
        timeout: timeout.unwrap_or_else(|| walk_timeout(interval)),
        family: family.unwrap_or_default(),
        service: Service::Snmp(walk),
        address: None,
        timed: false,
    })
}

fn filter(at: &At, findings: &mut Findings) -> InterfaceFilter {
    let fields = at.fields(&["include", "exclude", "include_down"], findings);
    let mut filter = everything();
    let mut patterns = |name: &str| {
        let at = fields.get(name)?;
        let items: Vec<At> = at.items(findings).collect();
        Some(items.iter().filter_map(|at| pattern(at, findings)).collect::<Vec<_>>())
    };
    if let Some(include) = patterns("include") {
        filter.include = include;
    }
    if let Some(exclude) = patterns("exclude") {
        filter.exclude = exclude;
    }
    if let Some(flag) = fields.get("include_down").and_then(|at| scalar::flag(&at, findings)) {
        filter.include_down = flag;
    }
    filter
}

fn pattern(at: &At, findings: &mut Findings) -> Option<glob::Pattern> {
    let text = scalar::text(at, findings)?;
    match glob::Pattern::new(text) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            findings.value(
                at,
                format!("{} is not a pattern: {}", quoted(text), error.msg),
                "as in \"Gi*\" or \"*uplink*\"",
            );
            None
        }
    }
}
