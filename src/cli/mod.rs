//! The command line: flags in the exporters' style, and the subcommands that run beside the daemon or without it.
//!
//! `args` reads the arguments and `execute` runs a subcommand; each subcommand has a file of its own. Those that ask the
//! daemon do so over HTTP, through `client`.

mod ack;
mod alertmanager;
mod args;
mod backup;
mod check_config;
mod client;
mod devices;
mod execute;
mod flags;
mod generate;
mod healthcheck;
mod heartbeat;
mod log;
mod output;
mod render;
mod scan;
mod scan_output;
mod send;
mod snmp;
mod token;

pub use args::{Command, parse};
pub use execute::execute;
pub use flags::{DEFAULT_LISTEN, DEFAULT_STORAGE, Flags};
pub use log::{LogFormat, LogLevel, log_to_stderr};
pub use output::{EXIT_CONFIG, complain, report};
