//! Recordings of devices, as a [`Script`] that answers with them: snmpsim's `.snmprec` and the text of `snmpwalk -On`.
//!
//! What a recording cannot say (no such object, the end) is left out. Bytes, not text: recordings hold any.

use super::agent::{Script, UPTIME};
use super::ber::{Asn, Oid, write_oid};

/// snmpsim's own limit on the variables of an answer.
const MOST: usize = 64;

impl Script {
    /// A device as it was recorded, in either format.
    ///
    /// # Panics
    /// At a line that is in neither.
    pub fn recorded(recording: &[u8]) -> Self {
        let mut script = Self {
            most: Some(MOST),
            ..Self::default()
        };
        if recording.starts_with(b".") {
            script.mib.extend(walked(recording));
        } else {
            let lines = recording.split(|byte| *byte == b'\n').map(trim_line);
            let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
            script
                .mib
                .extend(lines.map(|line| snmprec(line).unwrap_or_else(|| bad(line))));
        }
        script
    }
}

fn bad(line: &[u8]) -> ! {
    panic!("not of a recording: {}", String::from_utf8_lossy(line))
}

fn trim_line(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn oid(text: &[u8]) -> Option<Oid> {
    let text = std::str::from_utf8(text).ok()?.trim().trim_matches('.');
    text.split('.').map(|part| part.parse().ok()).collect()
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(pair).collect()
}

/// `OID|TAG|VALUE`; the tag in decimal, with `x` where the value is in hexadecimal digits.
fn snmprec(line: &[u8]) -> Option<(Oid, Asn)> {
    let mut parts = line.splitn(3, |byte| *byte == b'|');
    let (name, tag, value) = (oid(parts.next()?)?, parts.next()?, parts.next()?);
    let tag = std::str::from_utf8(tag).ok()?;
    let (tag, bytes) = match tag.strip_suffix('x') {
        Some(tag) => (tag, Some(hex(value)?)),
        None => (tag, None),
    };
    let tag: u8 = tag.parse().ok()?;
    let bytes = || bytes.unwrap_or_else(|| value.to_vec());
    Some((
        name,
        match tag {
            // An address as snmpsim writes it in digits.
            64 if value.contains(&b'.') => Asn(0x40, address(value)?),
            4 | 64 | 68 => Asn(tag, bytes()),
            5 => Asn(5, Vec::new()),
            6 => Asn(6, write_oid(&oid(value)?)),
            2 | 65 | 66 | 67 | 70 => integer(tag, std::str::from_utf8(value).ok()?)?,
            _ => return None,
        },
    ))
}

fn address(text: &[u8]) -> Option<Vec<u8>> {
    let parts = std::str::from_utf8(text).ok()?.trim().split('.');
    parts.map(|part| part.parse().ok()).collect()
}

fn integer(tag: u8, text: &str) -> Option<Asn> {
    let number: i128 = text.trim().parse().ok()?;
    let bytes = number.to_be_bytes();
    // The shortest that still has its sign.
    let spare = |start: usize| {
        let (first, next) = (bytes[start], bytes[start + 1]);
        first == 0 && next < 0x80 || first == 0xff && next >= 0x80
    };
    let start = (0..15).find(|start| !spare(*start)).unwrap_or(15);
    Some(Asn(tag, bytes[start..].to_vec()))
}

/// `OID = TYPE: VALUE`; what does not begin with a name goes on from the line before.
fn walked(recording: &[u8]) -> Vec<(Oid, Asn)> {
    let mut entries: Vec<(Oid, Vec<u8>)> = Vec::new();
    for line in recording.split(|byte| *byte == b'\n').map(trim_line) {
        let at = line
            .windows(3)
            .position(|part| part == b" = ")
            .filter(|_| line.starts_with(b"."));
        // An empty string may end the line: `.1.2 = ""`.
        match at.and_then(|at| Some((oid(&line[..at])?, line[at + 3..].to_vec()))) {
            Some(entry) => entries.push(entry),
            None => {
                if let Some((_, value)) = entries.last_mut() {
                    value.push(b'\n');
                    value.extend(line);
                }
            }
        }
    }
    let read = |(name, value): (Oid, Vec<u8>)| {
        let asn = value_of(&name, &value)?;
        Some((name, asn))
    };
    entries.into_iter().filter_map(read).collect()
}

fn value_of(name: &Oid, value: &[u8]) -> Option<Asn> {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    if value.starts_with(b"No ") || value == b"NULL" {
        return None;
    }
    // `Wrong Type (should be Gauge32 or Unsigned32): INTEGER: 5`
    let value = match value.windows(3).position(|part| part == b"): ") {
        Some(at) if value.starts_with(b"Wrong Type") => &value[at + 3..],
        _ => value,
    };
    let Some(at) = value.windows(2).position(|part| part == b": ").filter(|at| {
        value[..*at]
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"- ".contains(byte))
    }) else {
        let text = String::from_utf8_lossy(value);
        // Unparsed ticks (-Ot) have no type, nor has an empty string.
        return match text.trim().parse::<u32>() {
            Ok(ticks) if name[..] == UPTIME => Some(Asn::ticks(ticks)),
            Ok(number) => Some(Asn::int(number)),
            Err(_) => Some(Asn(4, unquoted(value))),
        };
    };
    let (kind, value) = (&value[..at], &value[at + 2..]);
    let text = String::from_utf8_lossy(value);
    // `up(1)`, `(12345) 0:02:03.45`, `1000 bits`
    let number = || {
        let inner = text.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
        let digits = inner.map_or_else(|| text.trim(), |(digits, _)| digits);
        digits.split_whitespace().next().unwrap_or("0").to_owned()
    };
    match kind {
        b"STRING" => Some(Asn(4, unquoted(value))),
        b"Hex-STRING" => Some(Asn(4, hex(value)?)),
        b"INTEGER" => integer(2, &number()),
        b"Counter32" => integer(65, &number()),
        b"Gauge32" | b"Unsigned32" => integer(66, &number()),
        b"Timeticks" => integer(67, &number()),
        b"Counter64" => integer(70, &number()),
        b"IpAddress" => Some(Asn(0x40, address(value)?)),
        b"OID" => Some(Asn(6, write_oid(&oid(value)?))),
        _ => None,
    }
}

/// Without the quotes around it, and the backslashes before those in it.
fn unquoted(text: &[u8]) -> Vec<u8> {
    let Some(inner) = text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return text.to_vec();
    };
    let mut out = Vec::new();
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        out.push(*if *byte == b'\\' {
            bytes.next().unwrap_or(byte)
        } else {
            byte
        });
    }
    out
}
