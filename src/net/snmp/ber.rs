//! The part of BER (X.690) that SNMP uses, and object identifiers.
//!
//! Owns reading and writing of tags, lengths and values. Gets bytes from anybody on the network; gives values or
//! [`Malformed`]. Liberal where devices are known to be odd (unsigned numbers without their leading zero, unknown value
//! types), strict where a length does not fit. Allocates no more than the datagram holds.

use std::fmt;

/// The most parts an object identifier may have (RFC 2578, 3.5).
const OID_PARTS: usize = 128;

/// Bytes that are not the BER they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// Tags of RFC 3416 and of the types it takes from ASN.1.
pub mod tag {
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// OCTET STRING.
    pub const OCTETS: u8 = 0x04;
    /// NULL.
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER.
    pub const OID: u8 = 0x06;
    /// SEQUENCE.
    pub const SEQUENCE: u8 = 0x30;
    /// `IpAddress`.
    pub const IP: u8 = 0x40;
    /// `Counter32`.
    pub const COUNTER32: u8 = 0x41;
    /// `Gauge32` and `Unsigned32`.
    pub const GAUGE32: u8 = 0x42;
    /// `TimeTicks`.
    pub const TICKS: u8 = 0x43;
    /// `Counter64`.
    pub const COUNTER64: u8 = 0x46;
    /// `UInteger32` of the historic `SNMPv2` (RFC 1442), still sent by some.
    pub const UINTEGER32: u8 = 0x47;
    /// noSuchObject.
    pub const NO_SUCH_OBJECT: u8 = 0x80;
    /// noSuchInstance.
    pub const NO_SUCH_INSTANCE: u8 = 0x81;
    /// endOfMibView.
    pub const END_OF_MIB: u8 = 0x82;
}

/// An object identifier; ordered as SNMP orders them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Oid(pub Vec<u32>);

impl Oid {
    /// A prefix with more parts after it.
    pub fn under(prefix: &[u32], rest: &[u32]) -> Self {
        Self([prefix, rest].concat())
    }
}

impl From<&[u32]> for Oid {
    fn from(parts: &[u32]) -> Self {
        Self(parts.to_vec())
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.0.iter().enumerate() {
            write!(f, "{}{part}", if place == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The value of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// INTEGER.
    Int(i64),
    /// `Counter32`.
    Counter32(u32),
    /// `Gauge32`, `Unsigned32`, `UInteger32`.
    Gauge32(u32),
    /// `TimeTicks`, hundredths of a second.
    Ticks(u32),
    /// `Counter64`.
    Counter64(u64),
    /// OCTET STRING.
    Octets(Vec<u8>),
    /// OBJECT IDENTIFIER.
    Oid(Oid),
    /// `IpAddress`.
    Ip([u8; 4]),
    /// NULL.
    Null,
    /// noSuchObject or noSuchInstance: there is no such variable.
    Missing,
    /// endOfMibView: there is nothing after it.
    EndOfMib,
    /// A type nobody here can use, or a value that does not fit its type; the tag.
    Other(u8),
}

/// Reads one value after the other.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Over these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next tag and its content.
    pub fn any(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        let (tag, rest) = self.0.split_first().ok_or(Malformed("the message ends too early"))?;
        if tag & 0x1f == 0x1f {
            return Err(Malformed("a tag of more than one byte"));
        }
        let (first, mut rest) = rest.split_first().ok_or(Malformed("the message ends too early"))?;
        let mut length = usize::from(*first);
        if *first >= 0x80 {
            let size = usize::from(first & 0x7f);
            // A datagram has at most 65,535 bytes; longer length fields hold leading zeros, if anything.
            if size == 0 || size > 8 || size > rest.len() {
                return Err(Malformed("a length that cannot be"));
            }
            let (digits, after) = rest.split_at(size);
            length = digits
                .iter()
                .fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit));
            rest = after;
        }
        if length > rest.len() {
            return Err(Malformed("a length past the end of the message"));
        }
        let (content, after) = rest.split_at(length);
        self.0 = after;
        Ok((*tag, content))
    }

    /// The content of the next value, which must have this tag.
    pub fn expect(&mut self, tag: u8, what: &'static str) -> Result<&'a [u8], Malformed> {
        match self.any()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(Malformed(what)),
        }
    }

    /// The next value, an INTEGER.
    pub fn integer(&mut self, what: &'static str) -> Result<i64, Malformed> {
        signed(self.expect(tag::INTEGER, what)?).ok_or(Malformed(what))
    }

    /// The next value, an OBJECT IDENTIFIER.
    pub fn oid(&mut self) -> Result<Oid, Malformed> {
        oid(self.expect(tag::OID, "a variable without a name")?).ok_or(Malformed("a name that is no OID"))
    }

    /// The next value, whatever it is.
    pub fn value(&mut self) -> Result<Value, Malformed> {
        let (found, content) = self.any()?;
        let word = || unsigned(content).map(|value| value as u32);
        let value = match found {
            tag::INTEGER => signed(content).map(Value::Int),
            tag::OCTETS => Some(Value::Octets(content.to_vec())),
            tag::NULL => Some(Value::Null),
            tag::OID => oid(content).map(Value::Oid),
            tag::IP => content.try_into().ok().map(Value::Ip),
            tag::COUNTER32 => word().map(Value::Counter32),
            tag::GAUGE32 | tag::UINTEGER32 => word().map(Value::Gauge32),
            tag::TICKS => word().map(Value::Ticks),
            tag::COUNTER64 => unsigned(content).map(Value::Counter64),
            tag::NO_SUCH_OBJECT | tag::NO_SUCH_INSTANCE => Some(Value::Missing),
            tag::END_OF_MIB => Some(Value::EndOfMib),
            _ => None,
        };
        Ok(value.unwrap_or(Value::Other(found)))
    }
}

/// A signed number of up to eight bytes.
fn signed(content: &[u8]) -> Option<i64> {
    let (first, _) = content.split_first()?;
    let negative = first & 0x80 != 0;
    let content = match content {
        [0, rest @ ..] if rest.len() == 8 => rest,
        _ if content.len() <= 8 => content,
        _ => return None,
    };
    let start = if negative { -1_i64 } else { 0 };
    Some(content.iter().fold(start, |sum, byte| (sum << 8) | i64::from(*byte)))
}

/// An unsigned number of up to eight bytes, leading zeros aside. Many agents forget the zero that keeps the first bit
/// from being a sign, and some send the sign's extension: for unsigned types there is no sign.
fn unsigned(content: &[u8]) -> Option<u64> {
    if content.is_empty() {
        return None;
    }
    let significant = content.iter().position(|byte| *byte != 0).unwrap_or(content.len());
    let content = &content[significant..];
    (content.len() <= 8).then(|| content.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
}

fn oid(content: &[u8]) -> Option<Oid> {
    let mut parts: Vec<u32> = Vec::with_capacity(content.len() + 1);
    let mut part: u32 = 0;
    let mut open = false;
    for byte in content {
        part = part.checked_mul(128)? | u32::from(byte & 0x7f);
        open = byte & 0x80 != 0;
        if open {
            continue;
        }
        if parts.is_empty() {
            let root = (part / 40).min(2);
            parts.extend([root, part - root * 40]);
        } else {
            parts.push(part);
        }
        if parts.len() > OID_PARTS {
            return None;
        }
        part = 0;
    }
    (!open).then_some(Oid(parts))
}

/// Writes a value: tag, length, and what `content` appends.
pub fn put(out: &mut Vec<u8>, tag: u8, content: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let start = out.len();
    content(out);
    let length = out.len() - start;
    let bytes = length.to_be_bytes();
    let significant = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1)..];
    let long = (length >= 0x80).then_some(0x80 | significant.len() as u8);
    out.splice(start..start, long.into_iter().chain(significant.iter().copied()));
}

/// Writes an INTEGER in as few bytes as it needs.
pub fn put_integer(out: &mut Vec<u8>, value: i64) {
    let bytes = value.to_be_bytes();
    let spare =
        |pair: &[u8]| matches!(pair, [0, next] if next & 0x80 == 0) || matches!(pair, [0xff, next] if next & 0x80 != 0);
    let skip = bytes.windows(2).take_while(|pair| spare(pair)).count();
    put(out, tag::INTEGER, |out| out.extend_from_slice(&bytes[skip..]));
}

/// Writes an OCTET STRING.
pub fn put_octets(out: &mut Vec<u8>, value: &[u8]) {
    put(out, tag::OCTETS, |out| out.extend_from_slice(value));
}

/// Writes an OBJECT IDENTIFIER.
pub fn put_oid(out: &mut Vec<u8>, value: &Oid) {
    put(out, tag::OID, |out| {
        let (head, tail) = match value.0.as_slice() {
            [] => return,
            [first] => (first.saturating_mul(40), &[][..]),
            [first, second, tail @ ..] => (first.saturating_mul(40).saturating_add(*second), tail),
        };
        for part in std::iter::once(head).chain(tail.iter().copied()) {
            let sevens = (32 - part.leading_zeros()).div_ceil(7).max(1);
            for seven in (0..sevens).rev() {
                let more = if seven > 0 { 0x80 } else { 0 };
                out.push((part >> (7 * seven)) as u8 & 0x7f | more);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(bytes: &[u8]) -> Result<Value, Malformed> {
        Reader::new(bytes).value()
    }

    #[test]
    fn odd_numbers_are_read_as_they_are_meant() {
        for (bytes, expected) in [
            (&[0x41, 4, 0xff, 0xff, 0xff, 0xff][..], Value::Counter32(u32::MAX)),
            (&[0x41, 5, 0, 0xff, 0xff, 0xff, 0xff], Value::Counter32(u32::MAX)),
            (&[0x41, 5, 0xff, 0xff, 0xff, 0xff, 0xfe], Value::Counter32(u32::MAX - 1)),
            (&[0x41, 1, 0], Value::Counter32(0)),
            (&[0x41, 0], Value::Other(0x41)),
            (
                &[0x46, 9, 0, 0xff, 0, 0, 0, 0, 0, 0, 1],
                Value::Counter64(0xff00_0000_0000_0001),
            ),
            (
                &[0x46, 8, 0xff, 0, 0, 0, 0, 0, 0, 1],
                Value::Counter64(0xff00_0000_0000_0001),
            ),
            (&[0x46, 9, 1, 0xff, 0, 0, 0, 0, 0, 0, 1], Value::Other(0x46)),
            (&[0x02, 1, 0x80], Value::Int(-128)),
            (&[0x02, 2, 0, 0x80], Value::Int(128)),
            (&[0x47, 1, 7], Value::Gauge32(7)),
            (&[0x44, 2, 1, 1], Value::Other(0x44)),
            (&[0x80, 0], Value::Missing),
            (&[0x82, 0], Value::EndOfMib),
            (&[0x40, 3, 1, 2, 3], Value::Other(0x40)),
            (&[0x04, 0x82, 0, 1, 0x41], Value::Octets(b"A".to_vec())),
        ] {
            assert_eq!(value(bytes), Ok(expected), "{bytes:02x?}");
        }
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for bytes in [
            &[][..],
            &[0x04],
            &[0x04, 5, 1],
            &[0x04, 0x80, 0, 0],
            &[0x04, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0x04, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x04, 0x84, 1],
            &[0x1f, 1, 1],
        ] {
            assert!(value(bytes).is_err(), "{bytes:02x?}");
        }
        assert_eq!(oid(&[0x2b, 0x86]), None, "the last part is open");
        assert_eq!(
            oid(&[0x2b, 0x8f, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            None,
            "more than 32 bits"
        );
        assert_eq!(oid(&[1; 500]), None, "more than 128 parts");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(parts in prop::collection::vec(any::<u32>(), 0..100), number: i64, text in prop::collection::vec(any::<u8>(), 0..400)) {
            let name = Oid([&[1, 3][..], &parts].concat());
            let mut out = Vec::new();
            put_oid(&mut out, &name);
            put_integer(&mut out, number);
            put_octets(&mut out, &text);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.oid(), Ok(name));
            prop_assert_eq!(reader.integer("number"), Ok(number));
            prop_assert_eq!(reader.value(), Ok(Value::Octets(text)));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn nothing_from_the_wire_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&bytes);
            while reader.value().is_ok() && !reader.is_empty() {}
        }
    }
}
