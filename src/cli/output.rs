//! What commands print, and how they end.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use crate::config::Problem;

/// The exit code where the configuration is wrong (sysexits.h: `EX_USAGE`).
pub const EXIT_CONFIG: u8 = 64;

/// Prints a line on stdout. A closed pipe is no reason to fail.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Prints a line on stderr.
pub fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints every problem of a configuration and how many there are.
pub fn report(problems: &[Problem]) {
    for problem in problems {
        complain(&problem.to_string());
    }
    complain(&count(problems.len(), "problem"));
}

/// Success, or the error on stderr and failure.
pub(super) fn finish<E: Display>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("lanpulse: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// A number and its noun: `1 target`, `2 targets`.
pub(super) fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Text of a device or a server, for a terminal: control characters are replaced, so nothing in it moves the cursor.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
