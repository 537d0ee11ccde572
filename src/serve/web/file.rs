//! The web configuration file, key for key as exporter-toolkit has it, read strictly and with every problem at once.
//!
//! Owns its keys. Gets the file; gives a `WebConfig`, or problems with line and column. A file that works elsewhere must
//! work here, so values may be written as Go's YAML reader accepts them (`yes` for true, a number for text).

use std::path::Path;

use hyper::header::{HeaderName, HeaderValue};

use super::config::{Outcome, WebConfig};
use super::go_yaml::{duration, flag, given, text};
use super::passwords::Users;
use super::pem::Context;
use super::tls;
use super::watched::WatchedFiles;
use crate::pace::Rate;
use crate::yaml::decode::{At, Findings};
use crate::yaml::node::Node;
use crate::yaml::problem::{Problem, quoted};
use crate::yaml::report::{self, Source};
use crate::yaml::scalar;
use crate::yaml::syntax::Fault;

const TOP: &[&str] = &[
    "tls_server_config",
    "http_server_config",
    "basic_auth_users",
    "rate_limit",
];
/// The headers that may be set, and the values they may have; an empty list means any value.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-XSS-Protection", &[]),
    ("Strict-Transport-Security", &[]),
];
/// A bcrypt cost beyond which one check takes seconds.
const COSTLY: u32 = 15;

/// Reads the file and those it names.
pub(super) fn read(path: &Path) -> Outcome {
    let mut files = WatchedFiles::default();
    let bytes = files.read(path).map_err(|error| Fault {
        position: None,
        message: format!("cannot read it: {error}"),
        hint: Some("--web.config.file names it".into()),
    });
    let (result, notes) = parse(path, bytes, &mut files);
    Outcome { result, files, notes }
}

/// Every problem of a web configuration; empty if it is good.
pub fn check(path: &Path) -> Vec<Problem> {
    read(path).result.err().unwrap_or_default()
}

/// How many problems a text has as a web configuration, for the fuzzer.
#[doc(hidden)]
pub fn problems_of(text: &[u8]) -> usize {
    parse(Path::new("web.yaml"), Ok(text.to_vec()), &mut WatchedFiles::default())
        .0
        .err()
        .map_or(0, |problems| problems.len())
}

/// Parses the bytes of the file; gives the configuration and the notes.
fn parse(
    path: &Path,
    bytes: Result<Vec<u8>, Fault>,
    files: &mut WatchedFiles,
) -> (Result<WebConfig, Vec<Problem>>, Vec<String>) {
    let source = Source::new(path, bytes);
    let mut findings = Findings::default();
    let mut notes = Vec::new();
    let config = {
        let mut context = Context {
            directory: path.parent().unwrap_or(Path::new("")),
            files,
            notes: &mut notes,
            findings: &mut findings,
        };
        decode(&At::root(0, &source.root), &mut context)
    };
    let problems = report::problems(&[source], findings);
    let result = if problems.is_empty() { Ok(config) } else { Err(problems) };
    (result, notes)
}

fn decode(top: &At, context: &mut Context) -> WebConfig {
    let fields = top.fields(TOP, context.findings);
    let mut config = WebConfig::default();
    let mut http2 = true;
    if let Some(section) = given(&fields, "http_server_config") {
        let fields = section.fields(&["http2", "headers"], context.findings);
        if let Some(on) = given(&fields, "http2").and_then(|at| flag(&at, context.findings)) {
            http2 = on;
        }
        if let Some(section) = given(&fields, "headers") {
            config.headers = headers(&section, context.findings);
        }
    }
    if let Some(section) = given(&fields, "tls_server_config") {
        config.tls = tls::read(&section, http2, context);
    }
    if let Some(section) = given(&fields, "basic_auth_users") {
        config.users = users(&section, context);
    }
    if let Some(section) = given(&fields, "rate_limit") {
        config.rate = rate(&section, context.findings);
    }
    config
}

fn headers(section: &At, findings: &mut Findings) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (ordinal, name, at) in section.entries(findings) {
        let Some((_, values)) = HEADERS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = HEADERS.iter().map(|(name, _)| *name).collect();
            section.unknown(ordinal, name, &known, findings);
            continue;
        };
        if matches!(at.node, Node::Null) {
            continue;
        }
        let Some(value) = text(&at, findings).filter(|value| !value.is_empty()) else {
            continue;
        };
        if !values.is_empty() && !values.contains(&value.as_str()) {
            let message = format!("{} is none of {}", quoted(&value), values.join(", "));
            findings.value(&at, message, "");
            continue;
        }
        match (HeaderName::try_from(name), HeaderValue::from_str(&value)) {
            (Ok(name), Ok(value)) => headers.push((name, value)),
            _ => findings.value(
                &at,
                "this cannot stand in a header",
                "remove line breaks and control characters",
            ),
        }
    }
    headers
}

fn users(section: &At, context: &mut Context) -> Users {
    let mut users = Users::new();
    for (_, name, at) in section.entries(context.findings) {
        // The hash itself is never shown.
        let Node::Text(hash) = at.node else {
            context
                .findings
                .value(&at, "expected a bcrypt hash", "make one with htpasswd -nBC 10 \"\"");
            continue;
        };
        let Ok(parts) = hash.parse::<bcrypt::HashParts>() else {
            let hint = "make one with htpasswd -nBC 10 \"\"; passwords do not stand here";
            context.findings.value(&at, "this is not a bcrypt hash", hint);
            continue;
        };
        if parts.get_cost() > COSTLY {
            let name = quoted(name);
            let note = format!("web configuration: the bcrypt cost of user {name} makes a check take seconds");
            context.notes.push(note);
        }
        users.insert(name.to_owned(), hash.clone());
    }
    users
}

fn rate(section: &At, findings: &mut Findings) -> Option<Rate> {
    let fields = section.fields(&["interval", "burst"], findings);
    let interval = given(&fields, "interval").and_then(|at| duration(&at, findings));
    let burst = given(&fields, "burst").and_then(|at| scalar::count(&at, 0..=i64::from(u32::MAX), findings));
    let interval = interval.filter(|interval| !interval.is_zero())?;
    // With a burst of 0, exporter-toolkit refuses every request; what the user means is one at a time.
    let burst = u32::try_from(burst.unwrap_or(0)).unwrap_or(u32::MAX).max(1);
    Some(Rate::every(interval, burst))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn read(text: &str) -> Result<WebConfig, Vec<Problem>> {
        let bytes = Ok(text.as_bytes().to_vec());
        parse(Path::new("web.yaml"), bytes, &mut WatchedFiles::default()).0
    }

    #[test]
    fn nothing_is_nothing_and_lax_values_are_taken_as_in_go() {
        for text in [
            "",
            "{}",
            "tls_server_config:\nbasic_auth_users:\nrate_limit: {interval: 0}\n",
        ] {
            let live = read(text).unwrap_or_default();
            assert!(
                live.tls.is_none() && live.users.is_empty() && live.rate.is_none(),
                "{text}"
            );
        }
        let live = read(
            "http_server_config:\n  http2: no\n  headers:\n    X-Frame-Options: deny\n    X-XSS-Protection: 1\n    \
             Content-Security-Policy: \"default-src 'self'\"\n    Strict-Transport-Security: \"\"\nrate_limit: {interval: \
             1000000, burst: 0}\n",
        )
        .unwrap_or_default();
        let headers: Vec<_> = live
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        let expected = [
            ("x-frame-options", "deny"),
            ("x-xss-protection", "1"),
            ("content-security-policy", "default-src 'self'"),
        ];
        assert_eq!(headers, expected);
        let interval = Duration::from_millis(1);
        assert_eq!(live.rate, Some(Rate::every(interval, 1)));
    }

    #[test]
    fn what_exporter_toolkit_refuses_is_refused() {
        for (text, part) in [
            ("junk: 1", "unknown field"),
            (
                "tls_server_config: {cert_file: '', key_file: b}",
                "missing one of cert or cert_file",
            ),
            ("tls_server_config: {client_auth_type: Nope}", "is none of"),
            ("tls_server_config: {client_ca: x}", "missing one of cert"),
            ("tls_server_config: {curve_preferences: [CurveP999]}", "is none of"),
            (
                "tls_server_config: {curve_preferences: [CurveP521]}",
                "none of these curves",
            ),
            ("tls_server_config: {max_version: TLS11}", "no version is left"),
            (
                "http_server_config: {headers: {X-Frame-Options: allow}}",
                "is none of deny, sameorigin",
            ),
            (
                "http_server_config: {headers: {X-Content-Type-Options: sniff}}",
                "nosniff",
            ),
            (
                "http_server_config: {headers: {Content-Security-Policy: \"a\\nb\"}}",
                "cannot stand in a header",
            ),
            ("basic_auth_users: {alice: \"$2y$10$short\"}", "not a bcrypt hash"),
            ("rate_limit: {interval: soon, burst: 1}", "not a duration"),
            ("rate_limit: {interval: 1s, burst: -1}", "out of range"),
            ("basic_auth_users: {a: 1, a: 2}", "duplicate"),
        ] {
            let problems = read(text).err().unwrap_or_default();
            let found = problems.iter().any(|problem| problem.to_string().contains(part));
            assert!(found, "{text}: {problems:?}");
        }
    }
}
