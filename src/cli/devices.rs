//! `lanpulse devices`: the inventory of a running daemon, over its API.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use hyper::Method;
use serde_json::{Value, json};

use super::client::{Client, DaemonArgs};
use super::output::{finish, plain, say};

/// What to do, and which daemon to ask.
#[derive(Clone, Debug, Args)]
pub struct DevicesArgs {
    /// What to do
    #[command(subcommand)]
    pub command: DevicesCommand,
    /// Which daemon
    #[command(flatten)]
    pub daemon: DaemonArgs,
}

/// What to do with the inventory. Devices are given by name or id.
#[derive(Clone, Debug, Subcommand)]
pub enum DevicesCommand {
    /// List the devices
    List {
        /// Only devices with this status: new, approved, ignored or blocked
        #[arg(long)]
        status: Option<String>,
    },
    /// Show everything about one device
    Show {
        /// Its name or id
        device: String,
    },
    /// Mark devices as known and wanted
    Approve {
        /// Names or ids
        #[arg(required = true)]
        devices: Vec<String>,
    },
    /// Neither watch devices nor alert about them
    Ignore {
        /// Names or ids
        #[arg(required = true)]
        devices: Vec<String>,
    },
    /// Alert when devices are on the network
    Block {
        /// Names or ids
        #[arg(required = true)]
        devices: Vec<String>,
    },
    /// Give a device another name
    Rename {
        /// Its name or id
        device: String,
        /// The new name
        name: String,
    },
    /// Print the whole inventory
    Export {
        /// The format
        #[arg(long, default_value = "csv")]
        format: Format,
    },
}

/// The format of an export.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// A header line and a line for each device (RFC 4180)
    Csv,
    /// One JSON object
    Json,
}

/// Runs a subcommand.
pub(super) fn devices(arguments: &DevicesArgs) -> ExitCode {
    finish(
        arguments
            .daemon
            .client()
            .and_then(|client| run(&client, &arguments.command)),
    )
}

fn run(client: &Client, command: &DevicesCommand) -> Result<(), String> {
    match command {
        DevicesCommand::List { status } => list(client, status.as_deref()),
        DevicesCommand::Show { device } => {
            say(&format!("{:#}", find(&fetch(client)?, device)?));
            Ok(())
        }
        DevicesCommand::Approve { devices } => patch(client, devices, &json!({ "status": "approved" })),
        DevicesCommand::Ignore { devices } => patch(client, devices, &json!({ "status": "ignored" })),
        DevicesCommand::Block { devices } => patch(client, devices, &json!({ "status": "blocked" })),
        DevicesCommand::Rename { device, name } => {
            patch(client, std::slice::from_ref(device), &json!({ "name": name }))
        }
        DevicesCommand::Export { format } => {
            let format = match format {
                Format::Csv => "csv",
                Format::Json => "json",
            };
            let body = client.get(&format!("/api/v1/devices?limit=100000&format={format}"))?;
            say(String::from_utf8_lossy(&body).trim_end());
            Ok(())
        }
    }
}

fn list(client: &Client, status: Option<&str>) -> Result<(), String> {
    let devices = fetch(client)?;
    say(&format!(
        "{:>6}  {:24}  {:8}  {:6}  {:15}  {:17}  VENDOR",
        "ID", "NAME", "STATUS", "ONLINE", "ADDRESS", "MAC"
    ));
    for device in &devices {
        if status.is_none_or(|status| device["status"] == *status) {
            say(line(device).trim_end());
        }
    }
    Ok(())
}

fn text(value: &Value) -> String {
    plain(value.as_str().unwrap_or_default())
}

/// A row of the table. Of several current addresses it shows the last.
fn line(device: &Value) -> String {
    let current = |list: &str, key: &str| {
        let bindings = device[list].as_array().into_iter().flatten();
        bindings
            .filter(|binding| binding["current"] == true)
            .map(|binding| text(&binding[key]))
            .next_back()
            .unwrap_or_default()
    };
    let online = if device["online"] == true { "yes" } else { "no" };
    format!(
        "{:>6}  {:24}  {:8}  {online:6}  {:15}  {:17}  {}",
        device["id"],
        text(&device["name"]),
        text(&device["status"]),
        current("addresses", "address"),
        current("macs", "mac"),
        text(&device["vendor"]),
    )
}

/// All devices of the inventory, page by page.
fn fetch(client: &Client) -> Result<Vec<Value>, String> {
    let mut devices = Vec::new();
    loop {
        let body = client.get(&format!("/api/v1/devices?limit=10000&offset={}", devices.len()))?;
        let mut page: Value =
            serde_json::from_slice(&body).map_err(|error| format!("the answer is not JSON: {error}"))?;
        if let Value::Array(page) = page["devices"].take() {
            devices.extend(page);
        }
        if page["next"].is_null() {
            return Ok(devices);
        }
    }
}

/// The device of this name, or else of this id.
fn find<'a>(devices: &'a [Value], device: &str) -> Result<&'a Value, String> {
    let found = devices.iter().find(|row| row["name"] == *device).or_else(|| {
        let id = device.parse::<u64>().ok()?;
        devices.iter().find(|row| row["id"] == id)
    });
    found.ok_or_else(|| format!("there is no device {device:?}"))
}

/// Makes the same change to each device. If one of them does not exist, none is changed.
fn patch(client: &Client, names: &[String], change: &Value) -> Result<(), String> {
    let devices = fetch(client)?;
    let found: Result<Vec<&Value>, String> = names.iter().map(|name| find(&devices, name)).collect();
    for device in found? {
        let path = format!("/api/v1/devices/{}", device["id"]);
        let body = client.send(Method::PATCH, &path, Some(change))?;
        let changed: Value = serde_json::from_slice(&body).unwrap_or_default();
        say(&format!("{}: {}", text(&changed["name"]), text(&changed["status"])));
    }
    Ok(())
}
