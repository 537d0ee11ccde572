//! Credentials with their secrets in the open, as messages need them. They cannot be printed.

use crate::model::{AuthProtocol, PrivacyProtocol};

/// What a device is asked with.
#[derive(Clone, PartialEq, Eq)]
pub enum Access {
    /// Versions 1 and 2c.
    Community {
        /// Version 1 instead of 2c.
        v1: bool,
        /// The community.
        community: Vec<u8>,
    },
    /// Version 3.
    User(User),
}

/// A user of version 3 (RFC 3414).
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// securityName.
    pub name: Vec<u8>,
    /// contextName.
    pub context: Vec<u8>,
    /// How messages are signed, and the password.
    pub auth: Option<(AuthProtocol, Vec<u8>)>,
    /// How messages are encrypted, and the password; never without `auth`.
    pub privacy: Option<(PrivacyProtocol, Vec<u8>)>,
}
