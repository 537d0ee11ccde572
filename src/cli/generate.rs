//! `lanpulse man` and `lanpulse completions`: files that packages install.

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;

use super::args::Cli;
use super::output::finish;

/// Prints the manual page, in roff.
pub(super) fn man() -> ExitCode {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
    finish(rendered.and_then(|()| std::io::stdout().write_all(&page)))
}

/// Prints the completions for bash, zsh, fish or another shell.
pub(super) fn completions(shell: clap_complete::Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lanpulse", &mut script);
    finish(std::io::stdout().write_all(&script))
}
