//! New tokens: `lanpulse api-token` and `lanpulse heartbeat token`.

use std::process::ExitCode;

use ring::rand::{SecureRandom, SystemRandom};
use serde_json::Value;

use super::output::{complain, say};
use crate::model::TokenDigest;
use crate::serve;

/// Random bytes of a heartbeat's token: 128 bits.
const HEARTBEAT_BYTES: usize = 16;

/// Makes an API token of 256 random bits. Prints it with the digest for the configuration.
pub(super) fn api_token() -> ExitCode {
    let Some((token, digest)) = serve::new_token() else {
        complain("lanpulse: the system gives no random numbers");
        return ExitCode::FAILURE;
    };
    say(&format!("token:        {token}\ntoken_sha256: {digest}"));
    ExitCode::SUCCESS
}

/// Makes a token for the heartbeat of this name. Prints it with an example of its configuration and use.
pub(super) fn heartbeat_token(name: &str) -> ExitCode {
    let mut bytes = [0; HEARTBEAT_BYTES];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        complain("lanpulse: this host gives no random numbers");
        return ExitCode::FAILURE;
    }
    let token = hex(&bytes);
    let quoted = Value::from(name);
    say(&format!(
        "The token, shown only this once:\n\n    {token}\n\nlanpulse.yaml keeps its hash:\n\nheartbeats:\n  \
         - name: {quoted}\n    schedule: {{every: 24h}}    # or {{cron: \"0 3 * * *\", tz: Europe/Berlin}}\n    \
         grace: 1h\n    token_sha256: {}\n\nThe job reports with (lanpulse.example is this host):\n\n    \
         curl -fsS -m 10 --retry 5 http://lanpulse.example:10526/ping/{token}",
        TokenDigest::of(token.as_bytes()).to_hex()
    ));
    ExitCode::SUCCESS
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
