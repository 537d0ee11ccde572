//! `lanpulse devices`: the inventory of a running daemon, over its API on this host.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{complain, healthcheck, say};

const PATIENCE: Duration = Duration::from_secs(30);
/// The largest answer taken: an inventory of 200,000 devices.
const MAX_ANSWER: u64 = 512 << 20;

/// What to do with the inventory. A device is named by its name or its id.
#[derive(Clone, Debug, Subcommand)]
pub enum DevicesCommand {
    /// List the devices
    List {
        /// Only those of this status: new, approved, ignored or blocked
        #[arg(long)]
        status: Option<String>,
    },
    /// Everything about one device
    Show {
        /// Its name or id
        device: String,
    },
    /// It belongs here
    Approve {
        /// Names or ids
        #[arg(required = true)]
        devices: Vec<String>,
    },
    /// Neither watch it nor tell of it
    Ignore {
        /// Names or ids
        #[arg(required = true)]
        devices: Vec<String>,
    },
    /// It must not be here: its presence alerts
    Block {
        /// Names or ids
        #[arg(required = true)]
        devices: Vec<String>,
    },
    /// Give it another name
    Rename {
        /// Its name or id
        device: String,
        /// The new name
        name: String,
    },
    /// The whole inventory on stdout
    Export {
        /// How
        #[arg(long, default_value = "csv")]
        format: Format,
    },
}

/// How to export.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// A header line and a line for each device (RFC 4180)
    Csv,
    /// One JSON object
    Json,
}

/// Does it, at the address the daemon was told to listen on.
pub fn devices(listen: &str, command: &DevicesCommand) -> ExitCode {
    match run(listen, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            complain(&format!("lanpulse: {problem}"));
            ExitCode::FAILURE
        }
    }
}

fn run(listen: &str, command: &DevicesCommand) -> Result<(), String> {
    match command {
        DevicesCommand::List { status } => {
            let all = all(listen)?;
            say(&format!(
                "{:>6}  {:24}  {:8}  {:6}  {:15}  {:17}  VENDOR",
                "ID", "NAME", "STATUS", "ONLINE", "ADDRESS", "MAC"
            ));
            for device in all
                .iter()
                .filter(|device| status.as_ref().is_none_or(|status| device["status"] == **status))
            {
                say(line(device).trim_end());
            }
        }
        DevicesCommand::Show { device } => say(&format!("{:#}", find(&all(listen)?, device)?)),
        DevicesCommand::Approve { devices } => each(listen, devices, &json!({ "status": "approved" }))?,
        DevicesCommand::Ignore { devices } => each(listen, devices, &json!({ "status": "ignored" }))?,
        DevicesCommand::Block { devices } => each(listen, devices, &json!({ "status": "blocked" }))?,
        DevicesCommand::Rename { device, name } => {
            each(listen, std::slice::from_ref(device), &json!({ "name": name }))?;
        }
        DevicesCommand::Export { format } => {
            let format = match format {
                Format::Csv => "csv",
                Format::Json => "json",
            };
            let body = request(
                listen,
                "GET",
                &format!("/api/v1/devices?limit=100000&format={format}"),
                None,
            )?;
            say(body.trim_end());
        }
    }
    Ok(())
}

/// What others have sent must not move the cursor.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn line(device: &Value) -> String {
    let current = |list: &str, key: &str| {
        let all = device[list].as_array().into_iter().flatten();
        all.filter(|seen| seen["current"] == true)
            .map(|seen| plain(&seen[key]))
            .next_back()
            .unwrap_or_default()
    };
    let online = if device["online"] == true { "yes" } else { "no" };
    format!(
        "{:>6}  {:24}  {:8}  {online:6}  {:15}  {:17}  {}",
        device["id"],
        plain(&device["name"]),
        plain(&device["status"]),
        current("addresses", "address"),
        current("macs", "mac"),
        plain(&device["vendor"]),
    )
}

fn all(listen: &str) -> Result<Vec<Value>, String> {
    let mut all = Vec::new();
    loop {
        let body = request(
            listen,
            "GET",
            &format!("/api/v1/devices?limit=10000&offset={}", all.len()),
            None,
        )?;
        let mut page: Value =
            serde_json::from_str(&body).map_err(|error| format!("the answer is not JSON: {error}"))?;
        if let Value::Array(devices) = page["devices"].take() {
            all.extend(devices);
        }
        if page["next"].is_null() {
            return Ok(all);
        }
    }
}

fn find<'a>(all: &'a [Value], device: &str) -> Result<&'a Value, String> {
    let found = all.iter().find(|row| row["name"] == *device).or_else(|| {
        let id = device.parse::<u64>().ok()?;
        all.iter().find(|row| row["id"] == id)
    });
    found.ok_or_else(|| format!("there is no device {device:?}"))
}

fn each(listen: &str, devices: &[String], change: &Value) -> Result<(), String> {
    let all = all(listen)?;
    // All of them are there before any is changed.
    let ids: Result<Vec<&Value>, String> = devices.iter().map(|device| find(&all, device)).collect();
    for device in ids? {
        let body = request(
            listen,
            "PATCH",
            &format!("/api/v1/devices/{}", device["id"]),
            Some(change),
        )?;
        let changed: Value = serde_json::from_str(&body).unwrap_or_default();
        say(&format!("{}: {}", plain(&changed["name"]), plain(&changed["status"])));
    }
    Ok(())
}

/// One request; an answer that is no success is an error in the server's words.
fn request(listen: &str, method: &str, path: &str, body: Option<&Value>) -> Result<String, String> {
    let address =
        healthcheck::reachable(listen).ok_or_else(|| format!("{listen:?} is no address to ask: write HOST:PORT"))?;
    let failed = |error: std::io::Error| format!("lanpulse does not answer at {address}: {error}");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let body = body.map(ToString::to_string).unwrap_or_default();
    let kind = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/json\r\n"
    };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{kind}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).map_err(failed)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| format!("no HTTP from {address}"))?;
    if head.starts_with("HTTP/1.1 2") {
        return Ok(body.to_owned());
    }
    let error: Value = serde_json::from_str(body).unwrap_or_default();
    let message = error["error"]["message"].as_str();
    Err(message
        .unwrap_or_else(|| head.lines().next().unwrap_or("no answer"))
        .to_owned())
}
