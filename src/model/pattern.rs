//! A regular expression over bytes, compared by its text so that a reload can tell whether it changed.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// The size a compiled expression may have, in bytes.
const LIMIT: usize = 1 << 20;

/// A regular expression, as RE2 and Prometheus write it. Matching takes time linear in the text, whatever it is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles it; `^` and `$` match at lines.
    ///
    /// # Errors
    /// What is wrong with the expression, in one line.
    pub fn new(text: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(text).multi_line(true).size_limit(LIMIT).build();
        let regex = regex.map_err(|error| {
            let error = error.to_string();
            let last = error.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            last.trim().trim_start_matches("error: ").to_owned()
        })?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }

    /// Whether it matches anywhere.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        self.regex.is_match(bytes)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_bytes_and_says_what_is_wrong() {
        assert!(Pattern::new("^SSH-2").unwrap().matches(b"\xff\nSSH-2.0-x"));
        assert!(!Pattern::new("^SSH-2$").unwrap().matches(b"SSH-2.0"));
        assert_eq!(Pattern::new("a(").unwrap_err(), "unclosed group");
        assert!(Pattern::new(r"\w{1000}{1000}").is_err(), "no bombs");
    }
}
