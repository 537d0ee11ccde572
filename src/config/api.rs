//! The section `api`: API tokens and their scopes.
//!
//! The configuration never contains a token itself, only its digest, or the file or environment variable that holds it.

use std::collections::HashMap;
use std::path::Path;

use crate::secret::TokenDigest;
use crate::serve::{Scope, Settings, Token, TokenSource};

use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::node::Node;
use crate::yaml::scalar;

const SCOPES: [(&str, Scope); 2] = [("read", Scope::Read), ("write", Scope::Write)];
const SECRETS: [&str; 3] = ["token_sha256", "token_file", "token_env"];

/// Reads `api`. Paths are relative to `base`.
pub(super) fn api(main: &Fields, base: &Path, findings: &mut Findings) -> Settings {
    let mut settings = Settings::default();
    let Some(section) = main.get("api") else {
        return settings;
    };
    let fields = section.fields(&["tokens"], findings);
    let Some(list) = fields.get("tokens") else {
        return settings;
    };
    let mut seen = HashMap::new();
    for item in list.items(findings) {
        let known = &["name", "scopes", "token_sha256", "token_file", "token_env"];
        let fields = item.fields(known, findings);
        let name_at = fields.require("name", "give it a name for the audit", findings);
        let name = name_at.and_then(|at| scalar::name(&at, findings).map(|name| (at.place(), name)));
        let scopes = fields.require("scopes", "write scopes: [read] or [read, write]", findings);
        let scopes = scopes.map(|at| scopes_of(&at, findings));
        let secret = secret(&item, &fields, base, findings);
        let Some((place, name)) = name else { continue };
        if let Some(first) = seen.insert(name.clone(), place.clone()) {
            let message = format!("duplicate token name {:?}, already used at", name.as_str());
            findings.twice(place, first, message);
        }
        if let (Some(scopes), Some(secret)) = (scopes, secret) {
            settings.tokens.push(Token {
                name: name.as_str().to_owned(),
                scopes,
                secret,
            });
        }
    }
    settings
}

fn scopes_of(at: &At, findings: &mut Findings) -> Vec<Scope> {
    let items: Vec<At> = at.items(findings).collect();
    let scopes: Vec<Scope> = items
        .iter()
        .filter_map(|item| scalar::choice(item, &SCOPES, findings))
        .collect();
    if matches!(at.node, Node::Null) || matches!(at.node, Node::List(list) if list.is_empty()) {
        findings.value(
            at,
            "a token without a scope may do nothing",
            "write scopes: [read] or [read, write]",
        );
    }
    scopes
}

fn secret(item: &At, fields: &Fields, base: &Path, findings: &mut Findings) -> Option<TokenSource> {
    let given: Vec<&str> = SECRETS
        .into_iter()
        .filter(|name| fields.ordinal(name).is_some())
        .collect();
    let [name] = given[..] else {
        let message = "expected one of token_sha256, token_file and token_env";
        findings.value(item, message, "lanpulse api-token makes a token and its token_sha256");
        return None;
    };
    let at = fields.get(name)?;
    // The error does not quote the value: somebody may have written the token itself here.
    let Node::Text(text) = at.node else {
        findings.value(&at, "expected text", "put it in quotes");
        return None;
    };
    match name {
        "token_sha256" => {
            let digest = TokenDigest::from_hex(text);
            if digest.is_none() {
                let hint =
                    "64 hexadecimal digits, as lanpulse api-token prints them; the token itself does not stand here";
                findings.value(&at, "this is not a SHA-256", hint);
            }
            digest.map(TokenSource::Sha256)
        }
        _ if text.trim().is_empty() => {
            findings.value(&at, "the name is empty", "");
            None
        }
        "token_file" => Some(TokenSource::File(base.join(text))),
        _ => Some(TokenSource::Env(text.clone())),
    }
}
