//! How a device is asked by SNMP.

use super::SecretSource;

/// Passwords of version 3 have at least so many bytes (RFC 3414 section 11.2).
pub const SNMP_PASSWORD_MIN_BYTES: usize = 8;

/// How an SNMP message is signed (RFC 3414, RFC 7860).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum AuthProtocol {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// How an SNMP message is encrypted (RFC 3414, RFC 3826; Blumenthal's draft for the longer keys).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PrivacyProtocol {
    Des,
    Aes128,
    Aes192,
    Aes256,
}

/// The version and credentials of SNMP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Versions 1 and 2c.
    Community {
        /// Version 1, which has neither GETBULK nor 64-bit counters.
        v1: bool,
        /// The community.
        community: SecretSource,
    },
    /// Version 3 (RFC 3414).
    User {
        /// securityName.
        user: String,
        /// contextName.
        context: String,
        /// How messages are signed, and the password.
        auth: Option<(AuthProtocol, SecretSource)>,
        /// How messages are encrypted, and the password; never without `auth`.
        privacy: Option<(PrivacyProtocol, SecretSource)>,
    },
}
