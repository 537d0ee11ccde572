//! `tls_server_config`: certificates, client certificates, versions, cipher suites and curves, made into rustls's form.
//!
//! Owns the meaning of each key, which is that of Go's crypto/tls, since the file was made for it. Gets the section;
//! gives a `ServerConfig`, findings, and notes on settings that are accepted but have no effect here.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::ciphers::{provider, versions};
use super::client_auth::{CLIENT_AUTH, ClientAuth, Verifier};
use super::go_yaml::{flag, given, text};
use super::pem::{Context, chain, private_key, roots};
use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::node::Node;
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

/// The keys that turn TLS on, as in exporter-toolkit.
const SWITCHES: [&str; 7] = [
    "cert",
    "cert_file",
    "key",
    "key_file",
    "client_ca",
    "client_ca_file",
    "client_auth_type",
];

/// Reads the section; none if it does not turn TLS on, or has a mistake.
pub(super) fn read(section: &At, http2: bool, context: &mut Context) -> Option<Arc<ServerConfig>> {
    let fields = section.fields(KEYS, context.findings);
    let before = context.findings.0.len();
    let auth = client_auth(&fields, context.findings);
    let versions = versions(&fields, context.findings);
    let provider = provider(&fields, context);
    let prefers = given(&fields, "prefer_server_cipher_suites").and_then(|at| flag(&at, context.findings));
    let allowed = given(&fields, "client_allowed_sans").map(|at| {
        let items: Vec<_> = at
            .items(context.findings)
            .map(|item| text(&item, context.findings))
            .collect();
        items.into_iter().flatten().collect::<Vec<_>>()
    });
    if !SWITCHES.iter().any(|name| is_filled(&fields, name)) {
        return None;
    }
    for (name, file) in [("cert", "cert_file"), ("key", "key_file")] {
        if !is_filled(&fields, name) && !is_filled(&fields, file) {
            let message = format!("missing one of {name} or {file}");
            let hint = "TLS needs a certificate and its key";
            context.findings.value(section, message, hint);
        }
    }
    let certificate = context.pem(&fields, "cert", "cert_file");
    let key = context.pem(&fields, "key", "key_file");
    let ca = context.pem(&fields, "client_ca", "client_ca_file");
    let chain = certificate.and_then(|pem| chain(&pem, context));
    let key = key.and_then(|pem| private_key(&pem, context));
    let roots = ca.as_ref().and_then(|pem| roots(pem, context));
    let auth = auth?;
    policy(section, &fields, auth, ca.is_some(), context.findings);
    let (chain, key, provider, versions) = (chain?, key?, provider?, versions?);
    if context.findings.0.len() > before {
        return None;
    }
    let clients = Clients { auth, roots, allowed };
    match build(Arc::new(provider), &versions, chain, key, clients) {
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
            context.findings.value(section, plain(&message), "");
            None
        }
    }
}

/// Whether a key has a value that is not empty text.
fn is_filled(fields: &Fields, name: &str) -> bool {
    given(fields, name).is_some_and(|at| !matches!(at.node, Node::Text(text) if text.is_empty()))
}

fn client_auth(fields: &Fields, findings: &mut Findings) -> Option<ClientAuth> {
    if !is_filled(fields, "client_auth_type") {
        return Some(ClientAuth::None);
    }
    given(fields, "client_auth_type").and_then(|at| scalar::choice(&at, &CLIENT_AUTH, findings))
}

/// Which clients are accepted.
struct Clients {
    auth: ClientAuth,
    roots: Option<RootCertStore>,
    allowed: Option<Vec<String>>,
}

fn build(
    provider: Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clients: Clients,
) -> Result<ServerConfig, String> {
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|error| format!("these versions, cipher suites and curves do not go together: {error}"))?;
    let Clients { auth, roots, allowed } = clients;
    let builder = if auth.asks() {
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
    } else {
        builder.with_no_client_auth()
    };
    builder
        .with_single_cert(chain, key)
        .map_err(|error| format!("the certificate and its key do not go together: {error}"))
}

/// What exporter-toolkit demands of the keys about client certificates, and one thing more: chains are checked against a
/// CA of the user's, never against all CAs that the system trusts.
fn policy(section: &At, fields: &Fields, auth: ClientAuth, has_ca: bool, findings: &mut Findings) {
    let place = |name: &str| given(fields, name);
    if has_ca && !auth.asks() {
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
    if let Some(at) = place("client_auth_type").filter(|_| auth.is_mandatory() && auth.verifies() && !has_ca) {
        let message = "certificates cannot be verified without client_ca_file or client_ca";
        findings.value(&at, message, "name the CA that signs your clients' certificates");
    }
}
