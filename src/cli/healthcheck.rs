//! `lanpulse healthcheck`: asks a running daemon whether it is healthy. For containers, which have no curl.

use std::process::ExitCode;
use std::time::Duration;

use hyper::Method;

use super::client::{DaemonArgs, wants_tls};
use super::output::finish;
use crate::net::Call;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks `/-/healthy`.
pub(super) fn healthcheck(daemon: &DaemonArgs) -> ExitCode {
    finish(check(daemon))
}

fn check(daemon: &DaemonArgs) -> Result<(), String> {
    let client = daemon.client()?;
    let base = client.base();
    let answer = client.ask(Call::new(Method::GET, format!("{base}/-/healthy"), TIMEOUT))?;
    // A daemon with TLS answers a plain request with an error of its own. That it answers is enough here.
    if answer.status == 200 || wants_tls(&answer) {
        return Ok(());
    }
    Err(format!("{base} is not healthy: status {}", answer.status))
}
