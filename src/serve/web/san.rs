//! The subject alternative names of a certificate (RFC 5280, 4.2.1.6), as exporter-toolkit compares them.
//!
//! Owns a reader of just enough DER (X.690) to find them. Gets a certificate from the network, perhaps an unverified
//! one; gives its DNS names, mail addresses, IP addresses and URIs as text, or none if it is malformed. It checks every
//! length and never recurses.

use std::net::{Ipv4Addr, Ipv6Addr};

const SEQUENCE: u8 = 0x30;
const BOOLEAN: u8 = 0x01;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
/// id-ce-subjectAltName, 2.5.29.17.
const ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// `[3] EXPLICIT Extensions` of `TBSCertificate`.
const EXTENSIONS: u8 = 0xa3;
/// The most names that are read; real certificates have far fewer.
const MOST: usize = 1000;

/// All names of a certificate in DER.
pub(super) fn names(certificate: &[u8]) -> Option<Vec<String>> {
    let outer = Reader(certificate).expect(SEQUENCE)?;
    let mut tbs = Reader(Reader(outer).expect(SEQUENCE)?);
    while let Some((tag, content)) = tbs.next() {
        if tag != EXTENSIONS {
            continue;
        }
        let mut extensions = Reader(Reader(content).expect(SEQUENCE)?);
        while let Some(extension) = extensions.expect(SEQUENCE) {
            let mut extension = Reader(extension);
            if extension.expect(OID)? != ALT_NAME {
                continue;
            }
            let (mut tag, mut value) = extension.next()?;
            if tag == BOOLEAN {
                (tag, value) = extension.next()?;
            }
            if tag != OCTETS {
                return None;
            }
            return general(Reader(value).expect(SEQUENCE)?);
        }
    }
    Some(Vec::new())
}

fn general(names: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader(names);
    let mut found = Vec::new();
    while !reader.0.is_empty() && found.len() < MOST {
        let (tag, content) = reader.next()?;
        match tag {
            // rfc822Name, dNSName, uniformResourceIdentifier: IA5String
            0x81 | 0x82 | 0x86 if content.is_ascii() => {
                found.push(String::from_utf8_lossy(content).into_owned());
            }
            0x87 => match content.len() {
                4 => found.push(Ipv4Addr::from(<[u8; 4]>::try_from(content).ok()?).to_string()),
                // Go writes a mapped address as IPv4
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

/// Reads one element after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next element: its tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        // Tags of several bytes do not occur in certificates.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (
                    bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
                    rest,
                )
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The next element's content, if it has this tag.
    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next()
            .filter(|(found, _)| *found == tag)
            .map(|(_, content)| content)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag, 0x82, (content.len() >> 8) as u8, content.len() as u8];
        bytes.extend(content);
        bytes
    }

    fn certificate(names: &[u8]) -> Vec<u8> {
        let value = der(OCTETS, &der(SEQUENCE, names));
        let extension = der(SEQUENCE, &[der(OID, ALT_NAME), der(BOOLEAN, &[0xff]), value].concat());
        let other = der(
            SEQUENCE,
            &[der(OID, &[0x55, 0x1d, 0x0f]), der(OCTETS, &[3, 2, 5, 160])].concat(),
        );
        let extensions = der(EXTENSIONS, &der(SEQUENCE, &[other, extension].concat()));
        let tbs = der(SEQUENCE, &[der(0xa0, &[2, 1, 2]), der(2, &[1]), extensions].concat());
        der(SEQUENCE, &[tbs, der(SEQUENCE, &[])].concat())
    }

    #[test]
    fn all_four_kinds_are_found() {
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
        assert_eq!(names(&certificate(&list.concat())).unwrap(), expected);
        assert_eq!(names(&certificate(&[])).unwrap(), [""; 0]);
        assert_eq!(names(&certificate(&der(0x87, &[1, 2, 3]))), None);
        assert_eq!(names(b"\x30\x84\xff\xff\xff\xff"), None);
        assert_eq!(names(b""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_do_no_harm(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            names(&bytes);
            let mut bent = certificate(&der(0x82, b"prometheus.lan"));
            let at = at.index(bent.len());
            bent[at] = byte;
            names(&bent);
            names(&bent[..at]);
        }
    }
}
