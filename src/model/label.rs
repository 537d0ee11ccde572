//! What may stand in a Prometheus label: names by Prometheus's grammar, values made safe once and for all.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest label value we expose, in bytes. A Prometheus with `label_value_length_limit` drops a whole scrape
/// for one value that is longer, and nobody can read a longer one.
pub const LABEL_MAX_BYTES: usize = 2048;

/// Text that is safe as a label value: no control characters, at most [`LABEL_MAX_BYTES`] bytes.
///
/// Every text from outside (config, mDNS, DNS, SNMP) passes through [`LabelValue::new`] before it reaches a metric.
/// Quotes and backslashes stay: the encoder escapes them. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct LabelValue(Arc<str>);

impl LabelValue {
    /// Makes any text safe: control characters (C0, DEL, C1, line and paragraph separators) become U+FFFD, and what
    /// is past [`LABEL_MAX_BYTES`] is cut at a character's end.
    pub fn new(text: &str) -> Self {
        let harmful = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if text.len() <= LABEL_MAX_BYTES && !text.contains(harmful) {
            return Self(text.into());
        }
        let mut safe = String::with_capacity(text.len().min(LABEL_MAX_BYTES));
        for c in text.chars() {
            let c = if harmful(c) { char::REPLACEMENT_CHARACTER } else { c };
            if safe.len() + c.len_utf8() > LABEL_MAX_BYTES {
                break;
            }
            safe.push(c);
        }
        Self(safe.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for LabelValue {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<&str> for LabelValue {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for LabelValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for LabelValue {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Why a user's label name cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelNameProblem {
    /// Not `[a-zA-Z_][a-zA-Z0-9_]*`.
    Grammar,
    /// lanpulse or Prometheus gives this name a meaning of its own.
    Reserved,
}

/// Names that lanpulse puts on its own series, and those that Prometheus sets or reads itself.
const RESERVED: [&str; 25] = [
    "address",
    "agent",
    "class",
    "device",
    "gateway",
    "heartbeat",
    "hostname",
    "instance",
    "interface",
    "job",
    "kind",
    "le",
    "mac",
    "model",
    "parent",
    "phase",
    "probe",
    "quantile",
    "reason",
    "role",
    "site",
    "source",
    "state",
    "status",
    "vendor",
];

/// Whether lanpulse or Prometheus uses this label name itself.
pub fn is_reserved_label(name: &str) -> bool {
    name.starts_with("__") || RESERVED.contains(&name)
}

/// Checks a user's label name.
///
/// # Errors
/// Which of the two rules it breaks.
pub fn check_label_name(name: &str) -> Result<(), LabelNameProblem> {
    let mut bytes = name.bytes();
    let head = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !head || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(LabelNameProblem::Grammar);
    }
    if is_reserved_label(name) {
        return Err(LabelNameProblem::Reserved);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lose_control_characters_and_length() {
        assert_eq!(
            LabelValue::new("plain \"quoted\" \\ text").as_str(),
            "plain \"quoted\" \\ text"
        );
        assert_eq!(
            LabelValue::new("a\nb\r\0\u{85}\u{2028}c").as_str(),
            "a\u{fffd}b\u{fffd}\u{fffd}\u{fffd}\u{fffd}c"
        );
        assert_eq!(LabelValue::new(&"ä".repeat(5000)).as_str().len(), LABEL_MAX_BYTES);
        let odd = LabelValue::new(&format!("x{}", "ä".repeat(5000)));
        assert_eq!(odd.as_str().len(), LABEL_MAX_BYTES - 1, "cut at a character's end");
    }

    #[test]
    fn names_follow_prometheus() {
        assert_eq!(check_label_name("floor_2"), Ok(()));
        for name in ["", "2floor", "fl-oor", "fläche", "a b"] {
            assert_eq!(check_label_name(name), Err(LabelNameProblem::Grammar), "{name}");
        }
        for name in ["device", "instance", "__meta", "le"] {
            assert_eq!(check_label_name(name), Err(LabelNameProblem::Reserved), "{name}");
        }
    }
}
