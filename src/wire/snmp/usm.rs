//! Messages of version 3 under the user-based security model (RFC 3412, RFC 3414).
//!
//! Nothing in a message is believed before its signature has been checked. The exception is discovery, whose messages have
//! no signature.

use snmp2::{AsnReader, asn1, snmp};

use super::engine::Engine;
use super::envelope::Envelope;
use super::keys::{Clock, Keys};
use super::message::{self, Op, Query};
use super::user::User;
use super::value::{Malformed, want};

/// msgSecurityModel of USM.
const USM: i64 = 3;
/// Engine ids have 5 to 32 bytes (RFC 3411, `SnmpEngineID`); some devices have shorter ones.
const ENGINE_ID_MAX_BYTES: usize = 32;

/// A message of which only the header has been read.
pub struct Head<'a> {
    /// The id of the message that it answers.
    pub message_id: i64,
    flags: u8,
    engine_id: &'a [u8],
    clock: Clock,
    /// The message, without bytes that follow it in the datagram.
    whole: &'a [u8],
    /// The scoped PDU, perhaps encrypted.
    scoped: AsnReader<'a>,
}

/// Writes the request to which an engine answers with its id and clock (RFC 3414 section 4).
///
/// # Errors
/// None that is known of: the request is always the same but for its id.
pub fn discovery(id: i32) -> Result<Vec<u8>, Malformed> {
    let query = Query {
        op: Op::Get,
        repetitions: 0,
        oids: &[],
    };
    Keys::none().write((0, 0), id, query)
}

impl<'a> Head<'a> {
    /// Reads the header of a message. Nothing in it may be believed yet.
    ///
    /// # Errors
    /// The bytes are no message of version 3 with USM.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut datagram = AsnReader::from_bytes(bytes);
        let content = want(datagram.read_raw(asn1::TYPE_SEQUENCE), "no SNMP message")?;
        // snmp2 looks for the signature from the end of the bytes.
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
        // snmp2 calculates with any number here, and overflows.
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

    /// Checks the signature, if our user signs, and reads the PDU. Without an engine only unsigned messages are read.
    ///
    /// # Errors
    /// The signature is wrong, the message is less secure than the request, or it cannot be read. Nothing of it may be
    /// believed.
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
            // Not encrypted, so each binding can be read by itself.
            _ => {
                let scoped = want(self.scoped.read_raw(asn1::TYPE_SEQUENCE), "no scoped PDU")?;
                let mut scoped = AsnReader::from_bytes(scoped);
                want(scoped.read_asn_octetstring(), "no context engine")?;
                want(scoped.read_asn_octetstring(), "no context name")?;
                message::read_reply(&mut scoped)?
            }
        };
        // A response must be as secure as the request; a report need not be (RFC 3412 section 7.2.11).
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::envelope::{Report, STATS};
    use super::super::message::Reply;
    use super::super::value::Oid;
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
            auth: auth.map(|protocol| (protocol, "authpass99".into())),
            privacy: privacy.map(|protocol| (protocol, "privpass99".into())),
        }
    }

    fn user() -> User {
        user_of(Some(AuthProtocol::Sha256), Some(PrivacyProtocol::Aes256))
    }

    fn engine(user: &User) -> Engine {
        Engine::new(user, ID, (3, 1_000), Instant::now()).unwrap()
    }

    /// A message of the engine with this clock.
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

    /// A message from the engine: what we would send to it, sent back.
    fn message(engine: &Engine, op: Op, about: &[u32]) -> Vec<u8> {
        let oids = [Oid(about.to_vec())];
        let query = Query {
            op,
            repetitions: 0,
            oids: &oids,
        };
        engine.request(77, query, engine.at).unwrap()
    }

    fn response(engine: &Engine) -> Vec<u8> {
        message(engine, Op::Response, &[1, 3, 6, 1, 2, 1, 1, 3, 0])
    }

    #[test]
    fn an_idle_engine_is_asked_with_the_time_it_has_now() {
        let engine = engine(&user());
        let later = engine.at + Duration::from_secs(400);
        let query = Query {
            op: Op::Response,
            repetitions: 0,
            oids: &[],
        };
        let bytes = engine.request(77, query, later).unwrap();
        let envelope = read(&user(), &engine, &bytes).unwrap();
        assert_eq!(envelope.clock, (3, 1_400), "past the window of 150 s");
        assert!(engine.is_timely(&envelope, later));
        for old in [hello(3, 1_200, Op::Response), hello(2, 9_999, Op::Response)] {
            assert!(!engine.is_timely(&old, later));
        }
    }

    #[test]
    fn only_an_authentic_message_moves_the_clock() {
        let mut engine = engine(&user());
        let now = engine.at;
        let mut forged = hello(9, 1, Op::Report);
        forged.authentic = false;
        engine.adjust(&forged, now);
        assert_eq!(engine.clock, (3, 1_000));
        engine.adjust(&hello(4, 1, Op::Report), now);
        assert_eq!(engine.clock, (4, 1), "it has rebooted");
        engine.adjust(&hello(3, 5, Op::Response), now);
        assert_eq!(engine.clock, (4, 1), "an old response does not turn it back");
        // snmp2 takes over the clock of a message that it then refuses. The next message must still be read.
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
        // A message that is less secure than the request is refused too.
        let weak = user_of(Some(AuthProtocol::Sha256), None);
        assert!(read(&user, &engine, &response(&self::engine(&weak))).is_err());
        assert!(read(&user, &engine, &response(&self::engine(&user_of(None, None)))).is_err());
        // So is one to another user, or from another engine.
        let mut other = user.clone();
        other.name = b"another".to_vec();
        assert!(read(&user, &engine, &response(&self::engine(&other))).is_err());
        let elsewhere = Engine::new(&user, b"engine-2", (3, 1_000), engine.at).unwrap();
        assert!(read(&user, &engine, &response(&elsewhere)).is_err());
    }

    #[test]
    fn every_protocol_comes_back_and_the_datagram_is_left_as_it_is() {
        for auth in AUTHS {
            for privacy in PRIVACIES.map(Some).into_iter().chain([None]) {
                let user = user_of(Some(auth), privacy);
                let engine = engine(&user);
                // Bytes that follow a message in the datagram are no part of it.
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
    fn a_report_that_is_only_signed_is_authentic_to_a_user_who_encrypts() {
        let user = user();
        let engine = engine(&user);
        // From an engine that has rebooted, and from one with another time.
        for clock in [(4, 9), (3, 5)] {
            let plain = user_of(Some(AuthProtocol::Sha256), None);
            let there = Engine::new(&plain, ID, clock, engine.at).unwrap();
            let bytes = message(&there, Op::Report, &[&STATS[..], &[2, 0]].concat());
            let envelope = read(&user, &engine, &bytes).unwrap();
            assert_eq!(Report::of(&envelope.reply), Report::NotInTimeWindow);
            assert!(envelope.authentic && envelope.clock == clock);
            let mut forged = bytes;
            let end = forged.len() - 20;
            forged[end] ^= 1;
            assert!(read(&user, &engine, &forged).is_err());
        }
        // An unsigned report is read, but not believed.
        let unsigned = Engine::new(&user_of(None, None), ID, (4, 9), engine.at).unwrap();
        let bytes = message(&unsigned, Op::Report, &[&STATS[..], &[5, 0]].concat());
        let envelope = read(&user, &engine, &bytes).unwrap();
        assert_eq!(Report::of(&envelope.reply), Report::WrongDigest);
        assert!(!envelope.authentic);
    }

    #[test]
    fn an_impossible_clock_is_refused_before_it_is_calculated_with() {
        let user = user_of(None, None);
        let engine = engine(&user);
        let bytes = response(&engine);
        assert!(read(&user, &engine, &bytes).is_ok());
        // snmpEngineTime 1000 is 02 02 03 e8. In eight bytes it may be a number without an absolute value.
        let place = bytes.windows(4).position(|window| window == [2, 2, 3, 0xe8]).unwrap();
        for number in [i64::MIN, -1, 1 << 31, i64::MAX] {
            let mut odd = bytes.clone();
            odd.splice(place..place + 4, [&[2, 8][..], &number.to_be_bytes()].concat());
            // The lengths around it: of the message, of the security parameters and of their sequence.
            for length in [1, place - 16, place - 14] {
                odd[length] += 6;
            }
            assert_eq!(Head::read(&odd).err(), Some(Malformed("no engine time")), "{number}");
        }
    }
}
