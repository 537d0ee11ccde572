//! Messages of SNMP version 3 under the user-based security model (RFC 3412, RFC 3414).
//!
//! Owns what is believed of a message: nothing is taken over before its signature has been checked, except in discovery,
//! where there is none. Keys, signatures and ciphers are snmp2's `Security`. Gets a user and what is known of the device's
//! engine; gives bytes, and what a message says. `Security` has a clock of its own, which stands still between messages
//! and follows any message before its signature is checked: here it is set for every single message, on a copy, and the
//! clock that counts is [`Engine`]'s. A `Security` prints its passwords: it is never shown.

use std::time::Duration;

use snmp2::v3::{self, Auth, AuthErrorKind, Cipher, KeyExtension, Security};
use snmp2::{AsnReader, Pdu, asn1, snmp};
use tokio::time::Instant;

use super::credentials::{AuthProtocol, PASSWORD_MIN_BYTES, PrivacyProtocol, User};
use super::message::{self, Op, Query, Reply};
use super::value::{Malformed, want};

/// msgSecurityModel of USM.
const USM: i64 = 3;
/// usmStats, 1.3.6.1.6.3.15.1.1: what reports are about.
const STATS: [u32; 9] = [1, 3, 6, 1, 6, 3, 15, 1, 1];
/// Engine ids have 5 to 32 bytes (RFC 3411, `SnmpEngineID`); some devices have shorter ones.
const ENGINE_ID_MAX_BYTES: usize = 32;
/// The most bytes of a user's and a context's name together; each has at most 32 in the standard.
const NAMES_MAX_BYTES: usize = 4096;
/// An empty, unsigned request from the engine [`BLANK_ENGINE`]: snmp2 lets a `Pdu` be had only by reading one.
const BLANK: [u8; 57] = [
    0x30, 55, 2, 1, 3, // version
    0x30, 12, 2, 1, 0, 2, 1, 0, 4, 1, 0, 2, 1, 3, // id, size, flags, model
    4, 17, 0x30, 15, 4, 1, 0, 2, 1, 0, 2, 1, 0, 4, 0, 4, 0, 4,
    0, // engine id, boots, time, user, signature, privacy
    0x30, 17, 4, 0, 4, 0, 0xa0, 11, 2, 1, 0, 2, 1, 0, 2, 1, 0, 0x30, 0, // scoped PDU
];
const BLANK_ENGINE: [u8; 1] = [0];

/// The device's SNMP engine, and our keys there.
#[derive(Clone)]
pub struct Engine {
    /// For messages that are not encrypted: all of who does not encrypt, else reports.
    plain: Security,
    /// For encrypted messages.
    private: Option<Security>,
    boots: u32,
    time: u32,
    /// When `time` was so.
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
#[derive(Clone)]
pub struct Head<'a> {
    /// Which message it answers.
    pub message_id: i64,
    flags: u8,
    engine_id: &'a [u8],
    boots: u32,
    time: u32,
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
    pub clock: (u32, u32),
    authentic: bool,
    /// What it says.
    pub reply: Reply,
}

impl Engine {
    /// Derives our keys at this engine: milliseconds of work.
    ///
    /// # Errors
    /// In words, where the user has a password that is too short.
    pub fn new(user: &User, id: &[u8], (boots, time): (u32, u32)) -> Result<Self, String> {
        let auth = user.auth.as_ref();
        let private = match (auth, &user.privacy) {
            (Some(_), Some((protocol, password))) => {
                let privacy_password = checked(password)?.to_vec();
                let cipher = cipher(*protocol);
                Some(security(
                    user,
                    id,
                    Auth::AuthPriv {
                        cipher,
                        privacy_password,
                    },
                )?)
            }
            _ => None,
        };
        let level = if auth.is_some() {
            Auth::AuthNoPriv
        } else {
            Auth::NoAuthNoPriv
        };
        Ok(Self {
            plain: security(user, id, level)?,
            private,
            boots,
            time,
            at: Instant::now(),
        })
    }

    /// Its clock now, from when we last heard of it.
    fn now(&self) -> u32 {
        self.time
            .saturating_add(self.at.elapsed().as_secs() as u32)
            .min(i32::MAX as u32)
    }

    /// Takes its clock over from a message; from an authentic one only.
    pub fn adjust(&mut self, envelope: &Envelope) {
        let newer = envelope.clock > (self.boots, self.time);
        if envelope.authentic && (newer || envelope.reply.op == Op::Report) {
            (self.boots, self.time) = envelope.clock;
            self.at = Instant::now();
        }
    }

    /// Whether a message from this engine is as fresh as its clock says (RFC 3414, 3.2, 7b).
    pub fn is_timely(&self, envelope: &Envelope) -> bool {
        const WINDOW: Duration = Duration::from_secs(150);
        let (boots, time) = envelope.clock;
        boots > self.boots || boots == self.boots && u64::from(time) + WINDOW.as_secs() >= u64::from(self.now())
    }

    /// A request to this engine, signed and encrypted as the user's credentials say.
    ///
    /// # Errors
    /// It is too long, or has a name that cannot be written.
    pub fn request(&self, id: i32, query: Query) -> Result<Vec<u8>, Malformed> {
        let keys = self.private.as_ref().unwrap_or(&self.plain).clone();
        write(&at(keys, self.boots, self.now()), id, query)
    }
}

fn checked(password: &[u8]) -> Result<&[u8], String> {
    // snmp2 panics at an empty one.
    if password.len() < PASSWORD_MIN_BYTES {
        return Err(format!("a password has fewer than {PASSWORD_MIN_BYTES} bytes"));
    }
    Ok(password)
}

/// A user's keys at an engine.
fn security(user: &User, engine: &[u8], level: Auth) -> Result<Security, String> {
    let mut password = &[][..];
    let mut protocol = v3::AuthProtocol::Md5;
    if let (Some((ours, ours_password)), true) = (&user.auth, level != Auth::NoAuthNoPriv) {
        password = checked(ours_password)?;
        protocol = hash(*ours);
    }
    if user.name.len() + user.context.len() > NAMES_MAX_BYTES {
        return Err("the names of user and context are too long".to_owned());
    }
    Security::new(&user.name, password)
        .with_auth(level)
        .with_auth_protocol(protocol)
        // Blumenthal's draft, as net-snmp, Cisco and most others do.
        .with_key_extension_method(KeyExtension::Blumenthal)
        .with_context_name(&String::from_utf8_lossy(&user.context))
        .with_engine_id(engine)
        .map_err(|error| format!("keys cannot be made: {error}"))
}

const fn hash(protocol: AuthProtocol) -> v3::AuthProtocol {
    match protocol {
        AuthProtocol::Md5 => v3::AuthProtocol::Md5,
        AuthProtocol::Sha1 => v3::AuthProtocol::Sha1,
        AuthProtocol::Sha224 => v3::AuthProtocol::Sha224,
        AuthProtocol::Sha256 => v3::AuthProtocol::Sha256,
        AuthProtocol::Sha384 => v3::AuthProtocol::Sha384,
        AuthProtocol::Sha512 => v3::AuthProtocol::Sha512,
    }
}

const fn cipher(protocol: PrivacyProtocol) -> Cipher {
    match protocol {
        PrivacyProtocol::Des => Cipher::Des,
        PrivacyProtocol::Aes128 => Cipher::Aes128,
        PrivacyProtocol::Aes192 => Cipher::Aes192,
        PrivacyProtocol::Aes256 => Cipher::Aes256,
    }
}

/// Keys with the clock of one message.
fn at(keys: Security, boots: u32, time: u32) -> Security {
    keys.with_engine_boots_and_time(boots.into(), time.into())
}

/// Who has no name and no keys.
fn nobody() -> Security {
    Security::new(&[], &[]).with_auth(Auth::NoAuthNoPriv)
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
    write(&nobody(), id, query)
}

fn write(keys: &Security, id: i32, query: Query) -> Result<Vec<u8>, Malformed> {
    let names = message::names(query.oids, NAMES_MAX_BYTES)?;
    let mut blank = want(nobody().with_engine_id(&BLANK_ENGINE), "an empty engine")?;
    let mut pdu = want(
        Pdu::from_bytes_with_security(&BLANK, Some(&mut blank)),
        "an empty request",
    )?;
    message::fill(&mut pdu, id, query, &names);
    want(
        pdu.to_bytes_with_security(Some(keys)),
        "a request that cannot be written",
    )
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
        let (boots, time) = (number("no engine boots")?, number("no engine time")?);
        if engine_id.len() > ENGINE_ID_MAX_BYTES {
            return Err(Malformed("an engine id that is too long"));
        }
        Ok(Self {
            message_id,
            flags: flags.first().copied().unwrap_or_default(),
            engine_id,
            boots,
            time,
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
        let inside = keys.map(|keys| self.unlock(keys)).transpose()?;
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
        let enough = (signed || user.auth.is_none()) && (encrypted || user.privacy.is_none());
        if reply.op == Op::Response && !enough {
            return Err(Malformed("a reply with less security than the request"));
        }
        Ok(Envelope {
            engine_id: self.engine_id.to_vec(),
            clock: (self.boots, self.time),
            authentic,
            reply,
        })
    }

    /// Has snmp2 check the signature, and decrypt. Its clock is set to the message's, so that it neither moves nor judges.
    fn unlock(&self, keys: &Security) -> Result<Result<Reply, Malformed>, Malformed> {
        let mut keys = at(keys.clone(), self.boots, self.time);
        // snmp2 writes zeros over the signature in what it is given to read: this copy is nobody else's.
        let copy = self.whole.to_vec();
        let pdu = Pdu::from_bytes_with_security(&copy, Some(&mut keys)).map_err(|error| explain(&error))?;
        Ok(Reply::of(&pdu))
    }
}

/// Why snmp2 does not read a message whose outside is in order.
fn explain(error: &snmp2::Error) -> Malformed {
    Malformed(match error {
        snmp2::Error::BufferOverflow => "a msgMaxSize above 65507, with which snmp2 reads nothing",
        snmp2::Error::AuthFailure(AuthErrorKind::EngineBootsNotProvided) => "a signed reply with snmpEngineBoots 0",
        snmp2::Error::AuthFailure(AuthErrorKind::PrivLengthMismatch | AuthErrorKind::PayloadLengthMismatch)
        | snmp2::Error::AsnParse
        | snmp2::Error::AsnInvalidLen
        | snmp2::Error::AsnWrongType
        | snmp2::Error::AsnEof
        | snmp2::Error::AsnIntOverflow => "a reply that does not decrypt",
        _ => "a reply with a wrong signature",
    })
}

impl Report {
    /// What a report is about: its variable says.
    pub fn of(reply: &Reply) -> Self {
        let about = |(oid, _): &(super::value::Oid, _)| oid.0.strip_prefix(&STATS).and_then(<[u32]>::first).copied();
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
    use crate::net::snmp::Oid;

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
        assert_eq!((engine.boots, engine.time), (3, 1_000));
        engine.adjust(&hello(4, 1, Op::Report));
        assert_eq!((engine.boots, engine.time), (4, 1), "it has rebooted");
        engine.adjust(&hello(3, 5, Op::Response));
        assert_eq!(
            (engine.boots, engine.time),
            (4, 1),
            "an old response does not turn it back"
        );
        // snmp2 takes over the clock of what it then refuses; the next message must still be read.
        let (user, engine) = (user(), self::engine(&user()));
        let late = at(engine.private.clone().unwrap(), 9, 1);
        let query = Query {
            op: Op::Response,
            repetitions: 0,
            oids: &[],
        };
        let mut forged = write(&late, 1, query).unwrap();
        let end = forged.len() - 1;
        forged[end] ^= 1;
        assert!(read(&user, &engine, &forged).is_err());
        assert_eq!((engine.boots, engine.time), (3, 1_000));
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
    fn a_short_password_is_an_error_and_no_panic() {
        for short in ["", "1234567"] {
            let mut user = user();
            user.auth = Some((AuthProtocol::Sha1, short.into()));
            assert!(Engine::new(&user, ID, (3, 1_000)).is_err());
            user = self::user();
            user.privacy = Some((PrivacyProtocol::Aes128, short.into()));
            let Err(words) = Engine::new(&user, ID, (3, 1_000)) else {
                panic!("{short:?} is taken")
            };
            assert_eq!(words, "a password has fewer than 8 bytes");
        }
        let mut user = user();
        user.context = vec![b'x'; 5_000];
        assert!(Engine::new(&user, ID, (3, 1_000)).is_err());
        assert!(Engine::new(&self::user(), &[], (3, 1_000)).is_err(), "no engine id");
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
