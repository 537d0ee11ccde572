//! Durations as people write them: `5s`, `1m30s`, `2h`, `1d`, `250ms`.

use std::fmt;
use std::time::Duration;

/// Units from long to short, in microseconds.
const UNITS: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// Reads `1d2h3m4s5ms6us`: whole numbers, each unit at most once, long units first.
///
/// # Errors
/// A hint that names what is wrong; the caller knows where.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const HINT: &str = "write a number with a unit, as in 5s, 1m30s, 250ms, 2h, 1d";
    let mut rest = text;
    let mut total: u64 = 0;
    let mut next_unit = 0;
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        if number.is_empty() {
            return Err(format!("\"{text}\" is not a duration: {HINT}"));
        }
        let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, tail) = tail.split_at(letters);
        if unit.is_empty() {
            return Err(format!("\"{text}\" has no unit: {HINT}"));
        }
        let Some(position) = UNITS.iter().position(|(name, _)| *name == unit) else {
            return Err(format!(
                "\"{text}\" has the unknown unit \"{unit}\": use d, h, m, s, ms or us"
            ));
        };
        if position < next_unit {
            return Err(format!(
                "\"{text}\" is not a duration: each unit once, the longest first, as in 1m30s"
            ));
        }
        next_unit = position + 1;
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(UNITS[position].1))
            .and_then(|micros| total.checked_add(micros))
            .ok_or_else(|| format!("\"{text}\" is too long for a duration"))?;
        rest = tail;
    }
    if text.is_empty() {
        return Err(format!("the duration is empty: {HINT}"));
    }
    Ok(Duration::from_micros(total))
}

/// Prints a duration the way [`parse_duration`] reads it, to the microsecond.
pub struct Pretty(pub Duration);

impl fmt::Display for Pretty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_micros() as u64;
        if rest == 0 {
            return f.write_str("0s");
        }
        for (name, micros) in UNITS {
            if rest >= micros {
                write!(f, "{}{name}", rest / micros)?;
                rest %= micros;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        for (text, micros) in [
            ("5s", 5_000_000),
            ("1m30s", 90_000_000),
            ("2h", 7_200_000_000),
            ("1d", 86_400_000_000),
            ("250ms", 250_000),
            ("1s500ms", 1_500_000),
            ("10us", 10),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration.as_micros(), micros, "{text}");
            assert_eq!(Pretty(duration).to_string(), text);
        }
        assert_eq!(parse_duration("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(parse_duration("0").unwrap(), Duration::ZERO);
    }

    #[test]
    fn refuses_with_the_reason() {
        for (text, part) in [
            ("", "empty"),
            ("5", "has no unit"),
            ("s", "is not a duration"),
            ("5 s", "has no unit"),
            ("5sec", "unknown unit \"sec\""),
            ("30s1m", "the longest first"),
            ("1s1s", "each unit once"),
            ("-5s", "is not a duration"),
            ("99999999999999d", "too long"),
            ("1.5s", "has no unit"),
        ] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
