//! Messages of SNMP version 3 under the user-based security model (RFC 3412, RFC 3414).
//!
//! Owns the layout of the envelope and what is believed of a reply: nothing is taken over from a message before its
//! signature has been checked, except in discovery, where there is none. Gets a user and what is known of the device's
//! engine; gives bytes, and what a message says.

use std::time::Duration;

use tokio::time::Instant;

use super::ber::{self, Malformed, Oid, Reader, tag};
use super::cipher;
use super::credentials::User;
use super::message::{self, Op, Query, Reply};
use crate::model::LabelValue;

/// What we accept: the largest UDP datagram's content.
const MAX_SIZE: i64 = 65_507;
/// msgSecurityModel of USM.
const USM: i64 = 3;
const AUTH: u8 = 1;
const PRIVACY: u8 = 2;
const REPORTABLE: u8 = 4;
/// usmStats, 1.3.6.1.6.3.15.1.1: what reports are about.
const STATS: [u32; 9] = [1, 3, 6, 1, 6, 3, 15, 1, 1];
/// Engine ids have 5 to 32 bytes (RFC 3411, `SnmpEngineID`); some devices have shorter ones.
const ENGINE_ID_MAX_BYTES: usize = 32;

/// The device's SNMP engine, and our keys there.
#[derive(Clone)]
pub struct Engine {
    id: Vec<u8>,
    boots: u32,
    time: u32,
    /// When `time` was so.
    at: Instant,
    auth_key: Vec<u8>,
    privacy_key: Vec<u8>,
}

/// Why the device did not answer the question, as its engine reports (RFC 3414, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The user may not be asked this way: no such security level.
    UnsupportedLevel,
    /// Our idea of its clock is wrong.
    NotInTimeWindow,
    /// It does not know the user.
    UnknownUser,
    /// We do not know its engine.
    UnknownEngine,
    /// Our signature is wrong.
    WrongDigest,
    /// It cannot decrypt.
    Decryption,
    /// Something else.
    Other,
}

/// A message from the device.
pub struct Envelope {
    /// Which message it answers.
    pub message_id: i64,
    /// Its engine.
    pub engine_id: Vec<u8>,
    boots: u32,
    time: u32,
    authentic: bool,
    /// What it says.
    pub reply: Reply,
}

impl Engine {
    /// Its id in hexadecimal digits.
    pub fn id_text(&self) -> LabelValue {
        let digits = self.id.iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<String>().into()
    }

    /// Derives our keys at this engine: milliseconds of work.
    pub fn new(user: &User, envelope: &Envelope) -> Self {
        let id = envelope.engine_id.clone();
        let auth = user.auth.as_ref();
        let auth_key = auth.map(|(protocol, password)| cipher::localized_key(*protocol, password, &id));
        let privacy_key = auth
            .zip(user.privacy.as_ref())
            .map(|((auth, _), (protocol, password))| cipher::privacy_key(*auth, *protocol, password, &id));
        Self {
            id,
            boots: envelope.boots,
            time: envelope.time,
            at: Instant::now(),
            auth_key: auth_key.unwrap_or_default(),
            privacy_key: privacy_key.unwrap_or_default(),
        }
    }

    /// Its clock now, from when we last heard of it.
    fn now(&self) -> u32 {
        self.time
            .saturating_add(self.at.elapsed().as_secs() as u32)
            .min(i32::MAX as u32)
    }

    /// Takes its clock over from a message; from an authentic one only.
    pub fn adjust(&mut self, envelope: &Envelope) {
        let newer = (envelope.boots, envelope.time) > (self.boots, self.time);
        if envelope.authentic && (newer || envelope.reply.op == Op::Report) {
            self.boots = envelope.boots;
            self.time = envelope.time;
            self.at = Instant::now();
        }
    }

    /// Whether a message from this engine is as fresh as its clock says (RFC 3414, 3.2, 7b).
    pub fn is_timely(&self, envelope: &Envelope) -> bool {
        const WINDOW: Duration = Duration::from_secs(150);
        envelope.boots > self.boots
            || envelope.boots == self.boots && u64::from(envelope.time) + WINDOW.as_secs() >= u64::from(self.now())
    }
}

/// The question that makes an engine tell its id and clock (RFC 3414, 4).
pub fn discovery(id: i32) -> Vec<u8> {
    let query = Query {
        op: Op::Get,
        repetitions: 0,
        oids: &[],
    };
    let scoped = scoped(&[], &[], id, query);
    let parameters = parameters(&[], (0, 0), &[], 0, &[]);
    envelope(id, REPORTABLE, &parameters, |out| out.extend_from_slice(&scoped))
}

/// A request to an engine, signed and encrypted as the user's credentials say.
pub fn request(user: &User, engine: &Engine, id: i32, salt: u64, query: Query) -> Result<Vec<u8>, Malformed> {
    let clock = (engine.boots, engine.now());
    let mut body = scoped(&engine.id, &user.context, id, query);
    let mut flags = REPORTABLE;
    let mut public = Vec::new();
    if let Some((protocol, _)) = &user.privacy {
        flags |= PRIVACY;
        let mut bytes = salt.to_be_bytes();
        if *protocol == super::credentials::PrivacyProtocol::Des {
            bytes[..4].copy_from_slice(&engine.boots.to_be_bytes());
        }
        cipher::encrypt(*protocol, &engine.privacy_key, clock, bytes, &mut body)?;
        public = bytes.to_vec();
    }
    let signature = user
        .auth
        .as_ref()
        .map_or(0, |(protocol, _)| cipher::signature_length(*protocol));
    if signature > 0 {
        flags |= AUTH;
    }
    let parameters = parameters(&engine.id, clock, &user.name, signature, &public);
    let encrypted = flags & PRIVACY != 0;
    let mut data = Vec::with_capacity(body.len() + 8);
    if encrypted {
        ber::put_octets(&mut data, &body);
    } else {
        data = body;
    }
    let mut bytes = envelope(id, flags, &parameters, |out| out.extend_from_slice(&data));
    if let Some((protocol, _)) = &user.auth {
        // From the end: the data, the privacy parameters with their two bytes of tag and length, the signature.
        let end = bytes.len() - data.len() - public.len() - 2;
        let signed = cipher::sign(*protocol, &engine.auth_key, &bytes);
        if let Some(place) = bytes.get_mut(end - signature..end) {
            place.copy_from_slice(&signed);
        }
    }
    Ok(bytes)
}

fn scoped(engine: &[u8], context: &[u8], id: i32, query: Query) -> Vec<u8> {
    let mut out = Vec::with_capacity(80 + query.oids.len() * 24);
    ber::put(&mut out, tag::SEQUENCE, |out| {
        ber::put_octets(out, engine);
        ber::put_octets(out, context);
        message::put_query(out, id, query);
    });
    out
}

fn parameters(engine: &[u8], (boots, time): (u32, u32), user: &[u8], signature: usize, public: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    ber::put(&mut out, tag::SEQUENCE, |out| {
        ber::put_octets(out, engine);
        ber::put_integer(out, boots.into());
        ber::put_integer(out, time.into());
        ber::put_octets(out, user);
        ber::put_octets(out, &vec![0; signature]);
        ber::put_octets(out, public);
    });
    out
}

fn envelope(id: i32, flags: u8, parameters: &[u8], data: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    ber::put(&mut out, tag::SEQUENCE, |out| {
        ber::put_integer(out, 3);
        ber::put(out, tag::SEQUENCE, |out| {
            ber::put_integer(out, id.into());
            ber::put_integer(out, MAX_SIZE);
            ber::put_octets(out, &[flags]);
            ber::put_integer(out, USM);
        });
        ber::put_octets(out, parameters);
        data(out);
    });
    out
}

/// Reads a message and checks its signature, if our user signs; without an engine only what is not signed.
///
/// # Errors
/// It is no such message, or its signature is wrong: nothing of it may be believed.
pub fn read(user: &User, engine: Option<&Engine>, bytes: &[u8]) -> Result<Envelope, Malformed> {
    let mut message = Reader::new(Reader::new(bytes).expect(tag::SEQUENCE, "no SNMP message")?);
    if message.integer("no SNMP version")? != 3 {
        return Err(Malformed("a reply in another SNMP version"));
    }
    let mut header = Reader::new(message.expect(tag::SEQUENCE, "no message header")?);
    let message_id = header.integer("no message id")?;
    header.integer("no message size")?;
    let flags = header
        .expect(tag::OCTETS, "no message flags")?
        .first()
        .copied()
        .unwrap_or_default();
    if header.integer("no security model")? != USM {
        return Err(Malformed("another security model than USM"));
    }
    let security = Reader::new(message.expect(tag::OCTETS, "no security parameters")?)
        .expect(tag::SEQUENCE, "no security parameters")?;
    let mut security = Reader::new(security);
    let engine_id = security.expect(tag::OCTETS, "no engine id")?;
    let boots = u32::try_from(security.integer("no engine boots")?).map_err(|_| Malformed("engine boots"))?;
    let time = u32::try_from(security.integer("no engine time")?).map_err(|_| Malformed("engine time"))?;
    let name = security.expect(tag::OCTETS, "no user name")?;
    let signature = security.expect(tag::OCTETS, "no signature")?;
    let salt = security.expect(tag::OCTETS, "no privacy parameters")?;
    if engine_id.len() > ENGINE_ID_MAX_BYTES {
        return Err(Malformed("an engine id that is too long"));
    }
    let mut authentic = false;
    if let (true, Some((protocol, _)), Some(engine)) = (flags & AUTH != 0, &user.auth, engine) {
        let place = signature.as_ptr().addr() - bytes.as_ptr().addr();
        let mut unsigned = bytes.to_vec();
        if let Some(place) = unsigned.get_mut(place..place + signature.len()) {
            place.fill(0);
        }
        let ours = cipher::sign(*protocol, &engine.auth_key, &unsigned);
        if !cipher::same(&ours, signature) || engine_id != engine.id || name != user.name {
            return Err(Malformed("a reply with a wrong signature"));
        }
        authentic = true;
    }
    let reply = if flags & PRIVACY == 0 {
        read_scoped(message.expect(tag::SEQUENCE, "no scoped PDU")?)?
    } else {
        let (Some((protocol, _)), Some(engine), true) = (&user.privacy, engine, authentic) else {
            return Err(Malformed("an encrypted reply nobody asked for"));
        };
        let mut data = message.expect(tag::OCTETS, "no encrypted PDU")?.to_vec();
        cipher::decrypt(*protocol, &engine.privacy_key, (boots, time), salt, &mut data)?;
        read_scoped(Reader::new(&data).expect(tag::SEQUENCE, "a reply that does not decrypt")?)?
    };
    // A response must be as well protected as the request; a report may not be (RFC 3412, 7.2.11).
    let asked = (u8::from(user.auth.is_some()) * AUTH) | (u8::from(user.privacy.is_some()) * PRIVACY);
    if reply.op == Op::Response && flags & asked != asked {
        return Err(Malformed("a reply with less security than the request"));
    }
    Ok(Envelope {
        message_id,
        engine_id: engine_id.to_vec(),
        boots,
        time,
        authentic,
        reply,
    })
}

fn read_scoped(content: &[u8]) -> Result<Reply, Malformed> {
    let mut scoped = Reader::new(content);
    scoped.expect(tag::OCTETS, "no context engine")?;
    scoped.expect(tag::OCTETS, "no context name")?;
    message::read_reply(&mut scoped)
}

impl Report {
    /// What a report is about: its variable says.
    pub fn of(reply: &Reply) -> Self {
        let about = |(oid, _): &(Oid, _)| oid.0.strip_prefix(&STATS).and_then(<[u32]>::first).copied();
        match reply.bindings.first().and_then(about) {
            Some(1) => Self::UnsupportedLevel,
            Some(2) => Self::NotInTimeWindow,
            Some(3) => Self::UnknownUser,
            Some(4) => Self::UnknownEngine,
            Some(5) => Self::WrongDigest,
            Some(6) => Self::Decryption,
            _ => Self::Other,
        }
    }

    /// For people.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::UnsupportedLevel => "the device does not let this user in with this auth and privacy",
            Self::NotInTimeWindow => "the device's clock and our idea of it differ again and again",
            Self::UnknownUser => "the device does not know the user",
            Self::UnknownEngine => "the device changes its engine id again and again",
            Self::WrongDigest => "wrong authentication password or protocol",
            Self::Decryption => "wrong privacy password or protocol",
            Self::Other => "the device refused the request",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::credentials::{AuthProtocol, PrivacyProtocol};
    use super::*;

    fn user() -> User {
        User {
            name: b"lanpulse".to_vec(),
            context: Vec::new(),
            auth: Some((AuthProtocol::Sha256, b"authpass99".to_vec())),
            privacy: Some((PrivacyProtocol::Aes256, b"privpass99".to_vec())),
        }
    }

    /// What a device says of itself.
    fn hello(boots: u32, time: u32, op: Op) -> Envelope {
        let reply = Reply {
            op,
            id: 1,
            status: 0,
            index: 0,
            bindings: Vec::new(),
        };
        Envelope {
            message_id: 1,
            engine_id: b"engine-1".to_vec(),
            boots,
            time,
            authentic: true,
            reply,
        }
    }

    /// A response from the same engine: what we would send, turned round.
    fn response(user: &User, engine: &Engine) -> Vec<u8> {
        let oids = [Oid(vec![1, 3, 6, 1, 2, 1, 1, 3, 0])];
        let query = Query {
            op: Op::Response,
            repetitions: 0,
            oids: &oids,
        };
        request(user, engine, 77, 5, query).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_engine_is_asked_with_the_time_it_has_now() {
        let engine = Engine::new(&user(), &hello(3, 1_000, Op::Report));
        tokio::time::advance(Duration::from_secs(400)).await;
        let envelope = read(&user(), Some(&engine), &response(&user(), &engine)).unwrap();
        assert_eq!((envelope.boots, envelope.time), (3, 1_400), "past the window of 150 s");
        assert!(engine.is_timely(&envelope));
        let old = hello(3, 1_200, Op::Response);
        assert!(!engine.is_timely(&old) && !engine.is_timely(&hello(2, 9_999, Op::Response)));
    }

    #[test]
    fn only_an_authentic_message_moves_the_clock() {
        let mut engine = Engine::new(&user(), &hello(3, 1_000, Op::Report));
        let mut forged = hello(9, 1, Op::Report);
        forged.authentic = false;
        engine.adjust(&forged);
        assert_eq!((engine.boots, engine.time), (3, 1_000));
        engine.adjust(&hello(4, 1, Op::Report));
        assert_eq!((engine.boots, engine.time), (4, 1), "it has rebooted");
        engine.adjust(&hello(3, 5, Op::Response));
        assert_eq!(
            (engine.boots, engine.time),
            (4, 1),
            "an old response does not turn it back"
        );
    }

    #[test]
    fn a_message_with_one_bit_changed_is_refused() {
        let user = user();
        let engine = Engine::new(&user, &hello(3, 1_000, Op::Report));
        let bytes = response(&user, &engine);
        assert_eq!(read(&user, Some(&engine), &bytes).unwrap().reply.id, 77);
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x10;
            assert!(read(&user, Some(&engine), &changed).is_err(), "byte {place}");
            assert!(read(&user, Some(&engine), &bytes[..place]).is_err());
        }
        // Nor is one that is weaker than what was asked for.
        let weak = User {
            privacy: None,
            ..user.clone()
        };
        assert!(read(&user, Some(&engine), &response(&weak, &engine)).is_err());
        let open = User { auth: None, ..weak };
        assert!(read(&user, Some(&engine), &response(&open, &engine)).is_err());
    }
}
