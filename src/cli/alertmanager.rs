//! `lanpulse alertmanager`: makes the configuration of Alertmanager.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::output::{complain, finish, say};
use super::render;

/// `lanpulse alertmanager ...`.
#[derive(Clone, Debug, Subcommand)]
pub enum AlertmanagerCommand {
    /// Write a configuration with the receivers that have a secret; explained in alertmanager/alertmanager.yml
    Render {
        /// The template: a configuration with all receivers
        #[arg(value_name = "TEMPLATE", default_value = "alertmanager/alertmanager.yml")]
        template: PathBuf,
        /// The directory with a file for each secret
        #[arg(long, value_name = "DIRECTORY", default_value = "alertmanager/secrets")]
        secrets: PathBuf,
        /// The file to write [default: standard output]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// Runs a subcommand.
pub(super) fn alertmanager(command: &AlertmanagerCommand) -> ExitCode {
    let AlertmanagerCommand::Render {
        template,
        secrets,
        output,
    } = command;
    finish(render::run(template, secrets, output.as_deref()).map(|rendered| {
        for note in &rendered.notes {
            complain(note);
        }
        if output.is_none() {
            say(rendered.text.trim_end());
        }
    }))
}
