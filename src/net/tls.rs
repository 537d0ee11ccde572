//! TLS as a client (RFC 8446, RFC 5246), by rustls with ring.
//!
//! 1. The chain that the server presents is recorded before it is verified, so that its expiry is known even where it is
//!    not trusted.
//! 2. The roots are those of the CA file if one is given, else the host's, else (in a container without any) Mozilla's.
//! 3. A certificate that is itself in the CA file is trusted, even if it is no CA certificate: that is how people pin the
//!    self-signed certificate of a printer. Its name and time are still checked.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as RustlsError, RootCertStore, SignatureScheme,
};

use super::connect::classify;
use crate::model::{Failure, Timestamp, TlsFacts, TlsSettings};
use crate::wire::certificate::not_after;

/// Why there is no TLS connection.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of this host that cannot be used.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it; never holds its content.
        reason: String,
    },
    /// No name or address that a certificate can have.
    #[error("{0:?} is no server name")]
    Name(String),
    /// The handshake failed.
    #[error("{0}")]
    Handshake(std::io::Error),
}

impl TlsError {
    /// The reason it counts under.
    pub fn failure(&self) -> Failure {
        match self {
            Self::File { .. } => Failure::Denied,
            Self::Name(_) => Failure::Tls,
            Self::Handshake(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<RustlsError>()) {
                Some(RustlsError::InvalidCertificate(why)) => match why {
                    CertificateError::Expired
                    | CertificateError::ExpiredContext { .. }
                    | CertificateError::NotValidYet
                    | CertificateError::NotValidYetContext { .. } => Failure::CertificateExpired,
                    _ => Failure::CertificateUntrusted,
                },
                Some(_) => Failure::Tls,
                None => match classify(error) {
                    Failure::Protocol => Failure::Tls,
                    other => other,
                },
            },
        }
    }
}

/// Makes a TLS connection over a stream. `host` is the name to check where the settings give none. The facts are there even
/// if it fails; they are absent only where the server presented no certificate.
pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    settings: &TlsSettings,
    host: &str,
    stream: S,
) -> (Result<TlsStream<S>, TlsError>, Option<TlsFacts>) {
    let seen = Seen::default();
    let outcome = attempt(settings, host, stream, &seen).await;
    let mut facts = seen.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Ok(stream), Some(facts)) = (&outcome, &mut facts) {
        let (_, connection) = stream.get_ref();
        facts.version = connection.protocol_version().map(|version| match version.as_str() {
            Some("TLSv1_2") => "TLS 1.2".into(),
            Some("TLSv1_3") => "TLS 1.3".into(),
            other => other.unwrap_or("unknown").into(),
        });
        facts.cipher = connection
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .map(|name| name.replace("TLS13_", "TLS_").into());
    }
    (outcome, facts)
}

async fn attempt<S: AsyncRead + AsyncWrite + Unpin>(
    settings: &TlsSettings,
    host: &str,
    stream: S,
    seen: &Seen,
) -> Result<TlsStream<S>, TlsError> {
    let name = settings.server_name.as_deref().unwrap_or(host);
    let bare = name.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let server = ServerName::try_from(bare.to_owned()).map_err(|_| TlsError::Name(bare.to_owned()))?;
    let config = client_config(settings, seen)?;
    TlsConnector::from(Arc::new(config))
        .connect(server, stream)
        .await
        .map_err(TlsError::Handshake)
}

fn client_config(settings: &TlsSettings, seen: &Seen) -> Result<ClientConfig, TlsError> {
    let provider = provider();
    let (roots, pinned) = match &settings.ca_file {
        Some(path) => own_roots(path)?,
        None => (host_roots(), Vec::new()),
    };
    let webpki = if settings.insecure {
        None
    } else {
        WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
            .build()
            .ok()
    };
    let verifier = Verifier {
        provider: provider.clone(),
        webpki,
        insecure: settings.insecure,
        pinned,
        seen: seen.clone(),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Handshake(std::io::Error::other(error)))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let (Some(certificate), Some(key)) = (&settings.cert_file, &settings.key_file) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| file(key, &error))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| file(certificate, &error))
}

fn file(path: &Path, reason: &impl std::fmt::Display) -> TlsError {
    TlsError::File {
        path: path.display().to_string(),
        reason: reason.to_string(),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let list: Vec<CertificateDer> = read.map_err(|error| file(path, &error))?;
    if list.is_empty() {
        return Err(file(path, &"no certificate in it"));
    }
    Ok(list)
}

/// Rules 2 and 3: the roots of the CA file, and its certificates. One that webpki refuses as a root may still be pinned.
fn own_roots(path: &Path) -> Result<(Arc<RootCertStore>, Vec<CertificateDer<'static>>), TlsError> {
    let pinned = certificates(path)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(pinned.iter().cloned());
    Ok((Arc::new(roots), pinned))
}

/// Rule 2: the roots of this host. They are read once, because that takes tens of milliseconds.
fn host_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    ROOTS
        .get_or_init(|| {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
            Arc::new(roots)
        })
        .clone()
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(ring::default_provider())).clone()
}

/// The facts about the chain that the server presented.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Option<TlsFacts>>>);

/// Verifies a server.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    webpki: Option<Arc<WebPkiServerVerifier>>,
    insecure: bool,
    pinned: Vec<CertificateDer<'static>>,
    seen: Seen,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        // Rule 1.
        let chain = std::iter::once(end_entity).chain(intermediates);
        let facts = TlsFacts {
            earliest_expiry: chain.filter_map(|certificate| not_after(certificate)).min(),
            version: None,
            cipher: None,
        };
        *self.seen.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
        if self.insecure {
            return Ok(ServerCertVerified::assertion());
        }
        // Rule 3.
        if self.pinned.iter().any(|pinned| **pinned == **end_entity) {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            let end = not_after(end_entity).ok_or(CertificateError::BadEncoding)?;
            if end < Timestamp::from_secs(now.as_secs()) {
                return Err(CertificateError::Expired.into());
            }
            return Ok(ServerCertVerified::assertion());
        }
        match &self.webpki {
            Some(webpki) => webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_reason() {
        let of = |error: RustlsError| TlsError::Handshake(std::io::Error::other(error)).failure();
        assert_eq!(of(CertificateError::Expired.into()), Failure::CertificateExpired);
        assert_eq!(of(CertificateError::NotValidYet.into()), Failure::CertificateExpired);
        assert_eq!(
            of(CertificateError::UnknownIssuer.into()),
            Failure::CertificateUntrusted
        );
        assert_eq!(
            of(CertificateError::NotValidForName.into()),
            Failure::CertificateUntrusted
        );
        assert_eq!(of(RustlsError::HandshakeNotComplete), Failure::Tls);
        let early = std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "eof");
        assert_eq!(TlsError::Handshake(early).failure(), Failure::Tls);
    }

    #[tokio::test]
    async fn a_missing_file_is_trouble_of_this_host_and_is_named() {
        let settings = TlsSettings {
            ca_file: Some("/nonexistent/ca.pem".into()),
            ..TlsSettings::default()
        };
        let (stream, _other) = tokio::io::duplex(64);
        let (outcome, facts) = handshake(&settings, "nas.lan", stream).await;
        let error = outcome.err().unwrap();
        assert_eq!(error.failure(), Failure::Denied);
        assert!(error.to_string().contains("/nonexistent/ca.pem"), "{error}");
        assert_eq!(facts, None);
    }
}
