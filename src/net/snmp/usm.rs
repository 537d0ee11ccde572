//! Messages of SNMP version 3 under the user-based security model (RFC 3412, RFC 3414).
//!
//! Owns what is believed of a message: nothing is taken over before its signature has been checked, except in discovery,
//! where there is none. Gets a user and what is known of the device's engine; gives bytes, and what a message says.

use std::time::Duration;

use snmp2::{AsnReader, asn1, snmp};
use tokio::time::Instant;

use super::credentials::User;
use super::keys::{Clock, Keys};
use super::message::{self, Op, Query, Reply};
use super::value::{Malformed, Oid, want};
use crate::model::LabelValue;

/// msgSecurityModel of USM.
const USM: i64 = 3;
/// usmStats, 1.3.6.1.6.3.15.1.1: what reports are about.
const STATS: [u32; 9] = [1, 3, 6, 1, 6, 3, 15, 1, 1];
/// Engine ids have 5 to 32 bytes (RFC 3411, `SnmpEngineID`); some devices have shorter ones.
const ENGINE_ID_MAX_BYTES: usize = 32;

/// The device's SNMP engine, and our keys there.
#[derive(Clone)]
pub struct Engine {
    /// For messages that are not encrypted: all of who does not encrypt, else reports.
    plain: Keys,
    /// For encrypted messages.
    private: Option<Keys>,
    clock: Clock,
    /// When it said so.
    at: Instant,
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

/// A message of which only the outside has been read.
pub struct Head<'a> {
    /// Which message it answers.
    pub message_id: i64,
    flags: u8,
    engine_id: &'a [u8],
    clock: Clock,
    /// The message, without what may follow it in the datagram.
    whole: &'a [u8],
    /// The scoped PDU, perhaps encrypted.
    scoped: AsnReader<'a>,
}

/// A message from the device.
pub struct Envelope {
    /// Its engine.
    pub engine_id: Vec<u8>,
    /// snmpEngineBoots and snmpEngineTime.
    pub clock: Clock,
    authentic: bool,
    /// What it says.
    pub reply: Reply,
}

impl Engine {
    /// Its id in hexadecimal digits.
    pub fn id_text(&self) -> LabelValue {
        let digits = self.plain.engine_id().iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<String>().into()
    }

    /// Derives our keys at this engine: milliseconds of work.
    ///
    /// # Errors
    /// In words, where the user has a password that is too short.
    pub fn new(user: &User, id: &[u8], clock: Clock) -> Result<Self, String> {
        Ok(Self {
            plain: Keys::plain(user, id)?,
            private: Keys::private(user, id)?,
            clock,
            at: Instant::now(),
        })
    }

    /// Its clock now, from when we last heard of it.
    fn now(&self) -> Clock {
        let (boots, time) = self.clock;
        let time = time.saturating_add(self.at.elapsed().as_secs() as u32);
        (boots, time.min(i32::MAX as u32))
    }

    /// Takes its clock over from a message; from an authentic one only.
    pub fn adjust(&mut self, envelope: &Envelope) {
        let newer = envelope.clock > self.clock;
        if envelope.authentic && (newer || envelope.reply.op == Op::Report) {
            self.clock = envelope.clock;
            self.at = Instant::now();
        }
    }

    /// Whether a message from this engine is as fresh as its clock says (RFC 3414, 3.2, 7b).
    pub fn is_timely(&self, envelope: &Envelope) -> bool {
        const WINDOW: Duration = Duration::from_secs(150);
        let ((boots, time), (our_boots, our_time)) = (envelope.clock, self.now());
        boots > our_boots || boots == our_boots && u64::from(time) + WINDOW.as_secs() >= u64::from(our_time)
    }

    /// A request to this engine, signed and encrypted as the user's credentials say.
    ///
    /// # Errors
    /// It is too long, or has a name that cannot be written.
    pub fn request(&self, id: i32, query: Query) -> Result<Vec<u8>, Malformed> {
        self.private
            .as_ref()
            .unwrap_or(&self.plain)
            .write(self.now(), id, query)
    }
}

/// The question that makes an engine tell its id and clock (RFC 3414, 4).
///
/// # Errors
/// Never, as far as anybody knows.
pub fn discovery(id: i32) -> Result<Vec<u8>, Malformed> {
    let query = Query {
        op: Op::Get,
        repetitions: 0,
        oids: &[],
    };
    Keys::none().write((0, 0), id, query)
}

impl<'a> Head<'a> {
    /// Reads the outside of a message; nothing of it may be believed.
    ///
    /// # Errors
    /// It is no such message.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut datagram = AsnReader::from_bytes(bytes);
        let content = want(datagram.read_raw(asn1::TYPE_SEQUENCE), "no SNMP message")?;
        // snmp2 looks for the signature from the end.
        let whole = &bytes[..bytes.len() - datagram.bytes_left()];
        let mut message = AsnReader::from_bytes(content);
        if want(message.read_asn_integer(), "no SNMP version")? != 3 {
            return Err(Malformed("a reply in another SNMP version"));
        }
        let mut header = AsnReader::from_bytes(want(message.read_raw(asn1::TYPE_SEQUENCE), "no message header")?);
        let message_id = want(header.read_asn_integer(), "no message id")?;
        want(header.read_asn_integer(), "no message size")?;
        let flags = want(header.read_asn_octetstring(), "no message flags")?;
        if want(header.read_asn_integer(), "no security model")? != USM {
            return Err(Malformed("another security model than USM"));
        }
        let security = want(message.read_asn_octetstring(), "no security parameters")?;
        let mut outer = AsnReader::from_bytes(security);
        let security = want(outer.read_raw(asn1::TYPE_SEQUENCE), "no security parameters")?;
        let mut security = AsnReader::from_bytes(security);
        let engine_id = want(security.read_asn_octetstring(), "no engine id")?;
        // snmp2 calculates with whatever is there.
        let mut number = |what| {
            let number = want(security.read_asn_integer(), what)?;
            i32::try_from(number)
                .ok()
                .and_then(|number| u32::try_from(number).ok())
                .ok_or(Malformed(what))
        };
        let clock = (number("no engine boots")?, number("no engine time")?);
        if engine_id.len() > ENGINE_ID_MAX_BYTES {
            return Err(Malformed("an engine id that is too long"));
        }
        Ok(Self {
            message_id,
            flags: flags.first().copied().unwrap_or_default(),
            engine_id,
            clock,
            whole,
            scoped: message,
        })
    }

    /// Checks the signature, if our user signs, and reads the inside; without an engine only what is not signed.
    ///
    /// # Errors
    /// Its signature is wrong, or it is less secure than what it answers, or cannot be read: nothing of it may be believed.
    pub fn open(mut self, user: &User, engine: Option<&Engine>) -> Result<Envelope, Malformed> {
        let signed = self.flags & snmp::V3_MSG_FLAGS_AUTH != 0;
        let encrypted = self.flags & snmp::V3_MSG_FLAGS_PRIVACY != 0;
        let keys = match engine {
            Some(engine) if signed && encrypted => engine.private.as_ref(),
            Some(engine) if signed && user.auth.is_some() => Some(&engine.plain),
            _ => None,
        };
        let inside = keys.map(|keys| keys.unlock(self.clock, self.whole)).transpose()?;
        let authentic = inside.is_some();
        let reply = match inside {
            Some(reply) if encrypted => reply?,
            _ if encrypted => return Err(Malformed("an encrypted reply nobody asked for")),
            // Binding by binding, as far as that can be done.
            _ => {
                let scoped = want(self.scoped.read_raw(asn1::TYPE_SEQUENCE), "no scoped PDU")?;
                let mut scoped = AsnReader::from_bytes(scoped);
                want(scoped.read_asn_octetstring(), "no context engine")?;
                want(scoped.read_asn_octetstring(), "no context name")?;
                message::read_reply(&mut scoped)?
            }
        };
        // A response must be as well protected as the request; a report may not be (RFC 3412, 7.2.11).
        let enough = (authentic || user.auth.is_none()) && (encrypted || user.privacy.is_none());
        if reply.op == Op::Response && !enough {
            return Err(Malformed("a reply with less security than the request"));
        }
        Ok(Envelope {
            engine_id: self.engine_id.to_vec(),
            clock: self.clock,
            authentic,
            reply,
        })
    }
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
    use super::*;
    use crate::model::{AuthProtocol, PrivacyProtocol};

    const ID: &[u8] = b"engine-1";
    const AUTHS: [AuthProtocol; 6] = [
        AuthProtocol::Md5,
        AuthProtocol::Sha1,
        AuthProtocol::Sha224,
        AuthProtocol::Sha256,
        AuthProtocol::Sha384,
        AuthProtocol::Sha512,
    ];
    const PRIVACIES: [PrivacyProtocol; 4] = [
        PrivacyProtocol::Des,
        PrivacyProtocol::Aes128,
        PrivacyProtocol::Aes192,
        PrivacyProtocol::Aes256,
    ];

    fn user_of(auth: Option<AuthProtocol>, privacy: Option<PrivacyProtocol>) -> User {
        User {
            name: b"lanpulse".to_vec(),
            context: Vec::new(),
            auth: auth.map(|protocol| (protocol, b"authpass99".to_vec())),
            privacy: privacy.map(|protocol| (protocol, b"privpass99".to_vec())),
        }
    }

    fn user() -> User {
        user_of(Some(AuthProtocol::Sha256), Some(PrivacyProtocol::Aes256))
    }

    fn engine(user: &User) -> Engine {
        Engine::new(user, ID, (3, 1_000)).unwrap()
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
            engine_id: ID.to_vec(),
            clock: (boots, time),
            authentic: true,
            reply,
        }
    }

    fn read(user: &User, engine: &Engine, bytes: &[u8]) -> Result<Envelope, Malformed> {
        Head::read(bytes)?.open(user, Some(engine))
    }

    /// A message from the same engine: what we would send, turned round.
    fn message(engine: &Engine, op: Op, about: &[u32]) -> Vec<u8> {
        let oids = [Oid(about.to_vec())];
        let query = Query {
            op,
            repetitions: 0,
            oids: &oids,
        };
        engine.request(77, query).unwrap()
    }

    fn response(engine: &Engine) -> Vec<u8> {
        message(engine, Op::Response, &[1, 3, 6, 1, 2, 1, 1, 3, 0])
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_engine_is_asked_with_the_time_it_has_now() {
        let engine = engine(&user());
        tokio::time::advance(Duration::from_secs(400)).await;
        let envelope = read(&user(), &engine, &response(&engine)).unwrap();
        assert_eq!(envelope.clock, (3, 1_400), "past the window of 150 s");
        assert!(engine.is_timely(&envelope));
        let old = hello(3, 1_200, Op::Response);
        assert!(!engine.is_timely(&old) && !engine.is_timely(&hello(2, 9_999, Op::Response)));
    }

    #[test]
    fn only_an_authentic_message_moves_the_clock() {
        let mut engine = engine(&user());
        let mut forged = hello(9, 1, Op::Report);
        forged.authentic = false;
        engine.adjust(&forged);
        assert_eq!(engine.clock, (3, 1_000));
        engine.adjust(&hello(4, 1, Op::Report));
        assert_eq!(engine.clock, (4, 1), "it has rebooted");
        engine.adjust(&hello(3, 5, Op::Response));
        assert_eq!(engine.clock, (4, 1), "an old response does not turn it back");
        // snmp2 takes over the clock of what it then refuses; the next message must still be read.
        let (user, engine) = (user(), self::engine(&user()));
        let query = Query {
            op: Op::Response,
            repetitions: 0,
            oids: &[],
        };
        let mut forged = engine.private.as_ref().unwrap().write((9, 1), 1, query).unwrap();
        let end = forged.len() - 1;
        forged[end] ^= 1;
        assert!(read(&user, &engine, &forged).is_err());
        assert_eq!(engine.clock, (3, 1_000));
        assert!(read(&user, &engine, &response(&engine)).unwrap().authentic);
    }

    #[test]
    fn a_message_with_one_bit_changed_is_refused() {
        let user = user();
        let engine = engine(&user);
        let bytes = response(&engine);
        assert_eq!(read(&user, &engine, &bytes).unwrap().reply.id, 77);
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x10;
            assert!(read(&user, &engine, &changed).is_err(), "byte {place}");
            assert!(read(&user, &engine, &bytes[..place]).is_err());
        }
        // Nor is one that is weaker than what was asked for.
        let weak = user_of(Some(AuthProtocol::Sha256), None);
        assert!(read(&user, &engine, &response(&self::engine(&weak))).is_err());
        assert!(read(&user, &engine, &response(&self::engine(&user_of(None, None)))).is_err());
        // Nor one of another user, or from another engine.
        let mut other = user.clone();
        other.name = b"somebody".to_vec();
        assert!(read(&user, &engine, &response(&self::engine(&other))).is_err());
        let elsewhere = Engine::new(&user, b"engine-2", (3, 1_000)).unwrap();
        assert!(read(&user, &engine, &response(&elsewhere)).is_err());
    }

    #[test]
    fn every_protocol_comes_back_and_the_datagram_is_left_as_it_is() {
        for auth in AUTHS {
            for privacy in PRIVACIES.map(Some).into_iter().chain([None]) {
                let user = user_of(Some(auth), privacy);
                let engine = engine(&user);
                // What follows a message is no part of it.
                let bytes = [response(&engine), vec![0, 1]].concat();
                let before = bytes.clone();
                let envelope = read(&user, &engine, &bytes).unwrap();
                assert_eq!(bytes, before, "snmp2 writes into what it reads");
                assert!(envelope.authentic && envelope.reply.bindings.len() == 1);
                let uptime = Oid(vec![1, 3, 6, 1, 2, 1, 1, 3, 0]);
                assert_eq!(envelope.reply.bindings[0].0, uptime, "{auth:?} {privacy:?}");
                let shown = String::from_utf8_lossy(&bytes).contains("\u{6}\u{8}+\u{6}\u{1}\u{2}");
                assert_eq!(shown, privacy.is_none(), "{auth:?} {privacy:?}");
            }
        }
    }

    #[test]
    fn a_report_that_is_signed_only_is_authentic_to_who_encrypts() {
        let user = user();
        let engine = engine(&user);
        // Of an engine that has rebooted, and of the same with another time.
        for clock in [(4, 9), (3, 5)] {
            let plain = user_of(Some(AuthProtocol::Sha256), None);
            let there = Engine::new(&plain, ID, clock).unwrap();
            let bytes = message(&there, Op::Report, &[&STATS[..], &[2, 0]].concat());
            let envelope = read(&user, &engine, &bytes).unwrap();
            assert_eq!(Report::of(&envelope.reply), Report::NotInTimeWindow);
            assert!(envelope.authentic && envelope.clock == clock);
            let mut forged = bytes;
            let end = forged.len() - 20;
            forged[end] ^= 1;
            assert!(read(&user, &engine, &forged).is_err());
        }
        // Whoever signs nothing is heard, but not believed.
        let stranger = Engine::new(&user_of(None, None), ID, (4, 9)).unwrap();
        let bytes = message(&stranger, Op::Report, &[&STATS[..], &[5, 0]].concat());
        let envelope = read(&user, &engine, &bytes).unwrap();
        assert_eq!(Report::of(&envelope.reply), Report::WrongDigest);
        assert!(!envelope.authentic);
    }

    #[test]
    fn a_clock_that_cannot_be_is_refused_before_anybody_calculates_with_it() {
        let stranger = user_of(None, None);
        let engine = engine(&stranger);
        let bytes = response(&engine);
        assert!(read(&stranger, &engine, &bytes).is_ok());
        // snmpEngineTime 1000 is 02 02 03 e8; as eight bytes it may be what has no absolute value.
        let place = bytes.windows(4).position(|window| window == [2, 2, 3, 0xe8]).unwrap();
        for number in [i64::MIN, -1, 1 << 31, i64::MAX] {
            let mut odd = bytes.clone();
            odd.splice(place..place + 4, [&[2, 8][..], &number.to_be_bytes()].concat());
            // the lengths around it: message, parameters, their sequence
            for length in [1, place - 16, place - 14] {
                odd[length] += 6;
            }
            assert_eq!(Head::read(&odd).err(), Some(Malformed("no engine time")), "{number}");
        }
    }
}
