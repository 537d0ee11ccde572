//! The flags of the daemon, in the style of Prometheus exporters.

use std::path::PathBuf;

use clap::Args;

use super::log::{LogFormat, LogLevel};

/// Flags of the daemon. They may stand before or after `run`.
///
/// All of them are optional, so that [`Flags::given`] can tell a flag from a default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Flags {
    /// The configuration file [default: config/lanpulse.yaml, or built-in defaults where there is none]
    #[arg(long = "config.file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// The database file [default: data/lanpulse.db]
    #[arg(long = "storage.path", value_name = "FILE")]
    pub storage_path: Option<PathBuf>,
    /// Address to listen on: :PORT, HOST:PORT or [HOST]:PORT; may be repeated [default: :10526]
    #[arg(long = "web.listen-address", value_name = "ADDRESS")]
    pub listen: Vec<String>,
    /// exporter-toolkit's web configuration: TLS, users, headers, a rate limit [default: none of them]
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub web_config_file: Option<PathBuf>,
    /// Least severe messages to log [default: info]
    #[arg(long = "log.level", value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
    /// How to write log lines [default: text]
    #[arg(long = "log.format", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// The database of a daemon without `--storage.path`.
pub const DEFAULT_STORAGE: &str = "data/lanpulse.db";
/// The address of a daemon without `--web.listen-address`.
pub const DEFAULT_LISTEN: &str = ":10526";

impl Flags {
    /// Moves the flags that stand before `run` here. A flag after `run` overrides the same flag before it.
    pub(super) fn inherit(&mut self, outer: &mut Self) {
        inherit(&mut self.config_file, &mut outer.config_file);
        inherit(&mut self.storage_path, &mut outer.storage_path);
        inherit_list(&mut self.listen, &mut outer.listen);
        inherit(&mut self.web_config_file, &mut outer.web_config_file);
        inherit(&mut self.log_level, &mut outer.log_level);
        inherit(&mut self.log_format, &mut outer.log_format);
    }

    /// The names of the flags that are given.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("--config.file", self.config_file.is_some()),
            ("--storage.path", self.storage_path.is_some()),
            ("--web.listen-address", !self.listen.is_empty()),
            ("--web.config.file", self.web_config_file.is_some()),
            ("--log.level", self.log_level.is_some()),
            ("--log.format", self.log_format.is_some()),
        ];
        let given = flags.into_iter().filter(|(_, given)| *given);
        given.map(|(name, _)| name).collect()
    }
}

/// Takes a flag that stands before the subcommand; the same flag after the subcommand overrides it.
pub(super) fn inherit<T>(own: &mut Option<T>, outer: &mut Option<T>) {
    let outer = outer.take();
    if own.is_none() {
        *own = outer;
    }
}

/// The same for a flag that may be repeated.
pub(super) fn inherit_list<T>(own: &mut Vec<T>, outer: &mut Vec<T>) {
    let outer = std::mem::take(outer);
    if own.is_empty() {
        *own = outer;
    }
}
