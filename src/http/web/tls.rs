//! `tls_server_config`: certificates, client certificates, versions, cipher suites and curves, made into rustls's form.
//!
//! Owns what each key means in Go's crypto/tls, for that is what the file was made for. Gets the section; gives a
//! `ServerConfig`, findings, and notes on what is taken but has no effect here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{CipherSuite, NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::client::{CLIENT_AUTH, ClientAuth, Verifier};
use super::go::{flag, given, text};
use super::stamp::Stamps;
use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::problem::plain;
use crate::yaml::scalar;

const KEYS: &[&str] = &[
    "cert",
    "key",
    "client_ca",
    "cert_file",
    "key_file",
    "client_auth_type",
    "client_ca_file",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
];

const VERSIONS: [(&str, u8); 4] = [("TLS10", 10), ("TLS11", 11), ("TLS12", 12), ("TLS13", 13)];

/// Go's names, and what they are here. Those with none are CBC suites and suites without forward secrecy, which rustls
/// does not have.
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

/// Go's names of curves. Those with none are not in ring.
const CURVES: [(&str, Option<NamedGroup>); 5] = [
    ("X25519", Some(NamedGroup::X25519)),
    ("CurveP256", Some(NamedGroup::secp256r1)),
    ("CurveP384", Some(NamedGroup::secp384r1)),
    ("CurveP521", None),
    ("X25519MLKEM768", None),
];

/// Where paths start from, and what is gathered on the way.
pub(super) struct Desk<'a> {
    /// The web configuration's directory.
    pub directory: &'a Path,
    /// Every file that is read goes through it.
    pub stamps: &'a mut Stamps,
    /// What is taken but does nothing.
    pub notes: &'a mut Vec<String>,
    /// What is wrong.
    pub findings: &'a mut Findings,
}

/// A PEM text and the key it stands under.
struct Pem<'a> {
    at: At<'a>,
    bytes: Vec<u8>,
}

impl Desk<'_> {
    /// A PEM text, from a file or from the configuration itself; where both are given the file counts, as in Go.
    fn pem<'a>(&mut self, fields: &'a Fields<'a>, name: &str, file: &str) -> Option<Pem<'a>> {
        if let Some(at) = given(fields, file) {
            let path = text(&at, self.findings)?;
            if !path.is_empty() {
                let path: PathBuf = self.directory.join(path);
                return match self.stamps.read(&path) {
                    Ok(bytes) => Some(Pem { at, bytes }),
                    Err(error) => {
                        let message = plain(&format!("cannot read {}: {error}", path.display()));
                        self.findings.value(&at, message, "");
                        None
                    }
                };
            }
        }
        let at = given(fields, name)?;
        let bytes = text(&at, self.findings)?.into_bytes();
        (!bytes.is_empty()).then_some(Pem { at, bytes })
    }
}

/// Reads the section; nothing where TLS is not asked for, or where something is wrong with it.
pub(super) fn read(section: &At, http2: bool, desk: &mut Desk) -> Option<Arc<ServerConfig>> {
    let fields = section.fields(KEYS, desk.findings);
    let before = desk.findings.0.len();
    let auth = given(&fields, "client_auth_type")
        .filter(|at| !matches!(at.node, crate::yaml::node::Node::Text(text) if text.is_empty()))
        .map_or(Some(ClientAuth::None), |at| {
            scalar::choice(&at, &CLIENT_AUTH, desk.findings)
        });
    let versions = versions(&fields, desk.findings);
    let provider = provider(&fields, desk);
    let prefers = given(&fields, "prefer_server_cipher_suites").and_then(|at| flag(&at, desk.findings));
    let allowed = given(&fields, "client_allowed_sans").map(|at| {
        let items: Vec<_> = at.items(desk.findings).map(|item| text(&item, desk.findings)).collect();
        items.into_iter().flatten().collect::<Vec<_>>()
    });
    // What turns TLS on, in exporter-toolkit.
    let filled = |name: &&str| {
        given(&fields, name)
            .is_some_and(|at| !matches!(at.node, crate::yaml::node::Node::Text(text) if text.is_empty()))
    };
    let switches = [
        "cert",
        "cert_file",
        "key",
        "key_file",
        "client_ca",
        "client_ca_file",
        "client_auth_type",
    ];
    if !switches.iter().any(filled) {
        return None;
    }
    for (name, file) in [("cert", "cert_file"), ("key", "key_file")] {
        if !filled(&name) && !filled(&file) {
            let message = format!("missing one of {name} or {file}");
            desk.findings
                .value(section, message, "TLS needs a certificate and its key");
        }
    }
    let certificate = desk.pem(&fields, "cert", "cert_file");
    let key = desk.pem(&fields, "key", "key_file");
    let ca = desk.pem(&fields, "client_ca", "client_ca_file");
    let (chain, key) = (
        certificate.and_then(|pem| chain(&pem, desk)),
        key.and_then(|pem| private_key(&pem, desk)),
    );
    let roots = ca.as_ref().and_then(|pem| roots(pem, desk));
    let auth = auth?;
    policy(section, &fields, auth, ca.is_some(), desk.findings);
    let (chain, key, provider, versions) = (chain?, key?, provider?, versions?);
    if desk.findings.0.len() > before {
        return None;
    }
    let provider = Arc::new(provider);
    let built = build(provider, &versions, chain, key, auth, roots, allowed);
    match built {
        Ok(mut config) => {
            config.ignore_client_order = prefers.unwrap_or(true);
            config.alpn_protocols = if http2 {
                vec![b"h2".to_vec(), b"http/1.1".to_vec()]
            } else {
                vec![b"http/1.1".to_vec()]
            };
            Some(Arc::new(config))
        }
        Err(message) => {
            desk.findings.value(section, plain(&message), "");
            None
        }
    }
}

fn build(
    provider: Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    auth: ClientAuth,
    roots: Option<RootCertStore>,
    allowed: Option<Vec<String>>,
) -> Result<ServerConfig, String> {
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|error| format!("these versions, cipher suites and curves do not go together: {error}"))?;
    let builder = if auth == ClientAuth::None {
        builder.with_no_client_auth()
    } else {
        let verifier = |roots| WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        let chain = match roots {
            Some(roots) if auth.verifies() => {
                Some(verifier(roots).map_err(|error| format!("client_ca is of no use: {error}"))?)
            }
            _ => None,
        };
        builder.with_client_cert_verifier(Arc::new(Verifier {
            auth,
            chain,
            allowed,
            provider,
        }))
    };
    builder
        .with_single_cert(chain, key)
        .map_err(|error| format!("the certificate and its key do not go together: {error}"))
}

/// What exporter-toolkit demands of client certificates, and one thing more: a chain is verified against a CA of one's
/// own, never against all those the system trusts.
fn policy(section: &At, fields: &Fields, auth: ClientAuth, has_ca: bool, findings: &mut Findings) {
    let place = |name: &str| given(fields, name);
    if has_ca && auth == ClientAuth::None {
        let message = "client_ca is given, but client_auth_type asks for no certificate";
        let hint = "write client_auth_type: RequireAndVerifyClientCert";
        findings.value(
            &place("client_ca_file").or(place("client_ca")).unwrap_or(*section),
            message,
            hint,
        );
    }
    if let Some(at) = place("client_allowed_sans").filter(|_| !auth.is_mandatory()) {
        let message = "client_allowed_sans needs a client_auth_type that demands a certificate";
        findings.value(&at, message, "write client_auth_type: RequireAndVerifyClientCert");
    }
    if let Some(at) = place("client_auth_type").filter(|_| auth == ClientAuth::RequireAndVerify && !has_ca) {
        let message = "certificates cannot be verified without client_ca_file or client_ca";
        findings.value(&at, message, "name the CA that signs your clients' certificates");
    }
}

fn versions(fields: &Fields, findings: &mut Findings) -> Option<Vec<&'static SupportedProtocolVersion>> {
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

/// ring, with the suites and curves of the file. The TLS 1.3 suites are always there, as in Go.
fn provider(fields: &Fields, desk: &mut Desk) -> Option<CryptoProvider> {
    let mut provider = ring::default_provider();
    if let Some(at) = given(fields, "cipher_suites") {
        let wanted = list(&at, &SUITES, desk)?;
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
        let wanted = list(&at, &CURVES, desk)?;
        if !wanted.is_empty() {
            let all = std::mem::take(&mut provider.kx_groups);
            let chosen = wanted.into_iter().flatten();
            provider.kx_groups = chosen
                .filter_map(|name| all.iter().find(|group| group.name() == name).copied())
                .collect();
            if provider.kx_groups.is_empty() {
                desk.findings
                    .value(&at, "none of these curves is supported here", "add X25519 or CurveP256");
                return None;
            }
        }
    }
    Some(provider)
}

/// A list of names; those that Go knows and we do not are left out with a note.
fn list<T: Copy>(at: &At, words: &[(&str, Option<T>)], desk: &mut Desk) -> Option<Vec<Option<T>>> {
    let items: Vec<At> = at.items(desk.findings).collect();
    let mut found = Vec::new();
    for item in &items {
        let choice = scalar::choice(item, words, desk.findings);
        if let (Some(None), Ok(name)) = (choice, text(item, &mut Findings::default()).ok_or(())) {
            desk.notes
                .push(format!("web configuration: {name} is not supported here and left out"));
        }
        found.push(choice);
    }
    found.into_iter().collect()
}

fn chain(pem: &Pem, desk: &mut Desk) -> Option<Vec<CertificateDer<'static>>> {
    match CertificateDer::pem_slice_iter(&pem.bytes).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if !chain.is_empty() => return Some(chain),
        Ok(_) => desk.findings.value(
            &pem.at,
            "there is no certificate in it",
            "it must be PEM: -----BEGIN CERTIFICATE-----",
        ),
        Err(error) => desk
            .findings
            .value(&pem.at, plain(&format!("it is not PEM: {error}")), ""),
    }
    None
}

fn private_key(pem: &Pem, desk: &mut Desk) -> Option<PrivateKeyDer<'static>> {
    // The parser's message is left out: nothing of a key belongs into a log.
    let key = PrivateKeyDer::from_pem_slice(&pem.bytes).ok();
    if key.is_none() {
        let hint = "it must be PEM, not encrypted: -----BEGIN PRIVATE KEY-----";
        desk.findings.value(&pem.at, "there is no private key in it", hint);
    }
    key
}

fn roots(pem: &Pem, desk: &mut Desk) -> Option<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in chain(pem, desk)? {
        if let Err(error) = store.add(certificate) {
            desk.findings.value(
                &pem.at,
                plain(&format!("a certificate in it cannot sign others: {error}")),
                "",
            );
            return None;
        }
    }
    Some(store)
}
