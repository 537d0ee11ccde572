//! A scripted responder of multicast DNS (RFC 6762) that answers exactly what it is asked, without additional records:
//! that is allowed, and takes several questions to find out about a service.
//!
//! Its own small reading and writing of messages, so that it does not share a mistake with the program it tests.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Protocol, Socket, Type};

use super::Segment;

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const PORT: u16 = 5353;

/// A name: its labels.
pub type Labels = Vec<Vec<u8>>;

/// A name of labels without dots.
pub fn labels(text: &str) -> Labels {
    text.split('.').map(|label| label.as_bytes().to_vec()).collect()
}

/// What it answers: name, type, data.
pub type Records = Vec<(Labels, u16, Vec<u8>)>;

/// A service as its records: the pointers to its type and to it, where it is, what it says of itself, and its host's
/// address, under the host name in capitals: case means nothing.
pub fn service(kind: &str, instance: &str, host: &str, address: Ipv4Addr, texts: &[&str]) -> Records {
    let mut whole = vec![instance.as_bytes().to_vec()];
    whole.extend(labels(kind));
    let at = [vec![0, 0, 0, 0, 2, 119], wire(&labels(host))].concat();
    let text: Vec<u8> = texts
        .iter()
        .flat_map(|text| [&[text.len() as u8], text.as_bytes()].concat())
        .collect();
    vec![
        (labels("_services._dns-sd._udp.local"), 12, wire(&labels(kind))),
        (labels(kind), 12, wire(&whole)),
        (whole.clone(), 33, at),
        (whole, 16, text),
        (labels(&host.to_uppercase()), 1, address.octets().to_vec()),
    ]
}

fn wire(name: &Labels) -> Vec<u8> {
    let mut out: Vec<u8> = name
        .iter()
        .flat_map(|label| [&[label.len() as u8][..], label].concat())
        .collect();
    out.push(0);
    out
}

/// Runs until dropped.
pub struct Responder {
    end: Arc<AtomicBool>,
    /// Who asked about what from which port.
    asked: Arc<Mutex<Vec<(SocketAddr, Labels, u16)>>>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    /// On the hosts' side, as the host on this interface with this address.
    pub fn start(segment: &Segment, interface: &str, address: Ipv4Addr, records: Records) -> Self {
        let (end, asked) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let (ended, heard): (_, Arc<Mutex<Vec<_>>>) = (Arc::clone(&end), Arc::clone(&asked));
        let (namespace, interface) = (segment.namespace(), interface.to_owned());
        let thread = std::thread::spawn(move || {
            setns(std::fs::File::open(namespace).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
            socket.set_reuse_address(true).unwrap();
            socket.bind_device(Some(interface.as_bytes())).unwrap();
            socket.set_multicast_if_v4(&address).unwrap();
            socket.set_multicast_ttl_v4(255).unwrap();
            socket.join_multicast_v4(&GROUP, &address).unwrap();
            socket
                .bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)).into())
                .unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            let socket = UdpSocket::from(socket);
            let mut buffer = [0; 9000];
            while !ended.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                respond(&socket, &buffer[..length], from, &records, &heard);
            }
        });
        Self {
            end,
            asked,
            thread: Some(thread),
        }
    }

    /// Ports other than 5353 that a question about this name came from.
    pub fn asked_from(&self, name: &Labels) -> Vec<SocketAddr> {
        let asked = self.asked.lock().unwrap();
        let from = asked
            .iter()
            .filter(|(from, asked, _)| asked == name && from.port() != PORT);
        from.map(|(from, ..)| *from).collect()
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn respond(
    socket: &UdpSocket,
    message: &[u8],
    from: SocketAddr,
    records: &Records,
    heard: &Mutex<Vec<(SocketAddr, Labels, u16)>>,
) {
    let Some(questions) = questions(message) else { return };
    heard
        .lock()
        .unwrap()
        .extend(questions.iter().map(|(name, kind)| (from, name.clone(), *kind)));
    let same = |a: &Labels, b: &Labels| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.eq_ignore_ascii_case(b));
    let answers: Vec<_> = records
        .iter()
        .filter(|(name, kind, _)| {
            questions
                .iter()
                .any(|(asked, wanted)| same(asked, name) && wanted == kind)
        })
        .collect();
    if answers.is_empty() {
        return;
    }
    // Section 6.7: whoever asks from another port is answered alone, with its id and question.
    let alone = from.port() != PORT;
    let mut reply = if alone { message[..2].to_vec() } else { vec![0, 0] };
    let count = if alone { questions.len() as u8 } else { 0 };
    reply.extend([0x84, 0, 0, count, 0, answers.len() as u8, 0, 0, 0, 0]);
    for (name, kind) in questions.iter().filter(|_| alone) {
        reply.extend(wire(name));
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1]);
    }
    for (name, kind, data) in answers {
        reply.extend(wire(name));
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 10]);
        reply.extend((data.len() as u16).to_be_bytes());
        reply.extend(data);
    }
    let to = if alone { from } else { (GROUP, PORT).into() };
    let _ = socket.send_to(&reply, to);
}

/// The questions of a query. Names may lead back to earlier ones.
fn questions(message: &[u8]) -> Option<Vec<(Labels, u16)>> {
    if message.get(2)? & 0x80 != 0 {
        return None;
    }
    let mut at = 12;
    let mut found = Vec::new();
    for _ in 0..u16::from_be_bytes([*message.get(4)?, *message.get(5)?]) {
        let (mut name, mut here, mut end) = (Labels::new(), at, None);
        loop {
            match usize::from(*message.get(here)?) {
                0 => break,
                length @ 1..=63 => {
                    name.push(message.get(here + 1..=here + length)?.to_vec());
                    here += 1 + length;
                }
                pointer => {
                    end = end.or(Some(here + 2));
                    here = (pointer & 0x3f) << 8 | usize::from(*message.get(here + 1)?);
                }
            }
        }
        at = end.unwrap_or(here + 1);
        found.push((name, u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?])));
        at += 4;
    }
    Some(found)
}
