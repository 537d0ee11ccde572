//! DNS messages (RFC 1035 section 4, RFC 3596, RFC 2782): questions are written, answers are read.
//!
//! Records of unknown types are skipped by their length.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::name::{Name, escape};
use crate::model::RecordType;

/// Response codes by name (RFC 1035, RFC 2136).
pub const RCODES: [(&str, u16); 11] = [
    ("NOERROR", 0),
    ("FORMERR", 1),
    ("SERVFAIL", 2),
    ("NXDOMAIN", 3),
    ("NOTIMP", 4),
    ("REFUSED", 5),
    ("YXDOMAIN", 6),
    ("YXRRSET", 7),
    ("NXRRSET", 8),
    ("NOTAUTH", 9),
    ("NOTZONE", 10),
];

/// The name of a response code; `RCODE 12` for one without a name here.
pub fn rcode_name(code: u16) -> String {
    let known = RCODES.iter().find(|(_, number)| *number == code);
    known.map_or_else(|| format!("RCODE {code}"), |(name, _)| (*name).to_owned())
}

/// An answer to a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The response code.
    pub rcode: u16,
    /// Whether the answer did not fit into the message (the TC bit).
    pub truncated: bool,
    /// The answer section.
    pub answers: Vec<Record>,
    /// How many records the authority section has.
    pub authority: u32,
    /// How many records the additional section has.
    pub additional: u32,
}

/// A record of the answer section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its type.
    pub kind: u16,
    /// The data as `dig +short` shows it; empty for types that are not read.
    pub text: String,
    /// The serial number of a SOA record.
    pub serial: Option<u32>,
}

/// A query with one question; `None` where the name is not valid.
pub fn query(id: u16, name: &str, kind: RecordType, recursion: bool) -> Option<Vec<u8>> {
    Some(question(id, &Name::parse(name)?, &[kind], recursion))
}

/// A query for records of several types of one name.
pub(in crate::wire) fn question(id: u16, name: &Name, kinds: &[RecordType], recursion: bool) -> Vec<u8> {
    let flags: u16 = if recursion { 0x0100 } else { 0 };
    let mut out = Vec::with_capacity(64);
    for word in [id, flags, kinds.len() as u16, 0, 0, 0] {
        out.extend(word.to_be_bytes());
    }
    for kind in kinds {
        name.write(&mut out);
        out.extend(kind.0.to_be_bytes());
        out.extend(1_u16.to_be_bytes()); // IN
    }
    out
}

/// Reads the answer to a query. `None` where the message has another id or question, is no answer, or is cut short without
/// the TC bit.
pub fn answer(query: &[u8], message: &[u8]) -> Option<Answer> {
    let word = |at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]));
    let flags = word(2)?;
    if message.get(..2)? != query.get(..2)? || flags & 0x8000 == 0 {
        return None;
    }
    let [questions, answers, authority, additional] = [word(4)?, word(6)?, word(8)?, word(10)?];
    let mut at = 12;
    // A server that refuses may leave the question out.
    match questions {
        0 => {}
        1 => {
            let end = at + query.len() - 12;
            if !message.get(at..end)?.eq_ignore_ascii_case(query.get(12..)?) {
                return None;
            }
            at = end;
        }
        _ => return None,
    }
    let mut read = Answer {
        rcode: flags & 0xf,
        truncated: flags & 0x0200 != 0,
        authority: authority.into(),
        additional: additional.into(),
        answers: Vec::new(),
    };
    for _ in 0..answers {
        let Some((record, end)) = record(message, at) else {
            // With the TC bit the message may end in the middle of a record.
            return read.truncated.then_some(read);
        };
        read.answers.push(record);
        at = end;
    }
    Some(read)
}

/// A record of any section, its data still in the message.
pub(in crate::wire) struct Row<'a> {
    pub name: Name,
    pub kind: u16,
    pub data: &'a [u8],
    /// Where the data begins in the message: names in it may point back into the message.
    pub start: usize,
}

/// The record that begins at this byte, and where it ends.
pub(in crate::wire) fn row(message: &[u8], at: usize) -> Option<(Row<'_>, usize)> {
    let (name, at) = Name::read(message, at)?;
    let head = message.get(at..at + 10)?;
    let kind = u16::from_be_bytes([head[0], head[1]]);
    let length = usize::from(u16::from_be_bytes([head[8], head[9]]));
    let start = at + 10;
    let data = message.get(start..start + length)?;
    Some((
        Row {
            name,
            kind,
            data,
            start,
        },
        start + length,
    ))
}

fn record(message: &[u8], at: usize) -> Option<(Record, usize)> {
    let (row, end) = row(message, at)?;
    let (text, serial) = text(message, row.kind, row.start, row.data)?;
    let kind = row.kind;
    Some((Record { kind, text, serial }, end))
}

/// The data as text, and the serial number of a SOA record.
fn text(message: &[u8], kind: u16, start: usize, data: &[u8]) -> Option<(String, Option<u32>)> {
    let word = |at: usize| Some(u16::from_be_bytes([*data.get(at)?, *data.get(at + 1)?]));
    let text = match kind {
        1 => Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).to_string(),
        28 => Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).to_string(),
        2 | 5 | 12 => name(message, start)?.0,
        15 => format!("{} {}", word(0)?, name(message, start + 2)?.0),
        33 => format!("{} {} {} {}", word(0)?, word(2)?, word(4)?, name(message, start + 6)?.0),
        16 => strings(data)?,
        6 => {
            let (primary, at) = name(message, start)?;
            let (mail, at) = name(message, at)?;
            let serial = message.get(at..at + 4)?;
            let serial = u32::from_be_bytes([serial[0], serial[1], serial[2], serial[3]]);
            return Some((format!("{primary} {mail} {serial}"), Some(serial)));
        }
        _ => String::new(),
    };
    Some((text, None))
}

/// The strings of a TXT record, joined.
fn strings(mut data: &[u8]) -> Option<String> {
    let mut out = String::new();
    while let Some((&length, rest)) = data.split_first() {
        let (part, rest) = rest.split_at_checked(length.into())?;
        escape(&mut out, part);
        data = rest;
    }
    Some(out)
}

fn name(message: &[u8], start: usize) -> Option<(String, usize)> {
    let (name, end) = Name::read(message, start)?;
    Some((name.to_string(), end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer to A of nas.lan: a CNAME through a pointer, and its address.
    fn sample() -> (Vec<u8>, Vec<u8>) {
        let query = query(7, "nas.lan", RecordType(1), true).unwrap();
        let mut message = query.clone();
        message[2..4].copy_from_slice(&0x8180_u16.to_be_bytes());
        message[7] = 2;
        message[11] = 1;
        message.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, b'x', 0xc0, 16]);
        message.extend([0xc0, 37, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 5]);
        (query, message)
    }

    #[test]
    fn answers_are_read() {
        let (query, message) = sample();
        let answer = answer(&query, &message).unwrap();
        let texts: Vec<_> = answer.answers.iter().map(|record| record.text.as_str()).collect();
        assert_eq!(texts, ["x.lan.", "10.0.0.5"]);
        assert_eq!((answer.rcode, answer.additional, answer.truncated), (0, 1, false));
    }

    #[test]
    fn what_is_no_answer_to_the_question_is_none() {
        let (query, message) = sample();
        for at in [0, 2, 13] {
            let mut other = message.clone();
            other[at] ^= 0x81;
            assert_eq!(answer(&query, &other), None, "{at}");
        }
        let mut louder = message.clone();
        louder[13] = b'N';
        assert!(answer(&query, &louder).is_some(), "case does not matter");
    }

    #[test]
    fn names_cannot_loop_or_leave_the_message() {
        let (query, message) = sample();
        for end in 0..message.len() {
            assert_eq!(answer(&query, &message[..end]), None, "{end}");
        }
        for at in 12..message.len() {
            for value in [0, 1, 63, 64, 0xc0, 0xff] {
                let mut broken = message.clone();
                broken[at] = value;
                let _ = answer(&query, &broken);
            }
        }
        assert_eq!(name(&[0xc0, 0], 0), None);
        assert_eq!(name(&[0xc0, 2, 0xc0, 0], 2), None);
    }

    #[test]
    fn queries_have_proper_names() {
        assert_eq!(query(1, ".", RecordType(2), true).unwrap().len(), 17);
        assert_eq!(query(1, "a..b", RecordType(1), true), None);
        assert_eq!(query(1, &"a".repeat(64), RecordType(1), true), None);
        assert_eq!(query(1, &"abcdefg.".repeat(40), RecordType(1), true), None);
        assert_eq!(RecordType::parse("aaaa"), Some(RecordType(28)));
    }

    #[test]
    fn text_and_numbers_of_records() {
        assert_eq!(strings(b"\x02hi\x03\x00\"x").unwrap(), "hi\\000\"x");
        assert_eq!(strings(b"\x05hi"), None);
        assert_eq!(rcode_name(3), "NXDOMAIN");
        assert_eq!(rcode_name(12), "RCODE 12");
    }
}
