//! `lanpulse backup`: copies the database of a running daemon.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::flags::DEFAULT_STORAGE;
use super::output::{finish, say};
use crate::store;

/// What to copy, and where to.
#[derive(Clone, Debug, Args)]
pub struct BackupArgs {
    /// The file to write
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The database file [default: data/lanpulse.db]
    #[arg(long = "storage.path", value_name = "FILE")]
    pub storage_path: Option<PathBuf>,
}

/// Copies the database and checks the copy.
pub(super) fn backup(arguments: &BackupArgs) -> ExitCode {
    let storage = arguments.storage_path.as_deref();
    let copied = store::backup(storage.unwrap_or(Path::new(DEFAULT_STORAGE)), &arguments.file);
    finish(copied.map(|bytes| say(&format!("{}: {bytes} bytes, checked", arguments.file.display()))))
}
