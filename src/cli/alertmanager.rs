//! `lanpulse alertmanager`: what Alertmanager needs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::output::{complain, finish, say};
use super::render;

/// `lanpulse alertmanager ...`.
#[derive(Clone, Debug, Subcommand)]
pub enum AlertmanagerCommand {
    /// Write the configuration that fits the secrets there are; explained in alertmanager/alertmanager.yml
    Render {
        /// The configuration with all receivers in it
        #[arg(value_name = "TEMPLATE", default_value = "alertmanager/alertmanager.yml")]
        template: PathBuf,
        /// The directory with a file for each secret
        #[arg(long, value_name = "DIRECTORY", default_value = "alertmanager/secrets")]
        secrets: PathBuf,
        /// Where to write it [default: standard output]
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
