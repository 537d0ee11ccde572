//! TCP: does somebody take the connection, and say what is expected (RFC 9293)?

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::attempt::{Attempt, Fault, fault};
use crate::model::{Address, Failure, Phase, TcpProbe};
use crate::net::{classify, handshake};

/// So much of an answer is looked at, in bytes.
const LIMIT: usize = 64 * 1024;

/// Checks once.
pub(super) async fn run(settings: &TcpProbe, address: &Address, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
    let mut stream = attempt.connect(address, settings.port).await?;
    let Some(tls) = &settings.tls else {
        return talk(settings, &mut stream, attempt).await;
    };
    attempt.enter(Phase::Tls);
    let (outcome, facts) = handshake(tls, &host(address), stream).await;
    attempt.reading.facts_mut().tls = facts;
    match outcome {
        Ok(mut stream) => talk(settings, &mut stream, attempt).await,
        Err(error) => fault(error.failure(), error.to_string()),
    }
}

/// The name a certificate must have, where none is set.
pub(super) fn host(address: &Address) -> String {
    match address {
        Address::Ip(ip) => ip.to_string(),
        Address::Scoped(ip, _) => ip.to_string(),
        Address::Name(name) => name.clone(),
    }
}

async fn talk(
    settings: &TcpProbe,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    attempt: &mut Attempt<'_>,
) -> Result<(), Fault> {
    if settings.send.is_none() && settings.expect.is_none() {
        return Ok(());
    }
    attempt.enter(Phase::Processing);
    let broken = |error: std::io::Error| (classify(&error), error.to_string().into());
    if let Some(text) = &settings.send {
        stream.write_all(text.as_bytes()).await.map_err(broken)?;
        stream.flush().await.map_err(broken)?;
    }
    let Some(pattern) = &settings.expect else { return Ok(()) };
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.map_err(broken)?;
        heard.extend_from_slice(&buffer[..count]);
        if pattern.matches(&heard) {
            return Ok(());
        }
        if count == 0 {
            let text = format!("closed after {} bytes without {:?}", heard.len(), pattern.as_str());
            return fault(Failure::Body, text);
        }
        if heard.len() >= LIMIT {
            let text = format!("{LIMIT} bytes without {:?}", pattern.as_str());
            return fault(Failure::TooLarge, text);
        }
    }
}
