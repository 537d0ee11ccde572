//! `lanpulse healthcheck`: asks a running daemon whether it is healthy, for containers, which have no curl.

use std::time::Duration;

use hyper::Method;

use super::Flags;
use super::client::{DaemonArgs, wants_tls};
use crate::net::Call;

const PATIENCE: Duration = Duration::from_secs(5);

/// Asks.
///
/// # Errors
/// What went wrong, in a line.
pub fn run(told: &DaemonArgs, flags: &Flags) -> Result<(), String> {
    let client = told.client(flags)?;
    let base = client.base();
    let answer = client.ask(Call::new(Method::GET, format!("{base}/-/healthy"), PATIENCE))?;
    // Where TLS is spoken a plain request is told so; that it is told is what we ask for.
    if answer.status == 200 || wants_tls(&answer) {
        return Ok(());
    }
    Err(format!("{base} is not healthy: status {}", answer.status))
}
