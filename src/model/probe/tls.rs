//! What a TLS probe asks, how a TLS connection is made, and what a handshake tells.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// A TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsProbe {
    /// The port.
    pub port: u16,
    /// How to make the connection.
    pub tls: TlsSettings,
}

/// How to make a TLS connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSettings {
    /// The name the certificate must have (and SNI asks for), where it is not the target's.
    pub server_name: Option<String>,
    /// Accept any certificate.
    pub insecure: bool,
    /// PEM file of the certificates to trust in place of the host's.
    pub ca_file: Option<PathBuf>,
    /// PEM file of the certificate chain to present.
    pub cert_file: Option<PathBuf>,
    /// PEM file of its key. Read at each handshake, so a renewed key needs no reload.
    pub key_file: Option<PathBuf>,
}

/// What a TLS handshake showed, whether or not it was trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// The earliest `notAfter` (RFC 5280) of the certificates presented; absent where none could be read.
    pub earliest_expiry: Option<Timestamp>,
    /// The protocol, as in `TLS 1.3`; absent where the handshake did not end well.
    pub version: Option<Arc<str>>,
    /// The cipher suite, by its IANA name.
    pub cipher: Option<Arc<str>>,
}
