//! Who we are to a device: communities, users, and secrets that never show.
//!
//! Owns the kinds of credentials and how a secret is read. Gets them from the configuration; gives `Access`, the plain
//! form that lives as long as one walk.

use std::fmt;
use std::path::PathBuf;

use crate::model::{AuthProtocol, PrivacyProtocol, SNMP_PASSWORD_MIN_BYTES as PASSWORD_MIN_BYTES};
use crate::wire::snmp::{Access, User};

/// The longest secret we read from a file, in bytes.
const SECRET_MAX_BYTES: usize = 4096;

/// A secret, or where it is. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Itself.
    Inline(String),
    /// In this file, its last line break aside; read anew at each use.
    File(PathBuf),
    /// In this environment variable.
    Env(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

impl Secret {
    /// The secret's bytes.
    ///
    /// # Errors
    /// Why there is none, in words that do not hold it.
    pub fn read(&self) -> Result<Vec<u8>, String> {
        let mut bytes = match self {
            Self::Inline(text) => return Ok(text.clone().into_bytes()),
            Self::Env(name) => {
                let value = std::env::var_os(name).ok_or_else(|| format!("the environment has no {name}"))?;
                std::os::unix::ffi::OsStringExt::into_vec(value)
            }
            Self::File(path) => std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?,
        };
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        if bytes.len() > SECRET_MAX_BYTES {
            return Err(format!("the secret has more than {SECRET_MAX_BYTES} bytes"));
        }
        Ok(bytes)
    }
}

/// How to be let in, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Versions 1 and 2c.
    Community {
        /// Version 1: no GETBULK, no 64-bit counters.
        v1: bool,
        /// The community.
        community: Secret,
    },
    /// Version 3 (RFC 3414).
    User {
        /// securityName.
        user: String,
        /// contextName.
        context: String,
        /// authNoPriv and authPriv.
        auth: Option<(AuthProtocol, Secret)>,
        /// authPriv; never without `auth`.
        privacy: Option<(PrivacyProtocol, Secret)>,
    },
}

impl Credentials {
    /// Whether this is version 1.
    pub const fn is_v1(&self) -> bool {
        matches!(self, Self::Community { v1: true, .. })
    }

    /// Reads the secrets.
    ///
    /// # Errors
    /// Which one cannot be read or used.
    pub fn access(&self) -> Result<Access, String> {
        let password = |secret: &Secret, what: &str| {
            let bytes = secret.read()?;
            if bytes.len() < PASSWORD_MIN_BYTES {
                return Err(format!("the {what} password has fewer than {PASSWORD_MIN_BYTES} bytes"));
            }
            Ok(bytes)
        };
        match self {
            Self::Community { v1, community } => Ok(Access::Community {
                v1: *v1,
                community: community.read()?,
            }),
            Self::User {
                user,
                context,
                auth,
                privacy,
            } => {
                let auth = match auth {
                    Some((protocol, secret)) => Some((*protocol, password(secret, "authentication")?)),
                    None => None,
                };
                let privacy = match privacy {
                    Some((protocol, secret)) => Some((*protocol, password(secret, "privacy")?)),
                    None => None,
                };
                Ok(Access::User(User {
                    name: user.clone().into_bytes(),
                    context: context.clone().into_bytes(),
                    auth,
                    privacy,
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show_and_lose_one_line_break() {
        assert_eq!(format!("{:?}", Secret::Inline("hunter2hunter2".into())), "REDACTED");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        for (text, secret) in [("a b", "a b"), ("x\n", "x"), ("x\r\n", "x"), ("x\n\n", "x\n"), ("", "")] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Secret::File(path.clone()).read().unwrap(), secret.as_bytes());
        }
        let missing = Secret::File(directory.path().join("none")).read().unwrap_err();
        assert!(missing.contains("none: No such file"), "{missing}");
    }

    #[test]
    fn a_short_password_is_no_password() {
        let user = |password: &str| Credentials::User {
            user: "u".into(),
            context: String::new(),
            auth: Some((AuthProtocol::Sha1, Secret::Inline(password.into()))),
            privacy: None,
        };
        assert!(
            user("").access().is_err(),
            "an empty one would be an endless loop of nothing"
        );
        assert!(user("1234567").access().is_err());
        assert!(user("12345678").access().is_ok());
    }
}
