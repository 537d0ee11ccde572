//! The `lanpulse` command: arguments, exit codes.

use std::process::ExitCode;

use clap::Parser;
use lanpulse::cli::{self, Cli, Command, Flags};
use lanpulse::daemon::{self, Options, Place, StartError};

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
        Command::Devices { command, daemon } => cli::devices(&command, &daemon, &cli.flags),
        Command::Snmp { what } => cli::snmp::run(&cli.flags, &what),
        Command::Healthcheck(told) => cli::healthcheck(&told, &cli.flags),
        Command::Ack(told) => cli::acknowledge(&told),
        Command::Alertmanager(told) => cli::alertmanager(&told),
        Command::Heartbeat(command) => cli::heartbeat(&command, &cli.flags),
    }
}

fn run(flags: Flags) -> ExitCode {
    cli::log_to_stderr(flags.log_level, flags.log_format);
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
