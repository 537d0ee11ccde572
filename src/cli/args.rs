//! The command line: which subcommands there are, and which flags act on which of them.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::ack::AckArgs;
use super::alertmanager::AlertmanagerCommand;
use super::backup::BackupArgs;
use super::check_config::CheckConfigArgs;
use super::client::DaemonArgs;
use super::devices::DevicesArgs;
use super::flags::{Flags, inherit, inherit_list};
use super::heartbeat::HeartbeatCommand;
use super::scan::ScanArgs;
use super::snmp::SnmpCommand;

/// A Prometheus-native network monitor.
#[derive(Debug, Parser)]
#[command(name = "lanpulse", version, long_version = LONG_VERSION, about, max_term_width = 100)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Option<Command>,
    /// Flags of the daemon.
    #[command(flatten)]
    flags: Flags,
}

const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision ",
    env!("LANPULSE_REVISION"),
    ", rustc ",
    env!("LANPULSE_RUSTVERSION"),
    ")"
);

/// The subcommands, each with the flags that act on it.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the daemon (the default)
    Run(Flags),
    /// Check configuration files and print every problem; exit code 64 if there is one
    CheckConfig(CheckConfigArgs),
    /// Find who is on the network, now and without a daemon
    Scan(ScanArgs),
    /// Show and change the inventory of the running daemon
    Devices(DevicesArgs),
    /// Ask a device by SNMP, without the daemon
    #[command(subcommand)]
    Snmp(SnmpCommand),
    /// Ask the running daemon whether it is healthy; exit code 1 if not
    Healthcheck(DaemonArgs),
    /// Make tokens, list heartbeats, and report for jobs
    #[command(subcommand)]
    Heartbeat(HeartbeatCommand),
    /// Copy the database to FILE while the daemon runs; an older backup of that name is replaced
    Backup(BackupArgs),
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
    Ack(AckArgs),
    /// Make the configuration of Alertmanager
    #[command(subcommand)]
    Alertmanager(AlertmanagerCommand),
}

/// Parses the arguments of this process. Ends the process after `--help` and `--version`, and with exit code 2 on a
/// mistake.
pub fn parse() -> Command {
    parse_from(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

/// Parses arguments, the name of the program first.
///
/// Flags of the daemon may also stand before a subcommand that uses them. A flag that the subcommand does not use is an
/// error: it would be without effect.
fn parse_from<T: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = T>) -> Result<Command, clap::Error> {
    let matches = Cli::command().try_get_matches_from(arguments)?;
    let name = matches.subcommand_name().unwrap_or("run").to_owned();
    let Cli { command, mut flags } = Cli::from_arg_matches(&matches)?;
    let mut command = command.unwrap_or_else(|| Command::Run(Flags::default()));
    command.inherit(&mut flags);
    match flags.given().first() {
        None => Ok(command),
        Some(flag) => {
            let message = format!("'{flag}' has no effect on 'lanpulse {name}'");
            Err(Cli::command().error(ErrorKind::ArgumentConflict, message))
        }
    }
}

impl Command {
    /// Takes from the flags before the subcommand those that it uses.
    fn inherit(&mut self, outer: &mut Flags) {
        match self {
            Self::Run(flags) => flags.inherit(outer),
            Self::CheckConfig(arguments) => inherit(&mut arguments.web_config_file, &mut outer.web_config_file),
            Self::Scan(arguments) => inherit(&mut arguments.config_file, &mut outer.config_file),
            Self::Snmp(SnmpCommand::Walk(arguments)) => inherit(&mut arguments.config_file, &mut outer.config_file),
            Self::Backup(arguments) => inherit(&mut arguments.storage_path, &mut outer.storage_path),
            Self::Devices(DevicesArgs { daemon, .. })
            | Self::Healthcheck(daemon)
            | Self::Heartbeat(HeartbeatCommand::List(daemon))
                if daemon.url.is_none() =>
            {
                inherit_list(&mut daemon.listen, &mut outer.listen);
            }
            Self::Devices(_)
            | Self::Healthcheck(_)
            | Self::Heartbeat(_)
            | Self::Man
            | Self::Completions { .. }
            | Self::ApiToken
            | Self::Ack(_)
            | Self::Alertmanager(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse_from(["lanpulse"].into_iter().chain(line.split_whitespace())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_of_the_daemon_stand_before_or_after_run() {
        for line in [
            "--config.file a.yaml",
            "--config.file a.yaml run",
            "run --config.file a.yaml",
            "--config.file b.yaml run --config.file a.yaml",
        ] {
            let Command::Run(flags) = parsed(line).unwrap() else {
                panic!("{line}")
            };
            assert_eq!(flags.config_file, Some("a.yaml".into()), "{line}");
            assert_eq!(flags.given(), ["--config.file"], "{line}");
        }
        let Command::Run(flags) =
            parsed("--web.listen-address :1 --web.listen-address [::1]:2 --log.level debug").unwrap()
        else {
            panic!()
        };
        assert_eq!(flags.listen, [":1", "[::1]:2"]);
        assert_eq!(flags.given(), ["--web.listen-address", "--log.level"]);
    }

    #[test]
    fn each_flag_is_used_or_refused() {
        const FLAGS: [&str; 6] = [
            "--config.file",
            "--storage.path",
            "--web.listen-address",
            "--web.config.file",
            "--log.level",
            "--log.format",
        ];
        let all = FLAGS.map(|flag| {
            let value = match flag {
                "--log.level" => "warn",
                "--log.format" => "json",
                _ => "x",
            };
            (flag, value)
        });
        for (command, uses) in [
            ("run", &FLAGS[..]),
            ("check-config a.yaml", &["--web.config.file"]),
            ("scan", &["--config.file"]),
            ("devices list", &["--web.listen-address"]),
            ("snmp walk nas --credentials public", &["--config.file"]),
            ("healthcheck", &["--web.listen-address"]),
            ("heartbeat token nas", &[]),
            ("heartbeat list", &["--web.listen-address"]),
            ("heartbeat send", &[]),
            ("backup copy.db", &["--storage.path"]),
            ("man", &[]),
            ("completions bash", &[]),
            ("api-token", &[]),
            ("ack nas", &[]),
            ("alertmanager render", &[]),
        ] {
            assert!(parsed(command).is_ok(), "{command}");
            for (flag, value) in all {
                let lines = [
                    format!("{flag} {value} {command}"),
                    format!("{command} {flag} {value}"),
                    format!("{command} {flag}={value}"),
                ];
                for line in lines {
                    let used = uses.contains(&flag);
                    match parsed(&line) {
                        Ok(_) => assert!(used, "accepted without effect: {line}"),
                        Err(error) => assert!(!used && error.contains(flag), "{line}: {error}"),
                    }
                }
            }
        }
    }

    #[test]
    fn flags_before_the_subcommand_reach_it() {
        let Ok(Command::Scan(scan)) = parsed("--config.file a.yaml scan") else {
            panic!()
        };
        assert_eq!(scan.config_file, Some("a.yaml".into()));
        let Ok(Command::Backup(backup)) = parsed("--storage.path a.db backup b.db --storage.path c.db") else {
            panic!()
        };
        assert_eq!(
            backup.storage_path,
            Some("c.db".into()),
            "the flag after the subcommand wins"
        );
        let Ok(Command::Devices(devices)) = parsed("--web.listen-address :1 devices list") else {
            panic!()
        };
        assert_eq!(devices.daemon.listen, [":1"]);
        for line in [
            "--web.listen-address :1 healthcheck --url http://nas.lan",
            "devices list --url http://nas.lan --web.listen-address :1",
        ] {
            assert!(parsed(line).is_err(), "--url says where the daemon is: {line}");
        }
    }
}
