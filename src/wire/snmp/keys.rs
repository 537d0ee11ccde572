//! The keys of a user at an engine: snmp2's `Security`, with its traps closed.
//!
//! Only this file signs, encrypts, checks and decrypts messages. A `Security` prints its passwords and panics at an empty
//! one. Its clock stands still between messages, and follows any message before the signature is checked. So [`Keys`]
//! cannot be printed, the length of passwords is checked first, and each message gets a copy whose clock is set for that
//! message alone; `Engine` keeps the real clock.

use snmp2::Pdu;
use snmp2::v3::{self, Auth, AuthErrorKind, Cipher, KeyExtension, Security};

use super::message::{self, Query, Reply};
use super::user::User;
use super::value::{Malformed, want};
use crate::model::{AuthProtocol, PrivacyProtocol, SNMP_PASSWORD_MIN_BYTES, Secret};

/// The most bytes of the names of user and context together; the standard allows 32 each.
const NAMES_MAX_BYTES: usize = 4096;
/// An empty, unsigned request from the engine [`BLANK_ENGINE`]. snmp2 has no constructor of `Pdu`: one is made by reading
/// this.
const BLANK: [u8; 57] = [
    0x30, 55, 2, 1, 3, // version
    0x30, 12, 2, 1, 0, 2, 1, 0, 4, 1, 0, 2, 1, 3, // id, size, flags, model
    4, 17, 0x30, 15, 4, 1, 0, 2, 1, 0, 2, 1, 0, 4, 0, 4, 0, 4,
    0, // engine id, boots, time, user, signature, privacy
    0x30, 17, 4, 0, 4, 0, 0xa0, 11, 2, 1, 0, 2, 1, 0, 2, 1, 0, 0x30, 0, // scoped PDU
];
const BLANK_ENGINE: [u8; 1] = [0];

/// snmpEngineBoots and snmpEngineTime (seconds), each less than 2^31.
pub type Clock = (u32, u32);

/// The keys for messages of one security level.
#[derive(Clone)]
pub(super) struct Keys(Security);

impl Keys {
    /// No user and no keys, for discovery.
    pub fn none() -> Self {
        Self(Security::new(&[], &[]).with_auth(Auth::NoAuthNoPriv))
    }

    /// For messages that are not encrypted, and are signed if the user has an authentication password. Takes milliseconds.
    ///
    /// # Errors
    /// Why snmp2 cannot use this user.
    pub fn plain(user: &User, engine: &[u8]) -> Result<Self, String> {
        match &user.auth {
            Some(auth) => derive(user, auth, Auth::AuthNoPriv, engine),
            None => finish(
                Security::new(&user.name, &[]).with_auth(Auth::NoAuthNoPriv),
                user,
                engine,
            ),
        }
    }

    /// The id of the engine that the keys are for.
    pub fn engine_id(&self) -> &[u8] {
        self.0.engine_id()
    }

    /// For encrypted messages; `None` if the user has no privacy password. Takes milliseconds.
    ///
    /// # Errors
    /// Why snmp2 cannot use this user.
    pub fn private(user: &User, engine: &[u8]) -> Result<Option<Self>, String> {
        let (Some(auth), Some((protocol, password))) = (&user.auth, &user.privacy) else {
            return Ok(None);
        };
        let level = Auth::AuthPriv {
            cipher: cipher(*protocol),
            privacy_password: checked(password)?.to_vec(),
        };
        derive(user, auth, level, engine).map(Some)
    }

    /// snmp2's type, with its clock set.
    fn at(&self, (boots, time): Clock) -> Security {
        self.0.clone().with_engine_boots_and_time(boots.into(), time.into())
    }

    /// Writes a request, signed and encrypted as far as these keys allow.
    ///
    /// # Errors
    /// It is too long, or a name cannot be written.
    pub fn write(&self, clock: Clock, id: i32, query: Query) -> Result<Vec<u8>, Malformed> {
        let names = message::names(query.oids, NAMES_MAX_BYTES)?;
        let mut blank = want(Self::none().0.with_engine_id(&BLANK_ENGINE), "an empty engine")?;
        let pdu = Pdu::from_bytes_with_security(&BLANK, Some(&mut blank));
        let mut pdu = want(pdu, "an empty request")?;
        message::fill(&mut pdu, id, query, &names);
        let bytes = pdu.to_bytes_with_security(Some(&self.at(clock)));
        want(bytes, "a request that cannot be written")
    }

    /// Checks the signature of a message and decrypts it. `message` is exactly the message, and `clock` is the clock in it:
    /// so snmp2's own clock neither moves nor refuses the message.
    ///
    /// # Errors
    /// The outer error: the signature is wrong, or could not be checked. The inner error: the signature is right, but the
    /// message is no reply.
    pub fn unlock(&self, clock: Clock, message: &[u8]) -> Result<Result<Reply, Malformed>, Malformed> {
        let mut keys = self.at(clock);
        // snmp2 overwrites the signature with zeros in the bytes that it reads, so it gets a copy of its own.
        let copy = message.to_vec();
        let pdu = Pdu::from_bytes_with_security(&copy, Some(&mut keys)).map_err(|error| explain(&error))?;
        Ok(Reply::of(&pdu))
    }
}

/// The bytes of a password that is long enough.
fn checked(password: &Secret) -> Result<&[u8], String> {
    let password = password.expose();
    if password.len() < SNMP_PASSWORD_MIN_BYTES {
        return Err(format!("a password has fewer than {SNMP_PASSWORD_MIN_BYTES} bytes"));
    }
    Ok(password)
}

fn derive(
    user: &User,
    (protocol, password): &(AuthProtocol, Secret),
    level: Auth,
    engine: &[u8],
) -> Result<Keys, String> {
    let security = Security::new(&user.name, checked(password)?)
        .with_auth(level)
        .with_auth_protocol(hash(*protocol))
        // Blumenthal's draft, which net-snmp, Cisco and most others use.
        .with_key_extension_method(KeyExtension::Blumenthal);
    finish(security, user, engine)
}

fn finish(security: Security, user: &User, engine: &[u8]) -> Result<Keys, String> {
    if user.name.len() + user.context.len() > NAMES_MAX_BYTES {
        return Err("the names of user and context are too long".to_owned());
    }
    security
        .with_context_name(&String::from_utf8_lossy(&user.context))
        .with_engine_id(engine)
        .map(Keys)
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

/// Why snmp2 cannot read a message whose header is in order.
fn explain(error: &snmp2::Error) -> Malformed {
    use snmp2::Error as E;
    Malformed(match error {
        E::BufferOverflow => "a msgMaxSize above 65507, with which snmp2 reads nothing",
        E::AuthFailure(AuthErrorKind::EngineBootsNotProvided) => "a signed reply with snmpEngineBoots 0",
        E::AuthFailure(AuthErrorKind::PrivLengthMismatch | AuthErrorKind::PayloadLengthMismatch)
        | E::AsnParse
        | E::AsnInvalidLen
        | E::AsnWrongType
        | E::AsnEof
        | E::AsnIntOverflow => "a reply that does not decrypt",
        _ => "a reply with a wrong signature",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_password_is_an_error_and_no_panic() {
        let user = |auth: &str, privacy: &str, context: usize| User {
            name: b"lanpulse".to_vec(),
            context: vec![b'x'; context],
            auth: Some((AuthProtocol::Sha1, auth.into())),
            privacy: Some((PrivacyProtocol::Aes128, privacy.into())),
        };
        for short in ["", "1234567"] {
            for user in [user(short, "privpass99", 0), user("authpass99", short, 0)] {
                let words = Keys::private(&user, b"engine").err();
                assert_eq!(words.as_deref(), Some("a password has fewer than 8 bytes"));
            }
            assert!(Keys::plain(&user(short, "privpass99", 0), b"engine").is_err());
        }
        let good = user("authpass99", "privpass99", 0);
        assert!(Keys::private(&good, b"engine").unwrap().is_some());
        assert!(Keys::private(&good, b"").is_err(), "no engine id");
        assert!(Keys::plain(&user("authpass99", "privpass99", 5_000), b"engine").is_err());
    }
}
