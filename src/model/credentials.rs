//! How a device is asked by SNMP: protocols of version 3.

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

/// Passwords of version 3 have at least so many bytes (RFC 3414 section 11.2).
pub const SNMP_PASSWORD_MIN_BYTES: usize = 8;
