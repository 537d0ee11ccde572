//! `lanpulse heartbeat`: makes tokens, lists the heartbeats of the daemon, and reports for jobs.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;

use super::client::{Client, DaemonArgs};
use super::output::{finish, plain, say};
use super::send::{SendArgs, send};
use super::token::heartbeat_token;

/// `lanpulse heartbeat ...`.
#[derive(Clone, Debug, Subcommand)]
pub enum HeartbeatCommand {
    /// Make a token for a heartbeat, and show how to use it
    Token {
        /// The heartbeat's name
        name: String,
    },
    /// List the heartbeats of the running daemon
    List(DaemonArgs),
    /// Report once; or run COMMAND and report its start, its exit code and the end of its output
    Send(SendArgs),
}

/// Runs a subcommand.
pub(super) fn heartbeat(command: &HeartbeatCommand) -> ExitCode {
    match command {
        HeartbeatCommand::Token { name } => heartbeat_token(name),
        HeartbeatCommand::List(daemon) => finish(list(daemon)),
        HeartbeatCommand::Send(arguments) => send(arguments),
    }
}

fn list(daemon: &DaemonArgs) -> Result<(), String> {
    let rows = fetch(&daemon.client()?)?;
    for line in table(&rows) {
        say(&line);
    }
    Ok(())
}

fn fetch(client: &Client) -> Result<Vec<Value>, String> {
    let body = client.get("/api/v1/heartbeats")?;
    let mut body: Value = serde_json::from_slice(&body).map_err(|error| format!("the answer is not JSON: {error}"))?;
    match body["heartbeats"].take() {
        Value::Array(rows) => Ok(rows),
        _ => Err(format!("{} does not answer as lanpulse does", client.base())),
    }
}

/// The lines of a table with aligned columns.
fn table(rows: &[Value]) -> Vec<String> {
    let text = |row: &Value, key: &str| match &row[key] {
        Value::String(text) => plain(text),
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
