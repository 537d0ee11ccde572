//! A scripted SNMP agent (versions 1 and 2c): serves a table of variables, and misbehaves as it is told.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub use super::ber::Asn;
use super::ber::{Oid, number, read_oid, tlv, wrap, write_oid};

/// What it serves and how it misbehaves.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub mib: BTreeMap<Oid, Asn>,
    /// Answers nobody.
    pub silent: bool,
    /// Answers nobody after so many requests.
    pub silent_after: Option<usize>,
    /// Does not answer every nth request.
    pub lose_every: Option<usize>,
    /// Answers every reply twice.
    pub double: bool,
    /// Sends the reply to the request before the present one first.
    pub stale_first: bool,
    /// Answers this late.
    pub late: Duration,
    /// Answers tooBig to what would be more variables than this.
    pub too_big: Option<usize>,
    /// Answers at most so many variables.
    pub most: Option<usize>,
    /// Does not answer GETBULK of more rows than this; 0: of any.
    pub bulk_silent_above: Option<usize>,
    /// Answers genErr to GETBULK.
    pub bulk_error: bool,
    /// After this variable comes that one.
    pub detour: Option<(Oid, Oid)>,
    /// Answers with this instead of a message.
    pub garbage: Option<Vec<u8>>,
    /// Answers with another request's id.
    pub wrong_id: bool,
    /// After so many more answers this variable changes.
    pub later: Vec<(usize, Oid, Asn)>,
}

/// What it was asked.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub requests: usize,
    pub bulks: usize,
    /// Variables asked for by name.
    pub names: Vec<Oid>,
}

/// A running agent; ends with the test's process.
pub struct Agent {
    pub address: SocketAddr,
    script: Arc<Mutex<Script>>,
    seen: Arc<Mutex<Seen>>,
}

impl Agent {
    /// On this address, in the namespace of the calling thread.
    pub fn start(address: &str, script: Script) -> Self {
        let socket = UdpSocket::bind(address).expect("an address for the agent");
        let agent = Self {
            address: socket.local_addr().unwrap(),
            script: Arc::new(Mutex::new(script)),
            seen: Arc::default(),
        };
        let (script, seen) = (Arc::clone(&agent.script), Arc::clone(&agent.seen));
        std::thread::Builder::new()
            .stack_size(256 << 10)
            .spawn(move || serve(&socket, &script, &seen))
            .unwrap();
        agent
    }

    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// What it was asked since the last call.
    pub fn seen(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

fn serve(socket: &UdpSocket, script: &Mutex<Script>, seen: &Mutex<Seen>) {
    let mut buffer = vec![0; 65_535];
    let mut count = 0;
    let mut before: Option<Vec<u8>> = None;
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let Some(request) = Request::read(&buffer[..length]) else {
            continue;
        };
        count += 1;
        let mut told = seen.lock().unwrap();
        told.requests += 1;
        told.bulks += usize::from(request.kind == 0xa5);
        told.names.extend(request.names.iter().cloned());
        drop(told);
        let mut script = script.lock().unwrap();
        let bulk = script.bulk_silent_above.filter(|_| request.kind == 0xa5);
        let lost = script.silent
            || script.silent_after.is_some_and(|after| count > after)
            || script.lose_every.is_some_and(|every| count % every == 0)
            || bulk.is_some_and(|most| request.index as usize > most);
        if lost {
            continue;
        }
        let reply = script.garbage.clone().unwrap_or_else(|| script.answer(&request));
        for (answers, name, value) in std::mem::take(&mut script.later) {
            if answers > 1 {
                script.later.push((answers - 1, name, value));
            } else {
                script.mib.insert(name, value);
            }
        }
        let (late, stale_first, double) = (script.late, script.stale_first, script.double);
        drop(script);
        std::thread::sleep(late);
        let stale = stale_first.then(|| before.replace(reply.clone())).flatten();
        if let Some(stale) = stale {
            let _ = socket.send_to(&stale, from);
        }
        for _ in 0..=usize::from(double) {
            let _ = socket.send_to(&reply, from);
        }
    }
}

struct Request {
    version: Vec<u8>,
    community: Vec<u8>,
    kind: u8,
    id: Vec<u8>,
    /// non-repeaters and max-repetitions.
    status: u32,
    index: u32,
    names: Vec<Oid>,
}

impl Request {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (0x30, message, _) = tlv(bytes)? else { return None };
        let (0x02, version, rest) = tlv(message)? else {
            return None;
        };
        let (0x04, community, rest) = tlv(rest)? else {
            return None;
        };
        let (kind, pdu, _) = tlv(rest)?;
        let (0x02, id, rest) = tlv(pdu)? else { return None };
        let (0x02, status, rest) = tlv(rest)? else { return None };
        let (0x02, index, rest) = tlv(rest)? else { return None };
        let (0x30, mut list, _) = tlv(rest)? else { return None };
        let mut names = Vec::new();
        while !list.is_empty() {
            let (0x30, binding, after) = tlv(list)? else {
                return None;
            };
            let (0x06, name, _) = tlv(binding)? else { return None };
            names.push(read_oid(name));
            list = after;
        }
        let small = |content: &[u8]| content.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        Some(Self {
            version: version.to_vec(),
            community: community.to_vec(),
            kind,
            id: id.to_vec(),
            status: small(status),
            index: small(index),
            names,
        })
    }
}

impl Script {
    fn answer(&self, request: &Request) -> Vec<u8> {
        let v1 = request.version == [0];
        let (mut status, mut index) = (0, 0);
        let mut bindings: Vec<(Oid, Asn)> = Vec::new();
        match request.kind {
            0xa0 => {
                for (place, name) in request.names.iter().enumerate() {
                    let value = self.mib.get(name).filter(|value| !(v1 && value.0 == 0x46));
                    if value.is_none() && v1 && status == 0 {
                        (status, index) = (2, place as u32 + 1);
                    }
                    bindings.push((name.clone(), value.cloned().unwrap_or(Asn(0x81, Vec::new()))));
                }
            }
            0xa1 => {
                for (place, name) in request.names.iter().enumerate() {
                    let next = self.next(name, v1);
                    if next.is_none() && v1 && status == 0 {
                        (status, index) = (2, place as u32 + 1);
                    }
                    bindings.push(next.unwrap_or((name.clone(), Asn(0x82, Vec::new()))));
                }
            }
            _ if self.bulk_error => status = 5,
            _ => {
                let mut names = request.names.clone();
                for _ in 0..request.index {
                    for name in &mut names {
                        let next = self.next(name, v1).unwrap_or((name.clone(), Asn(0x82, Vec::new())));
                        name.clone_from(&next.0);
                        bindings.push(next);
                    }
                }
                // as an agent with a small buffer
                bindings.truncate(self.most.unwrap_or(2_000));
            }
        }
        if self.too_big.is_some_and(|most| bindings.len() > most) {
            (status, index) = (1, 0);
        }
        if status != 0 {
            bindings = request
                .names
                .iter()
                .map(|name| (name.clone(), Asn(0x05, Vec::new())))
                .collect();
        }
        let mut id = request.id.clone();
        if self.wrong_id {
            *id.last_mut().unwrap() ^= 0x40;
        }
        let list: Vec<u8> = bindings
            .iter()
            .flat_map(|(name, value)| wrap(0x30, &[wrap(0x06, &write_oid(name)), wrap(value.0, &value.1)].concat()))
            .collect();
        let pdu = [
            wrap(0x02, &id),
            wrap(0x02, &number(status)),
            wrap(0x02, &number(index.into())),
            wrap(0x30, &list),
        ];
        let message = [
            wrap(0x02, &request.version),
            wrap(0x04, &request.community),
            wrap(0xa2, &pdu.concat()),
        ];
        wrap(0x30, &message.concat())
    }

    fn next(&self, name: &Oid, v1: bool) -> Option<(Oid, Asn)> {
        if let Some((_, to)) = self.detour.as_ref().filter(|(from, _)| from == name) {
            return Some((to.clone(), self.mib[to].clone()));
        }
        let after = (Bound::Excluded(name.clone()), Bound::Unbounded);
        self.mib
            .range(after)
            .find(|(_, value)| !(v1 && value.0 == 0x46))
            .map(|(name, value)| (name.clone(), value.clone()))
    }
}

/// ifTable's column.
pub fn if_entry(column: u32, index: u32) -> Oid {
    vec![1, 3, 6, 1, 2, 1, 2, 2, 1, column, index]
}

/// ifXTable's column.
pub fn ifx_entry(column: u32, index: u32) -> Oid {
    vec![1, 3, 6, 1, 2, 1, 31, 1, 1, 1, column, index]
}

pub const UPTIME: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 3, 0];

impl Script {
    /// A device with interfaces `eth1` ... and no fault. Counters are made from index and column, so that each is
    /// different: see [`octets`].
    pub fn device(interfaces: u32) -> Self {
        let mut script = Self::default();
        let system = |last: u32| vec![1, 3, 6, 1, 2, 1, 1, last, 0];
        script.mib.insert(system(1), Asn::text("a scripted device"));
        script
            .mib
            .insert(system(2), Asn(0x06, write_oid(&[1, 3, 6, 1, 4, 1, 99_999])));
        script.mib.insert(UPTIME.to_vec(), Asn::ticks(360_000));
        script.mib.insert(system(4), Asn::text("somebody"));
        script.mib.insert(system(5), Asn::text("switch"));
        script.mib.insert(system(6), Asn::text("cellar"));
        script.mib.insert(vec![1, 3, 6, 1, 2, 1, 2, 1, 0], Asn::int(interfaces));
        script.mib.insert(vec![1, 3, 6, 1, 2, 1, 31, 1, 5, 0], Asn::ticks(100));
        for index in 1..=interfaces {
            script.interface(index, &format!("eth{index}"));
        }
        script
    }

    /// Adds an interface.
    pub fn interface(&mut self, index: u32, name: &str) {
        let plain = [
            (1, Asn::int(index)),
            (2, Asn::text(&format!("Port {index}"))),
            (3, Asn::int(6)),
            (5, Asn::gauge32(1_000_000_000)),
            (6, Asn(0x04, vec![2, 0, 0, 0, (index >> 8) as u8, index as u8])),
            (7, Asn::int(1)),
            (8, Asn::int(1)),
        ];
        let extended = [(1, Asn::text(name)), (15, Asn::gauge32(1_000)), (18, Asn::text(""))];
        for (column, value) in plain {
            self.mib.insert(if_entry(column, index), value);
        }
        for (column, value) in extended {
            self.mib.insert(ifx_entry(column, index), value);
        }
        for column in [10, 11, 13, 14, 16, 17, 19, 20] {
            self.mib
                .insert(if_entry(column, index), Asn::counter32(octets(column, index) as u32));
        }
        for column in [6, 7, 10, 11] {
            let value = (1_u64 << 33) + octets(column, index);
            self.mib.insert(ifx_entry(column, index), Asn::counter64(value));
        }
    }

    /// Takes a column away.
    pub fn without(mut self, column: impl Fn(u32) -> Oid) -> Self {
        let prefix = column(0);
        let prefix = &prefix[..prefix.len() - 1];
        self.mib.retain(|name, _| !name.starts_with(prefix));
        self
    }

    /// Without all of ifXTable.
    pub fn without_extension(mut self) -> Self {
        self.mib.retain(|name, _| !name.starts_with(&[1, 3, 6, 1, 2, 1, 31]));
        self
    }
}

/// What a counter of [`Script::interface`] says.
pub fn octets(column: u32, index: u32) -> u64 {
    u64::from(index) * 1_000 + u64::from(column)
}
