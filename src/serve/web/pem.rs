//! PEM texts: certificates and keys, from files or from the web configuration itself.

use std::path::{Path, PathBuf};

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::go_yaml::{given, text};
use super::watched::WatchedFiles;
use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::problem::plain;

/// What reading the file needs, and what it gathers on the way.
pub(super) struct Context<'a> {
    /// The web configuration's directory, where relative paths start.
    pub directory: &'a Path,
    /// The files that were read.
    pub files: &'a mut WatchedFiles,
    /// Settings that are accepted but have no effect here.
    pub notes: &'a mut Vec<String>,
    /// Mistakes.
    pub findings: &'a mut Findings,
}

/// A PEM text, and where in the file it is or is named.
pub(super) struct Pem<'a> {
    at: At<'a>,
    bytes: Vec<u8>,
}

impl Context<'_> {
    /// A PEM text, from a file or from the configuration itself. If both are given the file counts, as in Go.
    pub fn pem<'a>(&mut self, fields: &'a Fields<'a>, name: &str, file: &str) -> Option<Pem<'a>> {
        if let Some(at) = given(fields, file) {
            let path = text(&at, self.findings)?;
            if !path.is_empty() {
                let path: PathBuf = self.directory.join(path);
                return match self.files.read(&path) {
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

/// The certificates, of which the first is the server's own.
pub(super) fn chain(pem: &Pem, context: &mut Context) -> Option<Vec<CertificateDer<'static>>> {
    match CertificateDer::pem_slice_iter(&pem.bytes).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if !chain.is_empty() => return Some(chain),
        Ok(_) => context.findings.value(
            &pem.at,
            "there is no certificate in it",
            "it must be PEM: -----BEGIN CERTIFICATE-----",
        ),
        Err(error) => context
            .findings
            .value(&pem.at, plain(&format!("it is not PEM: {error}")), ""),
    }
    None
}

/// The private key.
pub(super) fn private_key(pem: &Pem, context: &mut Context) -> Option<PrivateKeyDer<'static>> {
    // The parser's message is left out, since it could show a part of the key.
    let key = PrivateKeyDer::from_pem_slice(&pem.bytes).ok();
    if key.is_none() {
        let hint = "it must be PEM, not encrypted: -----BEGIN PRIVATE KEY-----";
        context.findings.value(&pem.at, "there is no private key in it", hint);
    }
    key
}

/// The certificate authorities.
pub(super) fn roots(pem: &Pem, context: &mut Context) -> Option<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in chain(pem, context)? {
        if let Err(error) = store.add(certificate) {
            context.findings.value(
                &pem.at,
                plain(&format!("a certificate in it cannot sign others: {error}")),
                "",
            );
            return None;
        }
    }
    Some(store)
}
