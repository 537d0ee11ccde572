//! Credentials with their secrets, as messages need them.

use crate::model::{AuthProtocol, PrivacyProtocol, Secret};

/// What a device is asked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Versions 1 and 2c.
    Community {
        /// Version 1 instead of 2c.
        v1: bool,
        /// The community.
        community: Secret,
    },
    /// Version 3.
    User(User),
}

/// A user of version 3 (RFC 3414).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// securityName.
    pub name: Vec<u8>,
    /// contextName.
    pub context: Vec<u8>,
    /// How messages are signed, and the password.
    pub auth: Option<(AuthProtocol, Secret)>,
    /// How messages are encrypted, and the password; never without `auth`.
    pub privacy: Option<(PrivacyProtocol, Secret)>,
}
