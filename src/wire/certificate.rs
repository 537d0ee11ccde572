//! Two facts out of a certificate (RFC 5280 section 4.1): when it ends, and whom it names.
//!
//! Certificates are read before they are trusted: every length is checked and nothing is copied but the names.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::der::{INTEGER, Reader, SEQUENCE};
use crate::model::Timestamp;

const BOOLEAN: u8 = 0x01;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT Version` of `TBSCertificate`.
const VERSION: u8 = 0xa0;
/// `[3] EXPLICIT Extensions` of `TBSCertificate`.
const EXTENSIONS: u8 = 0xa3;
/// id-ce-subjectAltName, 2.5.29.17.
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// The most names that are read; no honest certificate has more.
const MOST_NAMES: usize = 1000;

/// `TBSCertificate`, the part that is signed.
fn signed_part(certificate: &[u8]) -> Option<Reader<'_>> {
    let certificate = Reader(certificate).expect(SEQUENCE)?;
    Some(Reader(Reader(certificate).expect(SEQUENCE)?))
}

/// `notAfter` of a certificate in DER; `None` where the bytes are no certificate.
pub fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let mut fields = signed_part(certificate)?;
    fields.skip(VERSION);
    fields.expect(INTEGER)?; // serialNumber
    fields.expect(SEQUENCE)?; // signature
    fields.expect(SEQUENCE)?; // issuer
    let mut validity = Reader(fields.expect(SEQUENCE)?);
    validity.next()?; // notBefore
    match validity.next()? {
        (UTC_TIME, text) => time(text, 2),
        (GENERALIZED_TIME, text) => time(text, 4),
        _ => None,
    }
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

/// The subject alternative names of a certificate in DER (RFC 5280 section 4.2.1.6): DNS names, mail addresses, URIs and
/// IP addresses, as text. Empty where it has none, `None` where it is malformed.
pub fn alternative_names(certificate: &[u8]) -> Option<Vec<String>> {
    let mut fields = signed_part(certificate)?;
    while let Some((tag, content)) = fields.next() {
        if tag != EXTENSIONS {
            continue;
        }
        let mut extensions = Reader(Reader(content).expect(SEQUENCE)?);
        while let Some(extension) = extensions.expect(SEQUENCE) {
            let mut extension = Reader(extension);
            if extension.expect(OID)? != ALTERNATIVE_NAME {
                continue;
            }
            extension.skip(BOOLEAN); // critical
            return names(Reader(extension.expect(OCTETS)?).expect(SEQUENCE)?);
        }
    }
    Some(Vec::new())
}

/// `GeneralNames`.
fn names(list: &[u8]) -> Option<Vec<String>> {
    let mut list = Reader(list);
    let mut found = Vec::new();
    while !list.is_empty() && found.len() < MOST_NAMES {
        let (tag, content) = list.next()?;
        match tag {
            // rfc822Name, dNSName, uniformResourceIdentifier: IA5String
            0x81 | 0x82 | 0x86 if content.is_ascii() => {
                found.push(String::from_utf8_lossy(content).into_owned());
            }
            0x87 => match content.len() {
                4 => found.push(Ipv4Addr::from(<[u8; 4]>::try_from(content).ok()?).to_string()),
                // Go, and so exporter-toolkit, writes an IPv4-mapped address as IPv4.
                16 => {
                    let ip = Ipv6Addr::from(<[u8; 16]>::try_from(content).ok()?);
                    found.push(ip.to_canonical().to_string());
                }
                _ => return None,
            },
            _ => {}
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// A certificate that ends then, with or without its version.
    fn ending(version: bool, end: &[u8]) -> Vec<u8> {
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

    /// A certificate with these alternative names.
    fn naming(names: &[u8]) -> Vec<u8> {
        let value = der(OCTETS, &der(SEQUENCE, names));
        let extension = der(
            SEQUENCE,
            &[der(OID, ALTERNATIVE_NAME), der(BOOLEAN, &[0xff]), value].concat(),
        );
        let other = der(
            SEQUENCE,
            &[der(OID, &[0x55, 0x1d, 0x0f]), der(OCTETS, &[3, 2, 5, 160])].concat(),
        );
        let extensions = der(EXTENSIONS, &der(SEQUENCE, &[other, extension].concat()));
        let tbs = der(
            SEQUENCE,
            &[der(VERSION, &[2, 1, 2]), der(INTEGER, &[1]), extensions].concat(),
        );
        der(SEQUENCE, &[tbs, der(SEQUENCE, &[])].concat())
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
                    not_after(&ending(version, &end)),
                    expected.map(Timestamp::from_secs),
                    "{end:?}"
                );
            }
        }
    }

    #[test]
    fn no_cut_or_broken_certificate_is_read_beyond_its_end() {
        let whole = ending(true, &der(UTC_TIME, b"261120081500Z"));
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

    #[test]
    fn all_four_kinds_of_names_are_found() {
        let list = [
            der(0x82, b"prometheus.lan"),
            der(0x81, b"ops@example.org"),
            der(0x86, b"spiffe://lan/prometheus"),
            der(0x87, &[192, 168, 1, 2]),
            der(0x87, &Ipv6Addr::LOCALHOST.octets()),
            der(0xa4, b"a directory name"),
        ];
        let expected = [
            "prometheus.lan",
            "ops@example.org",
            "spiffe://lan/prometheus",
            "192.168.1.2",
            "::1",
        ];
        assert_eq!(alternative_names(&naming(&list.concat())).unwrap(), expected);
        assert_eq!(alternative_names(&naming(&[])).unwrap(), [""; 0]);
        assert_eq!(alternative_names(&naming(&der(0x87, &[1, 2, 3]))), None);
        assert_eq!(alternative_names(b"\x30\x84\xff\xff\xff\xff"), None);
        assert_eq!(alternative_names(b""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_do_no_harm(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            alternative_names(&bytes);
            let mut bent = naming(&der(0x82, b"prometheus.lan"));
            let at = at.index(bent.len());
            bent[at] = byte;
            alternative_names(&bent);
            alternative_names(&bent[..at]);
        }
    }
}
