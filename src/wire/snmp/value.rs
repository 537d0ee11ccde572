//! Object identifiers and values, copied out of the datagram, which snmp2's own types borrow.
//!
//! The reader is liberal where devices are known to be odd (unsigned numbers without their leading zero, unknown types of
//! values) and strict where a length does not fit. It allocates no more than the datagram holds.

use std::fmt;

use snmp2::{AsnReader, asn1, snmp};

use crate::model::LabelValue;

/// The most parts an object identifier may have (RFC 2578, 3.5).
const OID_PARTS: usize = 128;
/// `UInteger32` of the historic `SNMPv2` (RFC 1442). Some devices still send it; snmp2 does not know it.
const UINTEGER32: u8 = 0x47;

/// Why bytes cannot be read as SNMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// The result of a read by snmp2; `what` says what was missing.
pub(super) fn want<T>(read: Result<T, snmp2::Error>, what: &'static str) -> Result<T, Malformed> {
    read.map_err(|_| Malformed(what))
}

/// An object identifier; ordered as SNMP orders them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Oid(pub Vec<u32>);

impl Oid {
    /// A prefix with more parts after it.
    pub fn under(prefix: &[u32], rest: &[u32]) -> Self {
        Self([prefix, rest].concat())
    }

    /// Reads the content of an OBJECT IDENTIFIER in BER. The iterator of snmp2's type is not used: it reads `0.0` as `0`,
    /// accepts parts that overflow or break off, and makes two parts of a first byte of any size.
    pub(super) fn from_content(content: &[u8]) -> Option<Self> {
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
        (!open).then_some(Self(parts))
    }

    /// The same as snmp2's type.
    pub(super) fn encode(&self) -> Result<snmp2::Oid<'static>, Malformed> {
        let parts: Vec<u64> = self.0.iter().copied().map(u64::from).collect();
        snmp2::Oid::from(&parts).map_err(|_| Malformed("a name that cannot be written"))
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
    /// A type that lanpulse does not read, or a value that does not fit its type; its tag.
    Other(u8),
}

impl Value {
    /// From snmp2's type; `None` for a type that lanpulse does not read.
    pub(super) fn of(value: &snmp2::Value) -> Option<Self> {
        Some(match value {
            snmp2::Value::Integer(number) => Self::Int(*number),
            snmp2::Value::OctetString(bytes) => Self::Octets(bytes.to_vec()),
            snmp2::Value::Null => Self::Null,
            snmp2::Value::ObjectIdentifier(oid) => Self::Oid(Oid::from_content(oid.as_bytes())?),
            snmp2::Value::IpAddress(address) => Self::Ip(*address),
            snmp2::Value::Counter32(number) => Self::Counter32(*number),
            snmp2::Value::Unsigned32(number) => Self::Gauge32(*number),
            snmp2::Value::Timeticks(number) => Self::Ticks(*number),
            snmp2::Value::Counter64(number) => Self::Counter64(*number),
            snmp2::Value::NoSuchObject | snmp2::Value::NoSuchInstance => Self::Missing,
            snmp2::Value::EndOfMibView => Self::EndOfMib,
            _ => return None,
        })
    }
}

/// A value as a number, whatever its type: devices are careless about that. Negative numbers are none.
pub fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::Counter32(number) | Value::Gauge32(number) | Value::Ticks(number) => Some((*number).into()),
        Value::Counter64(number) => Some(*number),
        Value::Octets(bytes) => std::str::from_utf8(bytes).ok()?.trim().parse().ok(),
        _ => None,
    }
}

/// A value as text, without the padding that some devices send; none where nothing is left.
pub fn text(value: &Value) -> Option<LabelValue> {
    let text = match value {
        Value::Octets(bytes) => {
            let padding = |c: char| c == '\0' || c.is_whitespace();
            String::from_utf8_lossy(bytes).trim_matches(padding).to_owned()
        }
        Value::Oid(oid) => oid.to_string(),
        Value::Ip([a, b, c, d]) => format!("{a}.{b}.{c}.{d}"),
        other => number(other)?.to_string(),
    };
    (!text.is_empty()).then(|| text.into())
}

/// Reads the next value. One that snmp2 cannot read becomes [`Value::Other`], and the next can still be read.
pub(super) fn read_value(reader: &mut AsnReader) -> Result<Value, Malformed> {
    let tag = want(reader.peek_byte(), "the message ends too early")?;
    if tag & 0x1f == 0x1f {
        return Err(Malformed("a tag of more than one byte"));
    }
    let mut one = reader.clone();
    want(reader.read_raw(tag), "a value with a length that cannot be")?;
    let value = match tag {
        UINTEGER32 => one.read_i64_type(tag).ok().map(|number| Value::Gauge32(number as u32)),
        snmp::SNMP_NOSUCHOBJECT | snmp::SNMP_NOSUCHINSTANCE => Some(Value::Missing),
        snmp::SNMP_ENDOFMIBVIEW => Some(Value::EndOfMib),
        _ => one.next().as_ref().and_then(Value::of),
    };
    Ok(value.unwrap_or(Value::Other(tag)))
}

/// Reads the next value, an OBJECT IDENTIFIER.
pub(super) fn read_oid(reader: &mut AsnReader) -> Result<Oid, Malformed> {
    let content = want(
        reader.read_raw(asn1::TYPE_OBJECTIDENTIFIER),
        "a variable without a name",
    )?;
    Oid::from_content(content).ok_or(Malformed("a name that is no OID"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(bytes: &[u8]) -> Result<Value, Malformed> {
        read_value(&mut AsnReader::from_bytes(bytes))
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
            (&[0x47, 4, 0xff, 0xff, 0xff, 0xff], Value::Gauge32(u32::MAX)),
            (&[0x44, 2, 1, 1], Value::Other(0x44)),
            (&[0x01, 1, 1], Value::Other(0x01)),
            (&[0x30, 2, 5, 0], Value::Other(0x30)),
            (&[0x80, 0], Value::Missing),
            (&[0x81, 1, 0], Value::Missing),
            (&[0x82, 0], Value::EndOfMib),
            (&[0x40, 3, 1, 2, 3], Value::Other(0x40)),
            (&[0x06, 1, 0], Value::Oid(Oid(vec![0, 0]))),
            (&[0x06, 2, 0x88, 0x37], Value::Oid(Oid(vec![2, 999]))),
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
        let oid = Oid::from_content;
        assert_eq!(oid(&[0x2b, 0x86]), None, "the last part is open");
        assert_eq!(
            oid(&[0x2b, 0x8f, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            None,
            "more than 32 bits"
        );
        assert_eq!(oid(&[1; 500]), None, "more than 128 parts");
    }

    #[test]
    fn values_are_numbers_and_text_whatever_their_type() {
        for (value, expected_number, expected_text) in [
            (Value::Int(-1), None, None),
            (Value::Int(7), Some(7), Some("7")),
            (Value::Counter64(u64::MAX), Some(u64::MAX), Some("18446744073709551615")),
            (Value::Octets(b" 42 \0".to_vec()), None, Some("42")),
            (Value::Octets(b" 42 ".to_vec()), Some(42), Some("42")),
            (Value::Octets(b"\0 ".to_vec()), None, None),
            (Value::Ip([10, 0, 0, 1]), None, Some("10.0.0.1")),
            (Value::Oid(Oid(vec![1, 3, 6])), None, Some("1.3.6")),
            (Value::Missing, None, None),
        ] {
            let shown = text(&value);
            let shown = shown.as_ref().map(LabelValue::as_str);
            assert_eq!((number(&value), shown), (expected_number, expected_text), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_that_is_written_is_read(parts in prop::collection::vec(any::<u32>(), 0..100)) {
            let name = Oid([&[1, 3][..], &parts].concat());
            let written = name.encode().unwrap();
            prop_assert_eq!(Oid::from_content(written.as_bytes()), Some(name));
        }

        #[test]
        fn nothing_from_the_wire_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = AsnReader::from_bytes(&bytes);
            while read_value(&mut reader).is_ok() && reader.bytes_left() > 0 {}
        }
    }
}
