//! A mistake in a file, as the user sees it in the log and from `check-config`.

use std::fmt;
use std::path::PathBuf;

/// A mistake: what is wrong, where, and how to correct it.
///
/// It prints as `config/lanpulse.yaml:7:7 targets[1].probes.icmp: unknown field "intervall" (did you mean "interval"?)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as named by the flag or by the file that includes it.
    pub file: PathBuf,
    /// The line, from 1. None if the file could not be read, or if there are too many mistakes to look up each line.
    pub line: Option<usize>,
    /// The character in the line, from 1.
    pub column: Option<usize>,
    /// The path in the tree, as in `targets[1].probes.icmp`; empty for the root.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// How to correct it.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Text from a file for a message: in quotes, at most 80 characters, with control characters escaped, so that a file cannot
/// write lines or terminal sequences into the log.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(80).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// Escapes the control characters of a message that holds text from outside.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            if c.is_control() {
                c.escape_debug().collect()
            } else {
                vec![c]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_much_as_is_known() {
        let mut problem = Problem {
            file: "config/lanpulse.yaml".into(),
            line: Some(7),
            column: Some(9),
            path: "targets[1].probes.icmp".into(),
            message: "unknown field \"intervall\"".into(),
            hint: Some("did you mean \"interval\"?".into()),
        };
        assert_eq!(
            problem.to_string(),
            "config/lanpulse.yaml:7:9 targets[1].probes.icmp: unknown field \"intervall\" (did you mean \"interval\"?)"
        );
        problem.path.clear();
        problem.hint = None;
        assert_eq!(
            problem.to_string(),
            "config/lanpulse.yaml:7:9: unknown field \"intervall\""
        );
        problem.line = None;
        assert_eq!(problem.to_string(), "config/lanpulse.yaml: unknown field \"intervall\"");
    }

    #[test]
    fn text_from_outside_stays_on_one_line() {
        assert_eq!(quoted("a\nb\u{1b}[1m"), "\"a\\nb\\u{1b}[1m\"");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), 83);
        assert_eq!(plain("a\tbü"), "a\\tbü");
    }
}
