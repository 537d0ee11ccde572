//! Version 3 of a scripted agent: a gate before it that speaks USM, and misbehaves as it is told.
//!
//! Its own small reading and writing of RFC 3414 and RFC 3826, for SHA-1 and AES-128, so that it does not share a mistake
//! with the program it tests.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use aes::Aes128;
use cfb_mode::cipher::{AsyncStreamCipher as _, KeyIvInit as _};
use hmac::{Hmac, Mac as _};
use sha1::{Digest as _, Sha1};

use super::ber::{number, tlv, wrap};

pub const USER: &str = "lanpulse";
pub const AUTH_PASSWORD: &str = "authpass99";
pub const PRIVACY_PASSWORD: &str = "privpass99";
pub const ENGINE: [u8; 9] = [0x80, 0, 0x1f, 0x88, 4, 0xaa, 0xbb, 0xcc, 0xdd];

const SIGNED: u8 = 1;
const ENCRYPTED: u8 = 2;
/// usmStatsNotInTimeWindows and its kind, with the zero of the instance.
const NOT_IN_TIME: u8 = 2;
const UNKNOWN_USER: u8 = 3;
const UNKNOWN_ENGINE: u8 = 4;
const WRONG_DIGEST: u8 = 5;

/// The key of a password at an engine (RFC 3414, A.2.2).
pub fn key(password: &str, engine: &[u8]) -> Vec<u8> {
    let block: Vec<u8> = password.bytes().cycle().take(1 << 20).collect();
    let digest = Sha1::digest(block);
    Sha1::digest([&digest[..], engine, &digest[..]].concat()).to_vec()
}

fn octets(content: &[u8]) -> Vec<u8> {
    wrap(4, content)
}

fn integer(value: u64) -> Vec<u8> {
    wrap(2, &number(value))
}

/// The user's keys at [`ENGINE`].
#[derive(Clone)]
pub struct Keys {
    auth: Vec<u8>,
    privacy: Vec<u8>,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            auth: key(AUTH_PASSWORD, &ENGINE),
            privacy: key(PRIVACY_PASSWORD, &ENGINE)[..16].to_vec(),
        }
    }
}

/// The outside of a message.
#[derive(Clone, Debug)]
pub struct Outside {
    pub id: Vec<u8>,
    pub max_size: u64,
    pub flags: u8,
    pub clock: (u32, u32),
}

impl Keys {
    fn vector((boots, time): (u32, u32), salt: &[u8]) -> Vec<u8> {
        [&boots.to_be_bytes()[..], &time.to_be_bytes(), salt].concat()
    }

    fn decrypt(&self, clock: (u32, u32), salt: &[u8], data: &mut [u8]) {
        let vector = Self::vector(clock, salt);
        if let Ok(cipher) = cfb_mode::Decryptor::<Aes128>::new_from_slices(&self.privacy, &vector) {
            cipher.decrypt(data);
        }
    }

    /// A message, signed and encrypted as its flags say.
    pub fn seal(&self, outside: &Outside, scoped: &[u8]) -> Vec<u8> {
        let mut message = self.unsigned(outside, scoped);
        if outside.flags & SIGNED != 0 {
            self.sign(&mut message);
        }
        message
    }

    /// A message with zeros where its signature belongs.
    pub fn unsigned(&self, outside: &Outside, scoped: &[u8]) -> Vec<u8> {
        let (signed, encrypted) = (outside.flags & SIGNED != 0, outside.flags & ENCRYPTED != 0);
        let salt = [7; 8];
        let mut data = scoped.to_vec();
        if encrypted {
            let vector = Self::vector(outside.clock, &salt);
            let cipher = cfb_mode::Encryptor::<Aes128>::new_from_slices(&self.privacy, &vector).unwrap();
            cipher.encrypt(&mut data);
            data = octets(&data);
        }
        let security = [
            octets(&ENGINE),
            integer(outside.clock.0.into()),
            integer(outside.clock.1.into()),
            octets(if signed { USER.as_bytes() } else { &[] }),
            octets(if signed { &[0; 12] } else { &[] }),
            octets(if encrypted { &salt } else { &[] }),
        ];
        let header = [
            wrap(2, &outside.id),
            integer(outside.max_size),
            octets(&[outside.flags]),
            integer(3),
        ];
        let parts = [
            integer(3),
            wrap(0x30, &header.concat()),
            octets(&wrap(0x30, &security.concat())),
            data,
        ];
        wrap(0x30, &parts.concat())
    }

    /// Signs the place of twelve zeros, if there still is one.
    pub fn sign(&self, message: &mut [u8]) {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.auth).unwrap();
        mac.update(message);
        let signature = mac.finalize().into_bytes();
        let hole = [&[4, 12][..], &[0; 12]].concat();
        if let Some(place) = message.windows(hole.len()).position(|window| window == hole) {
            message[place + 2..place + 14].copy_from_slice(&signature[..12]);
        }
    }
}

/// How the gate misbehaves.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// snmpEngineBoots, and what is added to snmpEngineTime.
    pub boots: u32,
    pub ahead: u32,
    /// msgMaxSize.
    pub max_size: u64,
    /// Before each answer comes one of a later boot, with that one's signature.
    pub forge: bool,
    /// Answers in the clear, to who encrypts.
    pub strip: bool,
}

/// A running gate; ends with the test's process.
pub struct Gate {
    pub address: SocketAddr,
    faults: Arc<Mutex<Faults>>,
    reports: Arc<Mutex<Vec<u8>>>,
}

impl Gate {
    /// Before this agent.
    pub fn start(agent: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("an address for the gate");
        let inside = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        inside.connect(agent).unwrap();
        inside.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let faults = Faults {
            boots: 3,
            ahead: 1_000,
            max_size: 65_507,
            ..Faults::default()
        };
        let gate = Self {
            address: socket.local_addr().unwrap(),
            faults: Arc::new(Mutex::new(faults)),
            reports: Arc::default(),
        };
        let (faults, reports) = (Arc::clone(&gate.faults), Arc::clone(&gate.reports));
        std::thread::spawn(move || serve(&socket, &inside, &faults, &reports));
        gate
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap()
    }

    /// The kinds of reports it sent since the last call: 4 is discovery, 2 a wrong clock.
    pub fn reports(&self) -> Vec<u8> {
        std::mem::take(&mut *self.reports.lock().unwrap())
    }
}

fn serve(socket: &UdpSocket, inside: &UdpSocket, faults: &Mutex<Faults>, reports: &Mutex<Vec<u8>>) {
    let (keys, start) = (Keys::default(), Instant::now());
    let mut buffer = vec![0; 65_535];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let faults = faults.lock().unwrap().clone();
        let clock = (faults.boots, faults.ahead + start.elapsed().as_secs() as u32);
        let Some(request) = Request::read(&keys, clock, &buffer[..length]) else {
            continue;
        };
        let mut outside = Outside {
            id: request.id,
            max_size: faults.max_size,
            flags: request.flags & (SIGNED | ENCRYPTED),
            clock,
        };
        let pdu = match request.pdu {
            Ok(pdu) => {
                let message = [integer(1), octets(b"public"), pdu].concat();
                inside.send(&wrap(0x30, &message)).unwrap();
                let Ok(length) = inside.recv(&mut buffer) else { continue };
                let (_, content, _) = tlv(&buffer[..length]).unwrap();
                let (_, _, rest) = tlv(content).unwrap();
                tlv(rest).unwrap().2.to_vec()
            }
            Err(kind) => {
                reports.lock().unwrap().push(kind);
                outside.flags = if kind == NOT_IN_TIME { SIGNED } else { 0 };
                let name = wrap(6, &[0x2b, 6, 1, 6, 3, 15, 1, 1, kind, 0]);
                let list = wrap(0x30, &wrap(0x30, &[name, wrap(0x41, &[1])].concat()));
                wrap(0xa8, &[wrap(2, &outside.id), integer(0), integer(0), list].concat())
            }
        };
        let scoped = wrap(0x30, &[octets(&ENGINE), octets(&[]), pdu].concat());
        if faults.strip {
            outside.flags &= !ENCRYPTED;
        }
        if faults.forge {
            let mut later = outside.clone();
            later.clock = (clock.0 + 5, 1);
            let mut forged = keys.seal(&later, &scoped);
            let end = forged.len() - 1;
            forged[end] ^= 1;
            let _ = socket.send_to(&forged, from);
        }
        let _ = socket.send_to(&keys.seal(&outside, &scoped), from);
    }
}

struct Request {
    id: Vec<u8>,
    flags: u8,
    /// What is asked, or the report that refuses it.
    pdu: Result<Vec<u8>, u8>,
}

impl Request {
    fn read(keys: &Keys, ours: (u32, u32), bytes: &[u8]) -> Option<Self> {
        let (0x30, message, _) = tlv(bytes)? else { return None };
        let (0x02, [3], rest) = tlv(message)? else { return None };
        let (0x30, header, rest) = tlv(rest)? else { return None };
        let (0x04, security, rest) = tlv(rest)? else {
            return None;
        };
        let (_, data, _) = tlv(rest)?;
        let fields = |mut list: &[u8]| -> Option<Vec<Vec<u8>>> {
            let mut fields = Vec::new();
            while !list.is_empty() {
                let (_, content, after) = tlv(list)?;
                fields.push(content.to_vec());
                list = after;
            }
            Some(fields)
        };
        let header = fields(header)?;
        let security = fields(tlv(security)?.1)?;
        let flags = header[2][0];
        let [engine, boots, time, user, signature, salt] = &security[..] else {
            return None;
        };
        let small = |content: &[u8]| content.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        let clock = (small(boots), small(time));
        let refusal = if engine != &ENGINE {
            Some(UNKNOWN_ENGINE)
        } else if user != USER.as_bytes() {
            Some(UNKNOWN_USER)
        } else if !keys.is_signed(bytes, signature) {
            Some(WRONG_DIGEST)
        } else if clock.0 != ours.0 || clock.1.abs_diff(ours.1) > 150 {
            Some(NOT_IN_TIME)
        } else {
            None
        };
        let mut data = data.to_vec();
        let pdu = match refusal {
            Some(kind) => Err(kind),
            None if flags & ENCRYPTED != 0 => {
                keys.decrypt(clock, salt, &mut data);
                data = tlv(&data)?.1.to_vec();
                Ok(data)
            }
            None => Ok(data),
        };
        let pdu = match pdu {
            // after the context's engine and name
            Ok(scoped) => Ok(tlv(tlv(&scoped)?.2)?.2.to_vec()),
            Err(kind) => Err(kind),
        };
        Some(Self {
            id: header[0].clone(),
            flags,
            pdu,
        })
    }
}

impl Keys {
    fn is_signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let Some(place) = bytes
            .windows(signature.len().max(1))
            .position(|window| window == signature)
        else {
            return false;
        };
        let mut message = bytes.to_vec();
        message[place..place + signature.len()].fill(0);
        self.sign(&mut message);
        message == bytes
    }
}
