//! `lanpulse devices`: the inventory of a running daemon, over its API.

use clap::{Subcommand, ValueEnum};
use hyper::Method;
use serde_json::{Value, json};

use super::client::Client;
use super::say;

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

/// Does it.
///
/// # Errors
/// What went wrong, in a line.
pub fn run(client: &Client, command: &DevicesCommand) -> Result<(), String> {
    match command {
        DevicesCommand::List { status } => {
            let all = all(client)?;
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
        DevicesCommand::Show { device } => say(&format!("{:#}", find(&all(client)?, device)?)),
        DevicesCommand::Approve { devices } => each(client, devices, &json!({ "status": "approved" }))?,
        DevicesCommand::Ignore { devices } => each(client, devices, &json!({ "status": "ignored" }))?,
        DevicesCommand::Block { devices } => each(client, devices, &json!({ "status": "blocked" }))?,
        DevicesCommand::Rename { device, name } => {
            each(client, std::slice::from_ref(device), &json!({ "name": name }))?;
        }
        DevicesCommand::Export { format } => {
            let format = match format {
                Format::Csv => "csv",
                Format::Json => "json",
            };
            let body = client.get(&format!("/api/v1/devices?limit=100000&format={format}"))?;
            say(String::from_utf8_lossy(&body).trim_end());
        }
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    super::plain(value.as_str().unwrap_or_default())
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

fn all(client: &Client) -> Result<Vec<Value>, String> {
    let mut all = Vec::new();
    loop {
        let body = client.get(&format!("/api/v1/devices?limit=10000&offset={}", all.len()))?;
        let mut page: Value =
            serde_json::from_slice(&body).map_err(|error| format!("the answer is not JSON: {error}"))?;
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

fn each(client: &Client, devices: &[String], change: &Value) -> Result<(), String> {
    let all = all(client)?;
    // All of them are there before any is changed.
    let ids: Result<Vec<&Value>, String> = devices.iter().map(|device| find(&all, device)).collect();
    for device in ids? {
        let body = client.send(
            Method::PATCH,
            &format!("/api/v1/devices/{}", device["id"]),
            Some(change),
        )?;
        let changed: Value = serde_json::from_slice(&body).unwrap_or_default();
        say(&format!("{}: {}", plain(&changed["name"]), plain(&changed["status"])));
    }
    Ok(())
}
