//! DNS messages on the wire (RFC 1035 section 4, RFC 3596, RFC 2782): a question out, an answer in.
//!
//! Owns the reading and writing of names, questions and records, for the DNS probe and for multicast DNS (`mdns`). What
//! comes in is a stranger's: every read is checked, names cannot loop, and what is not understood is skipped by its
//! length.

use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::model::RecordType;

/// A name: its labels, without the empty one of the root. Equal without regard to case (RFC 1035 section 2.3.3).
#[derive(Clone, Debug)]
pub struct Name(Vec<Vec<u8>>);

impl Name {
    /// From text with dots between the labels; `None` where it is no name.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let labels = text.split('.').filter(|_| !text.is_empty());
        Self(labels.map(|label| label.as_bytes().to_vec()).collect()).checked()
    }

    /// The name below this one with such a label, which may have dots in it: `Dr. No` below `_ipp._tcp.local`.
    pub fn child(&self, label: &str) -> Option<Self> {
        let labels = std::iter::once(label.as_bytes().to_vec()).chain(self.0.iter().cloned());
        Self(labels.collect()).checked()
    }

    /// 63 bytes a label, 255 in all with their lengths (RFC 1035 section 2.3.4).
    fn checked(self) -> Option<Self> {
        let fits = self.0.iter().all(|label| (1..=63).contains(&label.len()));
        (fits && self.0.iter().map(|label| label.len() + 1).sum::<usize>() < 255).then_some(self)
    }

    /// Reads it, and tells where it ends. Compression pointers lead backwards only, so they end.
    pub(super) fn read(message: &[u8], start: usize) -> Option<(Self, usize)> {
        let (mut at, mut end, mut limit) = (start, None, start);
        let (mut labels, mut bytes) = (Vec::new(), 1);
        loop {
            let length = usize::from(*message.get(at)?);
            match length {
                0 => break,
                1..=63 => {
                    labels.push(message.get(at + 1..at + 1 + length)?.to_vec());
                    at += 1 + length;
                    bytes += 1 + length;
                }
                192.. => {
                    let pointer = (length & 0x3f) << 8 | usize::from(*message.get(at + 1)?);
                    end.get_or_insert(at + 2);
                    if pointer >= limit {
                        return None;
                    }
                    (at, limit) = (pointer, pointer);
                }
                _ => return None,
            }
            if bytes > 255 {
                return None;
            }
        }
        Some((Self(labels), end.unwrap_or(at + 1)))
    }

    fn write(&self, out: &mut Vec<u8>) {
        for label in &self.0 {
            out.push(label.len() as u8);
            out.extend(label);
        }
        out.push(0);
    }

    /// As people write names of multicast DNS, which are UTF-8 (RFC 6762 section 16), with the final dot.
    pub fn text(&self) -> String {
        let text = |label: &Vec<u8>| String::from_utf8_lossy(label).into_owned() + ".";
        self.0.iter().map(text).collect()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&Vec<u8>, &Vec<u8>)| a.eq_ignore_ascii_case(b);
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(same)
    }
}

impl Eq for Name {}

/// As `dig` shows it (RFC 1035 section 5.1): with a final dot, and with what is not ASCII as numbers.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        for label in &self.0 {
            escape(&mut out, label);
            out.push('.');
        }
        f.write_str(if out.is_empty() { "." } else { &out })
    }
}

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

/// A response code in words.
pub fn rcode_name(code: u16) -> String {
    let known = RCODES.iter().find(|(_, number)| *number == code);
    known.map_or_else(|| format!("RCODE {code}"), |(name, _)| (*name).to_owned())
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The response code.
    pub rcode: u16,
    /// Whether it did not fit.
    pub truncated: bool,
    /// The answer section.
    pub answers: Vec<Record>,
    /// Records of the authority section.
    pub authority: u32,
    /// Records of the additional section.
    pub additional: u32,
}

/// A record of the answer section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its type.
    pub kind: u16,
    /// As `dig +short` shows it; empty for types it is not known of.
    pub text: String,
    /// Of a SOA record.
    pub serial: Option<u32>,
}

/// A query with one question; `None` where the name is none.
pub fn query(id: u16, name: &str, kind: RecordType, recursion: bool) -> Option<Vec<u8>> {
    Some(question(id, &Name::parse(name)?, &[kind], recursion))
}

/// A query for records of several types of one name.
pub(super) fn question(id: u16, name: &Name, kinds: &[RecordType], recursion: bool) -> Vec<u8> {
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

/// Reads the answer to a query; `None` where it is none: another id or question, or cut short.
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
            // Cut off where the TC bit says so.
            return read.truncated.then_some(read);
        };
        read.answers.push(record);
        at = end;
    }
    Some(read)
}

/// A record of whatever section, as it stands in the message.
pub(super) struct Row<'a> {
    pub name: Name,
    pub kind: u16,
    pub data: &'a [u8],
    /// Where the data begins: names in it may lead back into the message.
    pub start: usize,
}

/// The record that begins here, and where it ends.
pub(super) fn row(message: &[u8], at: usize) -> Option<(Row<'_>, usize)> {
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

/// What a record says.
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

fn escape(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b' '..=b'~' => out.push(char::from(*byte)),
            other => drop(write!(out, "\\{other:03}")),
        }
    }
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
    fn labels_may_have_dots_and_case_does_not_matter() {
        let kind = Name::parse("_ipp._tcp.local.").unwrap();
        let name = kind.child("Dr. No").unwrap();
        let message = question(1, &name, &[RecordType(33), RecordType(16)], false);
        assert_eq!(message[4..6], [0, 2]);
        assert_eq!(message[12..19], *b"\x06Dr. No");
        let (read, end) = Name::read(&message, 12).unwrap();
        assert_eq!((&read, message[end..end + 4].to_vec()), (&name, vec![0, 33, 0, 1]));
        assert_eq!(name, Name::parse("_IPP._tcp.Local").unwrap().child("dr. no").unwrap());
        assert_ne!(name, Name::parse("Dr. No._ipp._tcp.local").unwrap());
        assert_eq!(
            (name.text(), kind.child(&"x".repeat(64))),
            ("Dr. No._ipp._tcp.local.".into(), None)
        );
    }

    #[test]
    fn text_and_numbers_of_records() {
        assert_eq!(strings(b"\x02hi\x03\x00\"x").unwrap(), "hi\\000\"x");
        assert_eq!(strings(b"\x05hi"), None);
        assert_eq!(rcode_name(3), "NXDOMAIN");
        assert_eq!(rcode_name(12), "RCODE 12");
    }
}
