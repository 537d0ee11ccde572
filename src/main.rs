//! The `lanpulse` command: arguments, exit codes.

use std::process::ExitCode;

use lanpulse::cli::{self, Flags};
use lanpulse::config;
use lanpulse::daemon::{self, Options, Place, StartError};

fn main() -> ExitCode {
    cli::execute(cli::parse(), run)
}

/// Runs the daemon until it is stopped.
fn run(flags: Flags) -> ExitCode {
    cli::log_to_stderr(
        flags.log_level.unwrap_or_default(),
        flags.log_format.unwrap_or_default(),
    );
    let place = Place {
        named: flags.config_file.is_some(),
        path: flags.config_file.unwrap_or_else(|| config::DEFAULT_PATH.into()),
    };
    let listen = if flags.listen.is_empty() {
        vec![cli::DEFAULT_LISTEN.to_owned()]
    } else {
        flags.listen
    };
    let options = Options {
        place,
        storage: flags.storage_path.unwrap_or_else(|| cli::DEFAULT_STORAGE.into()),
        listen,
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
