//! Questions and answers of multicast DNS (RFC 6762) about services (RFC 6763) and their hosts.

use std::net::IpAddr;

use super::dns::{Name, question, row};
use crate::model::RecordType;

/// The longest message there is, in bytes (RFC 6762 section 17).
pub const LONGEST: usize = 9000;
/// Records of one message that are read.
const MOST_RECORDS: u16 = 256;
/// Texts of one service that are kept, and characters of each.
const MOST_TEXTS: usize = 32;
const LONGEST_TEXT: usize = 256;

const A: u16 = 1;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;

/// What one record of an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A host and its address.
    Address(Name, IpAddr),
    /// A service and the host that offers it.
    Service(Name, Name),
    /// A service and the keys and values it announces (RFC 6763 section 6).
    Texts(Name, Vec<(String, String)>),
}

/// A question for the host of a service and its texts. `id` comes back with the answer.
pub fn service_question(id: u16, name: &Name) -> Vec<u8> {
    question(id, name, &[RecordType(SRV), RecordType(TXT)], false)
}

/// A question for the addresses of a host.
pub fn host_question(id: u16, name: &Name) -> Vec<u8> {
    question(id, name, &[RecordType(A), RecordType(AAAA)], false)
}

/// Reads an answer to the question with this id. Empty where the message is no such answer; of a message that is cut short,
/// the whole records.
pub fn read(message: &[u8], id: u16) -> Vec<Record> {
    let mut records = Vec::new();
    let head: Option<[u8; 12]> = message.get(..12).and_then(|head| head.try_into().ok());
    let Some(head) = head.filter(|_| message.len() <= LONGEST) else {
        return records;
    };
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    // A response to an ordinary query, without an error.
    if word(0) != id || word(2) & 0xf80f != 0x8000 {
        return records;
    }
    let mut at = 12;
    for _ in 0..word(4).min(MOST_RECORDS) {
        match Name::read(message, at) {
            Some((_, end)) => at = end + 4,
            None => return records,
        }
    }
    let count = [6, 8, 10].into_iter().map(|at| u32::from(word(at))).sum::<u32>();
    for _ in 0..count.min(MOST_RECORDS.into()) {
        let Some((row, end)) = row(message, at) else { break };
        let record = match row.kind {
            A => <[u8; 4]>::try_from(row.data)
                .ok()
                .map(|ip| Record::Address(row.name, ip.into())),
            AAAA => <[u8; 16]>::try_from(row.data)
                .ok()
                .map(|ip| Record::Address(row.name, ip.into())),
            SRV => Name::read(message, row.start + 6).map(|(host, _)| Record::Service(row.name, host)),
            TXT => Some(Record::Texts(row.name, texts(row.data))),
            _ => None,
        };
        records.extend(record);
        at = end;
    }
    records
}

/// The strings of a TXT record. One without a key is ignored, and so is a key that was there before (RFC 6763 section 6.4).
fn texts(mut data: &[u8]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    while let Some((&length, rest)) = data.split_first()
        && let Some((text, rest)) = rest.split_at_checked(length.into())
        && found.len() < MOST_TEXTS
    {
        data = rest;
        let text: String = String::from_utf8_lossy(text).chars().take(LONGEST_TEXT).collect();
        let (key, value) = text.split_once('=').unwrap_or((&text, ""));
        if !key.is_empty() && !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(key)) {
            found.push((key.to_owned(), value.to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    /// An answer about `x._ipp._tcp.local` with a service, texts and two addresses, one of them additional.
    fn sample(id: u16) -> Vec<u8> {
        let mut message = service_question(id, &name("x._ipp._tcp.local"));
        message[2] = 0x84;
        (message[7], message[11]) = (3, 1);
        let mut add = |kind: u8, data: &[u8]| {
            message.extend([0xc0, 12, 0, kind, 0x80, 1, 0, 0, 0, 10, 0, data.len() as u8]);
            message.extend(data);
        };
        add(33, &[0, 0, 0, 0, 2, 119, 1, b'h', 0xc0, 24]);
        add(16, b"\x04ty=L\x04TY=M\x02=x\x01a\x00\x02b=");
        add(1, &[10, 0, 0, 5]);
        add(28, &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        message
    }

    #[test]
    fn answers_are_read() {
        let records = read(&sample(7), 7);
        let x = || name("x._ipp._tcp.local");
        let texts = [("ty", "L"), ("a", ""), ("b", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let v6: Ipv6Addr = "fe80::1".parse().unwrap();
        assert_eq!(
            records,
            [
                Record::Service(x(), name("h.local")),
                Record::Texts(x(), texts.to_vec()),
                Record::Address(x(), [10, 0, 0, 5].into()),
                Record::Address(x(), v6.into()),
            ]
        );
    }

    #[test]
    fn only_answers_are_read_and_of_one_cut_short_the_whole_records() {
        let message = sample(7);
        assert_eq!(read(&message, 8), []);
        for (at, byte) in [(2, 0x04), (2, 0x8c), (3, 3)] {
            let mut other = message.clone();
            other[at] = byte;
            assert_eq!(read(&other, 7), [], "{at} {byte}");
        }
        for end in 0..message.len() {
            assert!(read(&message[..end], 7).len() < 4);
        }
        assert_eq!(read(&vec![0; LONGEST + 1], 0), []);
    }
}
