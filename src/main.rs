//! The `lanpulse` command: arguments, log set-up, exit codes.

use std::process::ExitCode;

use clap::Parser;
use lanpulse::cli::{self, Cli, Command, Flags, LogFormat};
use lanpulse::daemon::{self, Options, Place, StartError};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.unwrap_or(Command::Run) {
        Command::Run => run(cli.flags),
        Command::CheckConfig { files } => cli::check_config(&files, cli.flags.web_config_file.as_deref()),
        Command::Backup { file } => cli::backup(&cli.flags, &file),
        Command::Man => cli::man(),
        Command::Completions { shell } => cli::completions(shell),
        Command::ApiToken => cli::api_token(),
        Command::Scan(scan) => cli::scan(&scan),
        Command::Devices { command } => {
            cli::devices(cli.flags.listen.first().map_or(":10526", String::as_str), &command)
        }
        Command::Snmp { what } => cli::snmp::run(&cli.flags, &what),
        Command::Healthcheck => cli::healthcheck(&cli.flags),
        Command::Ack(told) => cli::acknowledge(&told),
        Command::Alertmanager(told) => cli::alertmanager(&told),
        Command::Heartbeat(command) => cli::heartbeat(&command, &cli.flags),
    }
}

fn run(flags: Flags) -> ExitCode {
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::new(flags.log_level.filter()))
        .with_target(false);
    match flags.log_format {
        LogFormat::Text => log
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    let place = Place {
        named: flags.config_file.is_some(),
        path: flags.config_file.unwrap_or_else(|| "config/lanpulse.yaml".into()),
    };
    let options = Options {
        place,
        storage: flags.storage_path,
        listen: flags.listen,
        web: flags.web_config_file,
    };
    match daemon::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(StartError::Config(problems)) => {
            cli::report(&problems);
            ExitCode::from(cli::EXIT_CONFIG)
        }
        Err(error) => {
            cli::complain(&format!("lanpulse: {error}"));
            ExitCode::FAILURE
        }
    }
}
