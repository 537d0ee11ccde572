//! Reads single values: text, durations, shares, numbers, words from a list.
//!
//! Each function gives the value, or adds a finding that says what is wrong with it.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::model::{LABEL_MAX_BYTES, LabelValue, Pretty, parse_duration};

use super::decode::{At, Findings};
use super::node::Node;
use super::problem::{plain, quoted};
use super::suggest;

/// Text. Numbers and booleans are no text: `1.10` would become `1.1`.
pub(crate) fn text<'a>(at: &At<'a>, findings: &mut Findings) -> Option<&'a str> {
    let unquoted = match at.node {
        Node::Text(text) => return Some(text),
        Node::Int(value) => value.to_string(),
        Node::Bool(value) => value.to_string(),
        Node::Float(_) => {
            at.wrong("text", "put it in quotes", findings);
            return None;
        }
        _ => {
            at.wrong("text", "", findings);
            return None;
        }
    };
    let hint = match at.key() {
        Some(key) => format!("write {key}: \"{unquoted}\""),
        None => format!("write \"{unquoted}\""),
    };
    at.wrong("text", &hint, findings);
    None
}

/// Text that becomes a label value.
pub(crate) fn label(at: &At, findings: &mut Findings) -> Option<LabelValue> {
    let text = text(at, findings)?.trim();
    if text.len() > LABEL_MAX_BYTES {
        let message = format!("{} bytes are too long: at most {LABEL_MAX_BYTES}", text.len());
        findings.value(at, message, "");
        return None;
    }
    Some(LabelValue::new(text))
}

/// A name: a label value that is not empty.
pub(crate) fn name(at: &At, findings: &mut Findings) -> Option<LabelValue> {
    let name = label(at, findings)?;
    if name.as_str().is_empty() {
        findings.value(at, "the name is empty", "");
        return None;
    }
    Some(name)
}

/// A duration within limits.
pub(crate) fn duration(at: &At, range: RangeInclusive<Duration>, findings: &mut Findings) -> Option<Duration> {
    let text = match at.node {
        Node::Text(text) => text,
        Node::Int(value) => {
            let example = (*value).clamp(1, 1_000_000);
            at.wrong("a duration", &format!("write the unit, as in {example}s"), findings);
            return None;
        }
        _ => {
            at.wrong("a duration", "write it as in 5s, 1m30s or 250ms", findings);
            return None;
        }
    };
    if text.len() > 64 {
        findings.value(
            at,
            format!("{} is not a duration", quoted(text)),
            "write it as in 5s, 1m30s or 250ms",
        );
        return None;
    }
    let duration = match parse_duration(text) {
        Ok(duration) => duration,
        Err(message) => {
            findings.value(at, plain(&message), "");
            return None;
        }
    };
    if duration < *range.start() || duration > *range.end() {
        let (least, most) = (Pretty(*range.start()), Pretty(*range.end()));
        findings.value(at, format!("{text} is out of range: from {least} to {most}"), "");
        return None;
    }
    Some(duration)
}

/// A share of the whole: `5%`, or a number from 0 to 1.
pub(crate) fn share(at: &At, findings: &mut Findings) -> Option<f64> {
    const HINT: &str = "write a percentage as in 5%, or a number from 0 to 1";
    let number = match at.node {
        Node::Text(text) => match text.strip_suffix('%').map(str::trim_end) {
            // f64 would also accept "inf", "1e3" and "+5".
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
                digits.parse::<f64>().ok().map(|percent| percent / 100.0)
            }
            _ => None,
        },
        Node::Int(value) => Some(*value as f64),
        Node::Float(value) => Some(*value),
        _ => {
            at.wrong("a share", HINT, findings);
            return None;
        }
    };
    let hint = match (at.node, number) {
        (_, Some(share)) if (0.0..=1.0).contains(&share) => return Some(share),
        (Node::Text(text), None) => {
            findings.value(at, format!("{} is not a share", quoted(text)), HINT);
            return None;
        }
        (Node::Text(_), _) => String::new(),
        (_, Some(percent)) if percent > 1.0 && percent <= 100.0 => format!("write {percent}%"),
        _ => HINT.to_owned(),
    };
    findings.value(at, "a share is from 0 to 1, or from 0% to 100%", hint);
    None
}

/// A whole number within limits.
pub(crate) fn count<T: TryFrom<i64> + PartialOrd + Display>(
    at: &At,
    range: RangeInclusive<T>,
    findings: &mut Findings,
) -> Option<T> {
    let Node::Int(value) = at.node else {
        let hint = if matches!(at.node, Node::Text(text) if text.parse::<i64>().is_ok()) {
            "remove the quotes"
        } else {
            ""
        };
        at.wrong("a whole number", hint, findings);
        return None;
    };
    let found = T::try_from(*value).ok().filter(|value| range.contains(value));
    if found.is_none() {
        let message = format!("{value} is out of range: from {} to {}", range.start(), range.end());
        findings.value(at, message, "");
    }
    found
}

/// A size in bytes: `10MiB`, `64KiB`, `1GiB`, or a plain number of bytes.
pub(crate) fn size(at: &At, range: RangeInclusive<u64>, findings: &mut Findings) -> Option<u64> {
    const HINT: &str = "write it as in 10MiB or 64KiB";
    let bytes = match at.node {
        Node::Int(value) => u64::try_from(*value).ok(),
        Node::Text(text) => {
            let units = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];
            units.iter().find_map(|(unit, shift)| {
                let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
                number.checked_mul(1 << shift)
            })
        }
        _ => {
            at.wrong("a size", HINT, findings);
            return None;
        }
    };
    let good = bytes.filter(|bytes| range.contains(bytes));
    if good.is_none() {
        let message = match bytes {
            Some(_) => format!(
                "the size is out of range: from {} to {} bytes",
                range.start(),
                range.end()
            ),
            None => "this is not a size".to_owned(),
        };
        findings.value(at, message, HINT);
    }
    good
}

/// True or false.
pub(crate) fn flag(at: &At, findings: &mut Findings) -> Option<bool> {
    match at.node {
        Node::Bool(value) => Some(*value),
        Node::Text(text) => {
            let hint = match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "true" | "y" => "write true",
                "no" | "off" | "false" | "n" => "write false",
                _ => "",
            };
            at.wrong("true or false", hint, findings);
            None
        }
        _ => {
            at.wrong("true or false", "", findings);
            None
        }
    }
}

/// One of some words.
pub(crate) fn choice<T: Copy>(at: &At, words: &[(&str, T)], findings: &mut Findings) -> Option<T> {
    let text = text(at, findings)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    let list = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    let hint = suggest::hint(text, words.iter().map(|(word, _)| *word), "");
    findings.value(at, format!("{} is none of {list}", quoted(text)), hint);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(text: &str, read: impl Fn(&At, &mut Findings) -> Option<T>) -> Option<T> {
        let node = super::super::syntax::parse(text).unwrap();
        let mut findings = Findings::default();
        let value = read(&At::root(0, &node), &mut findings);
        assert_eq!(value.is_none(), !findings.0.is_empty(), "{text}: silence is consent");
        value
    }

    #[test]
    fn shares_are_percentages_or_ratios() {
        for (text, ratio) in [
            ("5%", Some(0.05)),
            ("0.5 %", Some(0.005)),
            ("100%", Some(1.0)),
            ("0", Some(0.0)),
            ("1", Some(1.0)),
            ("0.05", Some(0.05)),
            ("\"5%\"", Some(0.05)),
            ("1.01", None),
            ("5", None),
            ("100.1%", None),
            ("'%'", None),
            ("+5%", None),
            ("1e1%", None),
            ("-0.1", None),
            (".inf", None),
        ] {
            assert_eq!(read(text, share), ratio, "{text}");
        }
    }

    #[test]
    fn counts_and_flags_are_what_they_look_like() {
        for (text, number) in [
            ("1", Some(1)),
            ("0x10", Some(16)),
            ("0", None),
            ("17", None),
            ("\"5\"", None),
            ("1.0", None),
        ] {
            assert_eq!(read(text, |at, findings| count(at, 1..=16, findings)), number, "{text}");
        }
        for (text, value) in [
            ("true", Some(true)),
            ("False", Some(false)),
            ("yes", None),
            ("1", None),
            ("\"true\"", None),
        ] {
            assert_eq!(read(text, flag), value, "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("10MiB", Some(10 << 20)),
            ("64 KiB", Some(64 << 10)),
            ("512", Some(512)),
            ("5B", Some(5)),
            ("10MB", None),
            ("2GiB", None),
            ("0", None),
            ("-1", None),
            ("99999999999GiB", None),
        ] {
            assert_eq!(
                read(text, |at, findings| size(at, 1..=1 << 30, findings)),
                bytes,
                "{text}"
            );
        }
    }

    #[test]
    fn durations_keep_to_their_range() {
        let range = Duration::from_millis(100)..=Duration::from_secs(60);
        for (text, good) in [
            ("100ms", true),
            ("1m", true),
            ("99ms", false),
            ("1m1s", false),
            ("5", false),
            ("''", false),
        ] {
            assert_eq!(
                read(text, |at, findings| duration(at, range.clone(), findings)).is_some(),
                good,
                "{text}"
            );
        }
    }
}
