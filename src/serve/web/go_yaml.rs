//! Single values as Go's YAML reader accepts them. It is laxer than ours, and the web configuration was made for it.

use std::time::Duration;

use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::node::Node;
use crate::yaml::scalar;

/// A field, unless it is missing or null: Go's reader takes both for the default.
pub(super) fn given<'a>(fields: &'a Fields<'a>, name: &str) -> Option<At<'a>> {
    fields.get(name).filter(|at| !matches!(at.node, Node::Null))
}

/// Text; numbers and flags too, as in Go.
pub(super) fn text(at: &At, findings: &mut Findings) -> Option<String> {
    match at.node {
        Node::Int(value) => Some(value.to_string()),
        Node::Bool(value) => Some(value.to_string()),
        _ => scalar::text(at, findings).map(ToOwned::to_owned),
    }
}

/// True or false, in every spelling of YAML 1.1.
pub(super) fn flag(at: &At, findings: &mut Findings) -> Option<bool> {
    if let Node::Text(word) = at.node {
        match word.to_ascii_lowercase().as_str() {
            "y" | "yes" | "on" => return Some(true),
            "n" | "no" | "off" => return Some(false),
            _ => {}
        }
    }
    scalar::flag(at, findings)
}

/// A duration as Go writes it (`1m30s`, `1.5s`, `100ms`); a bare number is nanoseconds.
pub(super) fn duration(at: &At, findings: &mut Findings) -> Option<Duration> {
    let parsed = match at.node {
        Node::Int(nanos) => u64::try_from(*nanos).ok().map(Duration::from_nanos),
        Node::Text(text) => parse_duration(text),
        _ => None,
    };
    if parsed.is_none() {
        findings.value(at, "this is not a duration", "write it as in 1s, 500ms or 1m30s");
    }
    parsed
}

fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() || rest.len() > 64 {
        return None;
    }
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let seconds = match &rest[..unit] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        sum = sum.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = &rest[unit..];
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_in_go() {
        for (text, expected) in [
            ("0", Some(0.0)),
            ("1s", Some(1.0)),
            ("1m1.5s", Some(61.5)),
            ("100ms", Some(0.1)),
            (".5h", Some(1800.0)),
            ("+2us", Some(2e-6)),
            ("3µs", Some(3e-6)),
            ("7ns", Some(7e-9)),
            ("1", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1d", None),
            ("1s1", None),
            ("1..5s", None),
            ("99999999999999999999h", None),
        ] {
            let seconds = parse_duration(text).map(|duration| duration.as_secs_f64());
            assert_eq!(seconds, expected, "{text}");
        }
    }
}
