//! What a TCP probe asks.

use serde::{Deserialize, Serialize};

use super::TlsSettings;
use crate::model::Pattern;

/// A TCP connection, and what is said over it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TcpProbe {
    /// The port.
    pub port: u16,
    /// Make a TLS handshake first.
    pub tls: Option<TlsSettings>,
    /// What to send once connected.
    pub send: Option<String>,
    /// What the other side must say before it closes.
    pub expect: Option<Pattern>,
}
