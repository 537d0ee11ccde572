//! The command line: flags in the exporters' style, and the subcommands that need no daemon.

mod ack;
mod client;
mod devices;
mod healthcheck;
mod heartbeat;
mod log;
mod render;
mod report;
mod scan;
pub mod snmp;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::{self, upcoming};
use crate::model::{Heartbeat, Schedule, Timestamp};
use crate::serve;
use crate::store;

pub use heartbeat::HeartbeatCommand;

pub use ack::Ack;
pub use client::DaemonArgs;
pub use devices::DevicesCommand;
pub use log::{LogFormat, LogLevel, log_to_stderr};
pub use scan::{ScanArgs, scan};

/// The configuration is wrong (sysexits.h: `EX_USAGE`).
pub const EXIT_CONFIG: u8 = 64;

/// A Prometheus-native network monitor.
#[derive(Debug, Parser)]
#[command(name = "lanpulse", version, long_version = LONG_VERSION, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of the daemon.
    #[command(flatten)]
    pub flags: Flags,
}

const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision ",
    env!("LANPULSE_REVISION"),
    ", rustc ",
    env!("LANPULSE_RUSTVERSION"),
    ")"
);

/// Flags of the daemon. They may stand before or after the subcommand.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// The configuration file [default: config/lanpulse.yaml, or built-in defaults where there is none]
    #[arg(long = "config.file", value_name = "FILE", global = true)]
    pub config_file: Option<PathBuf>,
    /// The database file
    #[arg(
        long = "storage.path",
        value_name = "FILE",
        default_value = "data/lanpulse.db",
        global = true
    )]
    pub storage_path: PathBuf,
    /// Address to listen on: :PORT, HOST:PORT or [HOST]:PORT; may be repeated
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = ":10526",
        global = true
    )]
    pub listen: Vec<String>,
    /// exporter-toolkit's web configuration: TLS, users, headers, a rate limit [default: none of them]
    #[arg(long = "web.config.file", value_name = "FILE", global = true)]
    pub web_config_file: Option<PathBuf>,
    /// Least severe messages to log
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info", global = true)]
    pub log_level: LogLevel,
    /// How to write log lines
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "text", global = true)]
    pub log_format: LogFormat,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the daemon (the default)
    Run,
    /// Check configuration files and print every problem; exit code 64 if there is one
    CheckConfig {
        /// The files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Find who is on the network, now and without a daemon
    Scan(ScanArgs),
    /// The inventory of the running daemon
    Devices {
        /// What to do
        #[command(subcommand)]
        command: DevicesCommand,
        /// Which daemon
        #[command(flatten)]
        daemon: DaemonArgs,
    },
    /// Ask a device by SNMP, without the daemon
    Snmp {
        /// What to ask
        #[command(subcommand)]
        what: snmp::What,
    },
    /// Ask the running daemon whether it is healthy; exit code 1 if not
    Healthcheck(DaemonArgs),
    /// Make tokens, list heartbeats, report for jobs
    #[command(subcommand)]
    Heartbeat(HeartbeatCommand),
    /// Copy the database to FILE while the daemon runs; an older backup there is replaced
    Backup {
        /// Where to
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
    /// Print completions for a shell
    #[command(hide = true)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Make a new API token and print it with its SHA-256 for the configuration
    ApiToken,
    /// Acknowledge a device: silence its alerts in Alertmanager for a while
    Ack(Ack),
    /// What Alertmanager needs
    #[command(subcommand)]
    Alertmanager(Alertmanager),
}

/// `lanpulse alertmanager ...`.
#[derive(Clone, Debug, Subcommand)]
pub enum Alertmanager {
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

/// `lanpulse check-config`: every problem of every file, the web configuration too where one is named, on stderr; a line
/// for each good file on stdout.
pub fn check_config(files: &[PathBuf], web: Option<&Path>) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    if let Some(web) = web {
        match &serve::check_web(web)[..] {
            [] => say(&format!("{}: ok", web.display())),
            problems => {
                report(problems);
                code = ExitCode::from(EXIT_CONFIG);
            }
        }
    }
    for file in files {
        match config::load(file).result {
            Ok(config) => {
                let targets = count(config.targets.len(), "target");
                let heartbeats = match config.heartbeats.len() {
                    0 => String::new(),
                    n => format!(", {}", count(n, "heartbeat")),
                };
                say(&format!("{}: ok, {targets}{heartbeats}", file.display()));
                config.heartbeats.iter().for_each(|heartbeat| slots(heartbeat));
            }
            Err(problems) => {
                report(&problems);
                code = ExitCode::from(EXIT_CONFIG);
            }
        }
    }
    code
}

/// Prints when a heartbeat with a cron schedule, or with hours, is expected next: in UTC, and in its own zone.
fn slots(heartbeat: &Heartbeat) {
    let zone = match &heartbeat.schedule {
        Schedule::Cron(cron) => cron.zone.clone(),
        Schedule::Every(_) if heartbeat.hours.is_some() => jiff::tz::TimeZone::UTC,
        Schedule::Every(_) => return,
    };
    let now = jiff::Timestamp::now();
    let from = Timestamp::from_micros(u64::try_from(now.as_microsecond()).unwrap_or(0));
    let local = |at: &Timestamp| {
        let at = jiff::Timestamp::from_microsecond(at.micros().cast_signed()).unwrap_or(now);
        let local = at.to_zoned(zone.clone());
        format!("{at:.0} ({})", local.strftime("%a %F %H:%M %Z"))
    };
    let next = upcoming(heartbeat, from, 3);
    let next = match next.len() {
        0 => "never: no slot lies within its hours".to_owned(),
        _ => next.iter().map(local).collect::<Vec<_>>().join(", "),
    };
    say(&format!(
        "  heartbeat {:?} is expected next: {next}",
        heartbeat.name.as_str()
    ));
}

/// `lanpulse heartbeat ...`
pub fn heartbeat(command: &HeartbeatCommand, flags: &Flags) -> ExitCode {
    heartbeat::run(command, flags)
}

/// Prints every problem, and how many there are.
pub fn report(problems: &[config::Problem]) {
    for problem in problems {
        complain(&problem.to_string());
    }
    complain(&count(problems.len(), "problem"));
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// `lanpulse healthcheck`.
pub fn healthcheck(told: &DaemonArgs, flags: &Flags) -> ExitCode {
    finish(healthcheck::run(told, flags))
}

/// `lanpulse devices ...`
pub fn devices(command: &DevicesCommand, told: &DaemonArgs, flags: &Flags) -> ExitCode {
    finish(told.client(flags).and_then(|client| devices::run(&client, command)))
}

/// `lanpulse ack`.
pub fn acknowledge(told: &Ack) -> ExitCode {
    finish(ack::run(told, jiff::Timestamp::now()).map(|said| say(&said)))
}

/// `lanpulse alertmanager ...`.
pub fn alertmanager(told: &Alertmanager) -> ExitCode {
    let Alertmanager::Render {
        template,
        secrets,
        output,
    } = told;
    finish(render::run(template, secrets, output.as_deref()).map(|rendered| {
        for note in &rendered.notes {
            complain(note);
        }
        if output.is_none() {
            say(rendered.text.trim_end());
        }
    }))
}

fn finish<E: std::fmt::Display>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            complain(&format!("lanpulse: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// `lanpulse api-token`: 256 random bits, and what the configuration has of them.
pub fn api_token() -> ExitCode {
    let Some((token, digest)) = serve::new_token() else {
        complain("lanpulse: the system gives no random numbers");
        return ExitCode::FAILURE;
    };
    say(&format!("token:        {token}\ntoken_sha256: {digest}"));
    ExitCode::SUCCESS
}

/// `lanpulse backup`.
pub fn backup(flags: &Flags, file: &Path) -> ExitCode {
    match store::backup(&flags.storage_path, file) {
        Ok(bytes) => {
            say(&format!("{}: {bytes} bytes, checked", file.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("lanpulse: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// `lanpulse man`: the manual page, in roff.
pub fn man() -> ExitCode {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
    if rendered.and_then(|()| std::io::stdout().write_all(&page)).is_err() {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// `lanpulse completions`: for bash, zsh, fish and others.
pub fn completions(shell: clap_complete::Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lanpulse", &mut script);
    match std::io::stdout().write_all(&script) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What others have sent, for a terminal: nothing in it moves the cursor.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// A line on stdout. A closed pipe is no reason to fail.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line on stderr.
pub fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_stand_before_or_after_the_subcommand() {
        for line in [
            ["lanpulse", "--config.file", "a.yaml", "run"],
            ["lanpulse", "run", "--config.file", "a.yaml"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.flags.config_file, Some("a.yaml".into()));
        }
        let cli = Cli::try_parse_from([
            "lanpulse",
            "--web.listen-address",
            ":1",
            "--web.listen-address",
            "[::1]:2",
        ])
        .unwrap();
        assert_eq!(cli.flags.listen, [":1", "[::1]:2"]);
        assert!(cli.command.is_none());
    }
}
