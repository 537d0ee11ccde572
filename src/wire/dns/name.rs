//! Domain names (RFC 1035 section 3.1), with compression (section 4.1.4).

use std::fmt::{self, Write};

/// A name: its labels, without the empty label of the root. Case does not matter when names are compared (RFC 1035
/// section 2.3.3).
#[derive(Clone, Debug)]
pub struct Name(Vec<Vec<u8>>);

impl Name {
    /// Reads text with dots between the labels; `None` where a label is empty or too long, or the name is.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let labels = text.split('.').filter(|_| !text.is_empty());
        Self(labels.map(|label| label.as_bytes().to_vec()).collect()).checked()
    }

    /// The name one label below this one. The label may have dots in it: `Dr. No` below `_ipp._tcp.local`.
    pub fn child(&self, label: &str) -> Option<Self> {
        let labels = std::iter::once(label.as_bytes().to_vec()).chain(self.0.iter().cloned());
        Self(labels.collect()).checked()
    }

    /// A label has at most 63 bytes; a name has at most 255 with the lengths of its labels (RFC 1035 section 2.3.4).
    fn checked(self) -> Option<Self> {
        let fits = self.0.iter().all(|label| (1..=63).contains(&label.len()));
        (fits && self.0.iter().map(|label| label.len() + 1).sum::<usize>() < 255).then_some(self)
    }

    /// Reads the name that begins at `start`, and returns where it ends. Compression pointers must lead backwards, so that
    /// they cannot loop.
    pub(in crate::wire) fn read(message: &[u8], start: usize) -> Option<(Self, usize)> {
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

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for label in &self.0 {
            out.push(label.len() as u8);
            out.extend(label);
        }
        out.push(0);
    }

    /// The name as people write it, with the final dot. Names of multicast DNS are UTF-8 (RFC 6762 section 16).
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

/// As `dig` shows it (RFC 1035 section 5.1): with the final dot, and bytes that are not printable ASCII as numbers.
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

/// Appends bytes as `dig` shows them.
pub(super) fn escape(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b' '..=b'~' => out.push(char::from(*byte)),
            other => drop(write!(out, "\\{other:03}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::question;
    use super::*;
    use crate::model::RecordType;

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
}
