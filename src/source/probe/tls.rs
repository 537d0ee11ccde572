//! TLS: a handshake and nothing more (RFC 8446). Whom does the certificate name, who vouches, until when?

use super::attempt::{Attempt, Fault, fault};
use super::tcp::host;
use crate::model::{Address, Phase, TlsProbe};
use crate::net::handshake;

/// Checks once.
pub(super) async fn run(settings: &TlsProbe, address: &Address, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
    let stream = attempt.connect(address, settings.port).await?;
    attempt.enter(Phase::Tls);
    let (outcome, facts) = handshake(&settings.tls, &host(address), stream).await;
    attempt.reading.facts_mut().tls = facts;
    match outcome {
        Ok(_) => Ok(()),
        Err(error) => fault(error.failure(), error.to_string()),
    }
}
