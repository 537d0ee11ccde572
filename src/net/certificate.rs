//! When a certificate ends: `notAfter` out of its DER (RFC 5280 section 4.1, ITU-T X.690), and nothing else.
//!
//! The certificate comes from a stranger and is read before it is trusted: every length is checked, nothing is
//! allocated.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::model::Timestamp;

/// Tag and content.
type Element<'a> = (u8, &'a [u8]);

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT Version`
const VERSION: u8 = 0xa0;

/// The end of a certificate's time; `None` where the bytes are no certificate.
pub(super) fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = element(rest, VERSION)?.1;
    }
    let (_, rest) = element(rest, INTEGER)?; // serialNumber
    let (_, rest) = element(rest, SEQUENCE)?; // signature
    let (_, rest) = element(rest, SEQUENCE)?; // issuer
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_, after_not_before) = any(validity)?;
    match any(after_not_before)?.0 {
        (UTC_TIME, text) => time(text, 2),
        (GENERALIZED_TIME, text) => time(text, 4),
        _ => None,
    }
}

/// The content of an element of this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    match any(der)? {
        ((found, content), rest) if found == tag => Some((content, rest)),
        _ => None,
    }
}

/// Tag and content of an element, and what follows it. Definite lengths of up to four bytes, as DER has them.
fn any(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let (bytes, rest) = rest.split_at_checked(count)?;
        (
            bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
            rest,
        )
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some(((tag, content), rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`; years of two digits are 1950 to 2049 (RFC 5280 section 4.1.2.5.1).
fn time(text: &[u8], year_digits: usize) -> Option<Timestamp> {
    let digits = text.strip_suffix(b"Z")?;
    if digits.len() != year_digits + 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |part: &[u8]| {
        part.iter()
            .fold(0_i16, |number, digit| number * 10 + i16::from(digit - b'0'))
    };
    let mut year = number(&digits[..year_digits]);
    if year_digits == 2 {
        year += if year < 50 { 2000 } else { 1900 };
    }
    let part = |index: usize| number(&digits[year_digits + index * 2..year_digits + index * 2 + 2]) as i8;
    let civil = DateTime::new(year, part(0), part(1), part(2), part(3), part(4), 0).ok()?;
    let seconds = civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    u64::try_from(seconds).ok().map(Timestamp::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        if content.len() < 0x80 {
            out.push(content.len() as u8);
        } else {
            out.extend([0x82, (content.len() >> 8) as u8, content.len() as u8]);
        }
        out.extend(content);
        out
    }

    fn certificate(version: bool, end: &[u8]) -> Vec<u8> {
        let validity = [der(UTC_TIME, b"260101000000Z"), end.to_vec()].concat();
        let mut tbs = if version {
            der(VERSION, &der(INTEGER, &[2]))
        } else {
            vec![]
        };
        tbs.extend(der(INTEGER, &[1; 20]));
        tbs.extend(der(SEQUENCE, b""));
        tbs.extend(der(SEQUENCE, &[0x31; 200]));
        tbs.extend(der(SEQUENCE, &validity));
        der(SEQUENCE, &der(SEQUENCE, &tbs))
    }

    #[test]
    fn both_forms_of_time_are_read() {
        for (end, expected) in [
            (der(UTC_TIME, b"261120081500Z"), Some(1_795_162_500)),
            (der(UTC_TIME, b"490101000000Z"), Some(2_493_072_000)),
            (der(GENERALIZED_TIME, b"20500101000000Z"), Some(2_524_608_000)),
            (der(UTC_TIME, b"261320081500Z"), None),
            (der(UTC_TIME, b"2611200815Z"), None),
            (der(UTC_TIME, b"26112008150+0"), None),
            (der(INTEGER, b"261120081500Z"), None),
        ] {
            for version in [true, false] {
                assert_eq!(
                    not_after(&certificate(version, &end)),
                    expected.map(Timestamp::from_secs),
                    "{end:?}"
                );
            }
        }
    }

    #[test]
    fn no_cut_or_broken_certificate_is_read_beyond_its_end() {
        let whole = certificate(true, &der(UTC_TIME, b"261120081500Z"));
        for end in 0..whole.len() {
            assert_eq!(not_after(&whole[..end]), None);
        }
        for at in 0..whole.len() {
            for value in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut broken = whole.clone();
                broken[at] = value;
                let _ = not_after(&broken);
            }
        }
    }
}
