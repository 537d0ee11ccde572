//! BER (X.690), as much of it as SNMP needs: reads and writes of the tests' own.
//!
//! It shares no code with lanpulse, so it does not share a mistake with the program that it tests.

/// A value as it goes over the wire: tag and content.
#[derive(Clone, Debug, PartialEq)]
pub struct Asn(pub u8, pub Vec<u8>);

impl Asn {
    pub fn int(value: u32) -> Self {
        Self(0x02, number(value.into()))
    }
    pub fn text(value: &str) -> Self {
        Self(0x04, value.as_bytes().to_vec())
    }
    pub fn counter32(value: u32) -> Self {
        Self(0x41, number(value.into()))
    }
    pub fn gauge32(value: u32) -> Self {
        Self(0x42, number(value.into()))
    }
    pub fn ticks(value: u32) -> Self {
        Self(0x43, number(value.into()))
    }
    pub fn counter64(value: u64) -> Self {
        Self(0x46, number(value))
    }
}

pub fn number(value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(7);
    let mut content = bytes[first..].to_vec();
    if content[0] & 0x80 != 0 {
        content.insert(0, 0);
    }
    content
}

pub type Oid = Vec<u32>;

pub fn tlv(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, first) = (*bytes.first()?, usize::from(*bytes.get(1)?));
    let (start, length) = if first < 0x80 {
        (2, first)
    } else {
        let size = first & 0x7f;
        let digits = bytes.get(2..2 + size)?;
        (
            2 + size,
            digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)),
        )
    };
    Some((tag, bytes.get(start..start + length)?, &bytes[start + length..]))
}

pub fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        short @ 0..0x80 => out.push(short as u8),
        long => {
            out.push(0x82);
            out.extend((long as u16).to_be_bytes());
        }
    }
    out.extend(content);
    out
}

pub fn read_oid(content: &[u8]) -> Oid {
    let mut parts = Vec::new();
    let mut part = 0;
    for byte in content {
        part = part << 7 | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if parts.is_empty() {
                parts.extend([part / 40, part % 40]);
            } else {
                parts.push(part);
            }
            part = 0;
        }
    }
    parts
}

pub fn write_oid(parts: &[u32]) -> Vec<u8> {
    let mut out = vec![(parts[0] * 40 + parts[1]) as u8];
    for part in &parts[2..] {
        let mut septets = vec![(part & 0x7f) as u8];
        let mut rest = part >> 7;
        while rest > 0 {
            septets.insert(0, (rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        out.extend(septets);
    }
    out
}
