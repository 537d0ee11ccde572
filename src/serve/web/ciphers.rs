//! TLS versions, cipher suites and curves by their names in Go, and what rustls calls them.

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{CipherSuite, NamedGroup, SupportedProtocolVersion};

use super::go_yaml::{given, text};
use super::pem::Context;
use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::scalar;

const VERSIONS: [(&str, u8); 4] = [("TLS10", 10), ("TLS11", 11), ("TLS12", 12), ("TLS13", 13)];

/// Go's names of cipher suites, and rustls's. rustls has no CBC suites and none without forward secrecy.
const SUITES: [(&str, Option<CipherSuite>); 22] = [
    ("TLS_AES_128_GCM_SHA256", Some(CipherSuite::TLS13_AES_128_GCM_SHA256)),
    ("TLS_AES_256_GCM_SHA384", Some(CipherSuite::TLS13_AES_256_GCM_SHA384)),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", None),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", None),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", None),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", None),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", None),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", None),
    ("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", None),
    ("TLS_RSA_WITH_AES_128_CBC_SHA", None),
    ("TLS_RSA_WITH_AES_256_CBC_SHA", None),
    ("TLS_RSA_WITH_AES_128_CBC_SHA256", None),
    ("TLS_RSA_WITH_AES_128_GCM_SHA256", None),
    ("TLS_RSA_WITH_AES_256_GCM_SHA384", None),
    ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", None),
];

/// Go's names of curves, and rustls's. ring lacks two of them.
const CURVES: [(&str, Option<NamedGroup>); 5] = [
    ("X25519", Some(NamedGroup::X25519)),
    ("CurveP256", Some(NamedGroup::secp256r1)),
    ("CurveP384", Some(NamedGroup::secp384r1)),
    ("CurveP521", None),
    ("X25519MLKEM768", None),
];

/// The versions from `min_version` to `max_version` that are spoken here; none if there is a mistake.
pub(super) fn versions(fields: &Fields, findings: &mut Findings) -> Option<Vec<&'static SupportedProtocolVersion>> {
    let mut read = |name, default| match given(fields, name) {
        Some(at) => scalar::choice(&at, &VERSIONS, findings),
        None => Some(default),
    };
    let (least, most) = (read("min_version", 12)?, read("max_version", 13)?);
    let versions: Vec<_> = [(13, &TLS13), (12, &TLS12)]
        .into_iter()
        .filter(|(version, _)| (least..=most).contains(version))
        .map(|(_, version)| version)
        .collect();
    if versions.is_empty() {
        let at = given(fields, "max_version").or(given(fields, "min_version"))?;
        findings.value(
            &at,
            "no version is left: TLS 1.2 and 1.3 are spoken here",
            "write max_version: TLS13",
        );
        return None;
    }
    Some(versions)
}

/// ring with the cipher suites and curves of the file. The suites of TLS 1.3 are always there, as in Go.
pub(super) fn provider(fields: &Fields, context: &mut Context) -> Option<CryptoProvider> {
    let mut provider = ring::default_provider();
    if let Some(at) = given(fields, "cipher_suites") {
        let wanted = list(&at, &SUITES, context)?;
        if !wanted.is_empty() {
            let all = std::mem::take(&mut provider.cipher_suites);
            let (modern, older): (Vec<_>, Vec<_>) = all.into_iter().partition(|suite| suite.tls13().is_some());
            provider.cipher_suites = modern;
            let chosen = wanted.into_iter().flatten();
            provider
                .cipher_suites
                .extend(chosen.filter_map(|name| older.iter().find(|suite| suite.suite() == name)));
        }
    }
    if let Some(at) = given(fields, "curve_preferences") {
        let wanted = list(&at, &CURVES, context)?;
        if !wanted.is_empty() {
            let all = std::mem::take(&mut provider.kx_groups);
            let chosen = wanted.into_iter().flatten();
            provider.kx_groups = chosen
                .filter_map(|name| all.iter().find(|group| group.name() == name).copied())
                .collect();
            if provider.kx_groups.is_empty() {
                context
                    .findings
                    .value(&at, "none of these curves is supported here", "add X25519 or CurveP256");
                return None;
            }
        }
    }
    Some(provider)
}

/// A list of names. Names that only Go knows are left out, with a note.
fn list<T: Copy>(at: &At, words: &[(&str, Option<T>)], context: &mut Context) -> Option<Vec<Option<T>>> {
    let items: Vec<At> = at.items(context.findings).collect();
    let mut found = Vec::new();
    for item in &items {
        let choice = scalar::choice(item, words, context.findings);
        if let (Some(None), Ok(name)) = (choice, text(item, &mut Findings::default()).ok_or(())) {
            context
                .notes
                .push(format!("web configuration: {name} is not supported here and left out"));
        }
        found.push(choice);
    }
    found.into_iter().collect()
}
