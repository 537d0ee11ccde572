//! `lanpulse heartbeat`: makes tokens, lists heartbeats, and reports for jobs.

use std::process::ExitCode;

use clap::Subcommand;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::Value;

use super::client::{Client, DaemonArgs};
use super::{Flags, complain, report, say};
use crate::model::TokenDigest;

/// Random bytes of a token: 128 bits.
const TOKEN_BYTES: usize = 16;

/// What to do about heartbeats.
#[derive(Clone, Debug, Subcommand)]
pub enum HeartbeatCommand {
    /// Make a token for a heartbeat, and show how to use it
    Token {
        /// The heartbeat's name
        name: String,
    },
    /// List the heartbeats of the running daemon
    List(DaemonArgs),
    /// Report; with a COMMAND: report its start, run it, report its exit code and the end of its output
    Send(report::Send),
}

/// Runs a subcommand.
pub fn run(command: &HeartbeatCommand, flags: &Flags) -> ExitCode {
    match command {
        HeartbeatCommand::Token { name } => token(name),
        HeartbeatCommand::List(told) => list(told, flags),
        HeartbeatCommand::Send(send) => report::run(send),
    }
}

fn token(name: &str) -> ExitCode {
    let mut bytes = [0; TOKEN_BYTES];
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

fn list(told: &DaemonArgs, flags: &Flags) -> ExitCode {
    match told.client(flags).and_then(|client| fetch(&client)) {
        Ok(rows) => {
            for line in table(&rows) {
                say(&line);
            }
            ExitCode::SUCCESS
        }
        Err(problem) => {
            complain(&format!("lanpulse: {problem}"));
            ExitCode::FAILURE
        }
    }
}

fn fetch(client: &Client) -> Result<Vec<Value>, String> {
    let body = client.get("/api/v1/heartbeats")?;
    let mut body: Value = serde_json::from_slice(&body).map_err(|error| format!("the answer is not JSON: {error}"))?;
    match body["heartbeats"].take() {
        Value::Array(rows) => Ok(rows),
        _ => Err(format!("{} does not answer as lanpulse does", client.base())),
    }
}

/// The rows under their titles, in columns.
fn table(rows: &[Value]) -> Vec<String> {
    let text = |row: &Value, key: &str| match &row[key] {
        Value::String(text) => super::plain(text),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let keys = ["name", "state", "last_success", "expected", "deadline"];
    let titles = ["NAME", "STATE", "LAST SUCCESS", "EXPECTED", "DOWN FROM"].map(ToOwned::to_owned);
    let lines: Vec<[String; 5]> = std::iter::once(titles)
        .chain(rows.iter().map(|row| keys.map(|key| text(row, key))))
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3, 4].map(width);
    let pad = |(cell, width): (&String, usize)| format!("{cell:width$}");
    lines
        .iter()
        .map(|line| {
            let cells: Vec<String> = line.iter().zip(widths).map(pad).collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_line_up() {
        let rows = [
            serde_json::json!({"name": "backup", "state": "up", "last_success": "t", "deadline": null}),
            serde_json::json!({"name": "a\u{1b}[2J", "state": "down"}),
        ];
        assert_eq!(
            table(&rows),
            [
                "NAME    STATE  LAST SUCCESS  EXPECTED  DOWN FROM",
                "backup  up     t             -         -",
                "a\u{fffd}[2J   down   -             -         -",
            ]
        );
    }
}
