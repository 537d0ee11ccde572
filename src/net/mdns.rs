//! Questions to one interface's multicast DNS (RFC 6762) from a port of our own, and what is said in answer.
//!
//! Owns the sockets and the reading of answers; `dns` reads names and records. A question from another port than 5353 is
//! answered to it alone (section 6.7), so this listens to nothing else. Answers count only from the link itself: on the
//! interface that was asked, from an address of its networks (section 11).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use super::dns::{Name, question, row};
use super::interface::Nic;
use crate::model::RecordType;

const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
const PORT: u16 = 5353;
/// The longest message there is (RFC 6762 section 17).
const LONGEST: usize = 9000;
/// Records of one message that are read.
const MOST_RECORDS: u16 = 256;
/// Texts of one service, and their characters, that are kept.
const MOST_TEXTS: usize = 32;
const LONGEST_TEXT: usize = 256;

const A: u16 = 1;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A host has an address.
    Address(Name, IpAddr),
    /// A service is on a host.
    Service(Name, Name),
    /// More about a service: keys and values (RFC 6763 section 6).
    Texts(Name, Vec<(String, String)>),
}

/// Asks where a service is and what it says of itself.
pub fn ask_service(id: u16, name: &Name) -> Vec<u8> {
    question(id, name, &[RecordType(SRV), RecordType(TXT)], false)
}

/// Asks for the addresses of a host.
pub fn ask_host(id: u16, name: &Name) -> Vec<u8> {
    question(id, name, &[RecordType(A), RecordType(AAAA)], false)
}

/// Reads an answer to a question with this id; nothing where it is none. Of one that is cut short, what is whole.
pub fn read(message: &[u8], id: u16) -> Vec<Said> {
    let mut said = Vec::new();
    let head: Option<[u8; 12]> = message.get(..12).and_then(|head| head.try_into().ok());
    let Some(head) = head.filter(|_| message.len() <= LONGEST) else {
        return said;
    };
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    // A response, of an ordinary query, without an error.
    if word(0) != id || word(2) & 0xf80f != 0x8000 {
        return said;
    }
    let mut at = 12;
    for _ in 0..word(4).min(MOST_RECORDS) {
        match Name::read(message, at) {
            Some((_, end)) => at = end + 4,
            None => return said,
        }
    }
    let records = [6, 8, 10].into_iter().map(|at| u32::from(word(at))).sum::<u32>();
    for _ in 0..records.min(MOST_RECORDS.into()) {
        let Some((row, end)) = row(message, at) else { break };
        let one = match row.kind {
            A => <[u8; 4]>::try_from(row.data)
                .ok()
                .map(|ip| Said::Address(row.name, ip.into())),
            AAAA => <[u8; 16]>::try_from(row.data)
                .ok()
                .map(|ip| Said::Address(row.name, ip.into())),
            SRV => Name::read(message, row.start + 6).map(|(host, _)| Said::Service(row.name, host)),
            TXT => Some(Said::Texts(row.name, texts(row.data))),
            _ => None,
        };
        said.extend(one);
        at = end;
    }
    said
}

/// The strings of a TXT record; what has no key is nothing, and of a key that is there twice the first counts.
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

/// A socket of one family on one interface.
pub struct MdnsSocket {
    socket: UdpSocket,
    nic: Nic,
    group: SocketAddr,
}

impl MdnsSocket {
    /// Those that this interface allows: IPv4 from its first address, IPv6 where it has a link-local one.
    ///
    /// # Errors
    /// What the system says where it allows none.
    pub fn open(nic: &Nic) -> io::Result<Vec<Self>> {
        let link_local = |ip: &&Ipv6Addr| ip.is_unicast_link_local();
        let v4 = nic.v4.first().map(|(address, _)| IpAddr::V4(*address));
        let v6 = nic.v6.iter().find(link_local).map(|address| IpAddr::V6(*address));
        let (mut opened, mut problem) = (Vec::new(), None);
        for from in [v4, v6].into_iter().flatten() {
            match Self::open_one(nic, from) {
                Ok(socket) => opened.push(socket),
                Err(error) => problem = Some(error),
            }
        }
        match problem {
            Some(error) if opened.is_empty() => Err(error),
            _ => Ok(opened),
        }
    }

    fn open_one(nic: &Nic, from: IpAddr) -> io::Result<Self> {
        let open = |domain| Socket::new(domain, Type::DGRAM, Some(Protocol::UDP));
        let (socket, from, group): (_, SocketAddr, SocketAddr) = match from {
            IpAddr::V4(from) => {
                let socket = open(Domain::IPV4)?;
                socket.set_multicast_if_v4(&from)?;
                socket.set_multicast_ttl_v4(255)?;
                (socket, (from, 0).into(), (GROUP_V4, PORT).into())
            }
            IpAddr::V6(from) => {
                let socket = open(Domain::IPV6)?;
                socket.set_only_v6(true)?;
                socket.set_multicast_if_v6(nic.index)?;
                socket.set_multicast_hops_v6(255)?;
                let from = SocketAddrV6::new(from, 0, 0, nic.index);
                (
                    socket,
                    from.into(),
                    SocketAddrV6::new(GROUP_V6, PORT, 0, nic.index).into(),
                )
            }
        };
        // Since Linux 5.7 without a privilege; on an older one the check of the sender has to do.
        let _ = socket.bind_device(Some(nic.name.as_bytes()));
        socket.bind(&from.into())?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: socket.into(),
            nic: nic.clone(),
            group,
        })
    }

    /// Sends a question to everybody on the link.
    ///
    /// # Errors
    /// What the system says.
    pub fn ask(&self, question: &[u8]) -> io::Result<()> {
        self.socket.send_to(question, self.group).map(|_| ())
    }

    /// What is said in answer to questions with this id, if anything has come. Does not wait.
    pub fn hear(&self, id: u16) -> Option<Vec<Said>> {
        let mut buffer = [0; LONGEST + 1];
        let (length, from) = self.socket.recv_from(&mut buffer).ok()?;
        let here = match from {
            SocketAddr::V4(from) => self.nic.v4.iter().any(|(_, network)| network.contains(*from.ip())),
            SocketAddr::V6(from) => from.ip().is_unicast_link_local() && from.scope_id() == self.nic.index,
        };
        Some(if here { read(&buffer[..length], id) } else { Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    /// An answer about `x._ipp._tcp.local` with a service, texts and two addresses, one of them additional.
    fn sample(id: u16) -> Vec<u8> {
        let mut message = ask_service(id, &name("x._ipp._tcp.local"));
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
        let said = read(&sample(7), 7);
        let x = || name("x._ipp._tcp.local");
        let texts = [("ty", "L"), ("a", ""), ("b", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let v6: Ipv6Addr = "fe80::1".parse().unwrap();
        assert_eq!(
            said,
            [
                Said::Service(x(), name("h.local")),
                Said::Texts(x(), texts.to_vec()),
                Said::Address(x(), [10, 0, 0, 5].into()),
                Said::Address(x(), v6.into()),
            ]
        );
    }

    #[test]
    fn what_is_no_answer_says_nothing_and_what_is_cut_short_what_is_whole() {
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
