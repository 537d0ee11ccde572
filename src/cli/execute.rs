//! Runs the chosen subcommand.

use std::process::ExitCode;

use super::ack::acknowledge;
use super::alertmanager::alertmanager;
use super::args::Command;
use super::backup::backup;
use super::check_config::check_config;
use super::devices::devices;
use super::flags::Flags;
use super::generate::{completions, man};
use super::healthcheck::healthcheck;
use super::heartbeat::heartbeat;
use super::scan::scan;
use super::snmp::snmp;
use super::token::api_token;

/// Runs a subcommand. `daemon` runs the daemon: it lies above this room.
pub fn execute(command: Command, daemon: fn(Flags) -> ExitCode) -> ExitCode {
    match command {
        Command::Run(flags) => daemon(flags),
        Command::CheckConfig(arguments) => check_config(&arguments),
        Command::Scan(arguments) => scan(&arguments),
        Command::Devices(arguments) => devices(&arguments),
        Command::Snmp(command) => snmp(&command),
        Command::Healthcheck(daemon) => healthcheck(&daemon),
        Command::Heartbeat(command) => heartbeat(&command),
        Command::Backup(arguments) => backup(&arguments),
        Command::Man => man(),
        Command::Completions { shell } => completions(shell),
        Command::ApiToken => api_token(),
        Command::Ack(arguments) => acknowledge(&arguments),
        Command::Alertmanager(command) => alertmanager(&command),
    }
}
