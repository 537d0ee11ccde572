//! `lanpulse heartbeat`: makes tokens, lists heartbeats, and reports for jobs.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use hyper::Method;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::Value;

use super::{Flags, complain, healthcheck, report, say};
use crate::http::digest;
use crate::net::{Call, call};

/// Random bytes of a token: 128 bits.
const TOKEN_BYTES: usize = 16;
/// How long a running lanpulse may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to do about heartbeats.
#[derive(Clone, Debug, Subcommand)]
pub enum HeartbeatCommand {
    /// Make a token for a heartbeat, and show how to use it
    Token {
        /// The heartbeat's name
        name: String,
    },
    /// List the heartbeats of the running daemon
    List,
    /// Report; with a COMMAND: report its start, run it, report its exit code and the end of its output
    Send(Send),
}

/// What to report, and where.
#[derive(Clone, Debug, Args)]
pub struct Send {
    /// Where to: `http://HOST:10526/ping/TOKEN`, or that of any service that works like healthchecks [default: the
    /// environment's `LANPULSE_HEARTBEAT_URL`, which `ps` does not show]
    #[arg(long)]
    pub url: Option<String>,
    /// File with the URL
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub url_file: Option<PathBuf>,
    /// What to report, without a command
    #[arg(long, value_name = "STATUS", default_value = "ok", conflicts_with = "command")]
    pub status: Status,
    /// Text to go with it, without a command
    #[arg(long, value_name = "TEXT", conflicts_with = "command")]
    pub message: Option<String>,
    /// How often to try again, the pauses doubling from one second
    #[arg(long, value_name = "TIMES", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub retries: u32,
    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// What is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Status {
    Ok,
    Fail,
    Start,
    Log,
}

/// Runs a subcommand.
pub fn run(command: &HeartbeatCommand, flags: &Flags) -> ExitCode {
    match command {
        HeartbeatCommand::Token { name } => token(name),
        HeartbeatCommand::List => list(flags),
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
        hex(&digest(token.as_bytes()))
    ));
    ExitCode::SUCCESS
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn list(flags: &Flags) -> ExitCode {
    match fetch(flags) {
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

fn fetch(flags: &Flags) -> Result<Vec<Value>, String> {
    let listen = flags.listen.first().map_or(":10526", String::as_str);
    let address =
        healthcheck::reachable(listen).ok_or_else(|| format!("{listen:?} is no address to ask: write HOST:PORT"))?;
    let request = Call {
        method: Method::GET,
        url: format!("http://{address}/api/v1/heartbeats"),
        bearer: std::env::var("LANPULSE_TOKEN").ok(),
        body: Vec::new(),
        patience: PATIENCE,
    };
    let answer = report::block_on(call(&request))?.map_err(|error| error.to_string())?;
    if answer.status != 200 {
        return Err(format!("{address} answers with status {}", answer.status));
    }
    let mut body: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    match body["heartbeats"].take() {
        Value::Array(rows) => Ok(rows),
        _ => Err(format!("{address} does not answer as lanpulse does")),
    }
}

/// The rows under their titles, in columns.
fn table(rows: &[Value]) -> Vec<String> {
    let text = |row: &Value, key: &str| match &row[key] {
        // Names are from outside; the terminal is the user's.
        Value::String(text) => text
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect(),
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
