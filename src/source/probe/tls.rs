//! TLS: a handshake and nothing more (RFC 8446). Whom does the certificate name, who vouches, until when?

use super::run::{Fault, Run, fault};
use super::tcp::host;
use crate::model::{Address, Phase};
use crate::net::{TlsSettings, handshake};

/// How to check a certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The port.
    pub port: u16,
    /// How to shake hands.
    pub tls: TlsSettings,
}

/// Checks once.
pub(super) async fn run(settings: &Settings, address: &Address, run: &mut Run<'_>) -> Result<(), Fault> {
    let stream = run.connect(address, settings.port).await?;
    run.enter(Phase::Tls);
    let (outcome, facts) = handshake(&settings.tls, &host(address), stream).await;
    run.check.tls = facts;
    match outcome {
        Ok(_) => Ok(()),
        Err(error) => fault(error.failure(), error.to_string()),
    }
}
