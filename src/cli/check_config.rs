//! `lanpulse check-config`: prints every problem of configuration files.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output::{EXIT_CONFIG, count, report, say};
use crate::config::{self, upcoming};
use crate::model::{Heartbeat, Schedule, Timestamp};
use crate::net::wall_clock;
use crate::serve;

/// What to check.
#[derive(Clone, Debug, Args)]
pub struct CheckConfigArgs {
    /// The files to check
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// A web configuration to check as well
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub web_config_file: Option<PathBuf>,
}

/// Checks all files. Problems go to stderr, a line for each good file to stdout.
pub(super) fn check_config(arguments: &CheckConfigArgs) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    if let Some(web) = &arguments.web_config_file {
        match &serve::check_web(web)[..] {
            [] => say(&format!("{}: ok", web.display())),
            problems => {
                report(problems);
                code = ExitCode::from(EXIT_CONFIG);
            }
        }
    }
    for file in &arguments.files {
        match config::load(file).result {
            Ok(config) => {
                let targets = count(config.targets.len(), "target");
                let heartbeats = match config.heartbeats.len() {
                    0 => String::new(),
                    n => format!(", {}", count(n, "heartbeat")),
                };
                say(&format!("{}: ok, {targets}{heartbeats}", file.display()));
                config.heartbeats.iter().for_each(|heartbeat| print_slots(heartbeat));
            }
            Err(problems) => {
                report(&problems);
                code = ExitCode::from(EXIT_CONFIG);
            }
        }
    }
    code
}

/// Prints the next three times at which a heartbeat is expected, in UTC and in its own time zone. Does nothing unless it
/// has a cron schedule or hours.
fn print_slots(heartbeat: &Heartbeat) {
    let zone = match &heartbeat.schedule {
        Schedule::Cron(cron) => cron.zone.clone(),
        Schedule::Every(_) if heartbeat.hours.is_some() => jiff::tz::TimeZone::UTC,
        Schedule::Every(_) => return,
    };
    let from = wall_clock();
    let shown = |at: &Timestamp| {
        let utc = jiff::Timestamp::from_microsecond(at.micros().cast_signed()).unwrap_or_default();
        let local = utc.to_zoned(zone.clone());
        format!("{utc:.0} ({})", local.strftime("%a %F %H:%M %Z"))
    };
    let next = upcoming(heartbeat, from, 3);
    let next = if next.is_empty() {
        "never: no slot lies within its hours".to_owned()
    } else {
        next.iter().map(shown).collect::<Vec<_>>().join(", ")
    };
    say(&format!(
        "  heartbeat {:?} is expected next: {next}",
        heartbeat.name.as_str()
    ));
}
