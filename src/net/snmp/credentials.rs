//! Who we are to a device: communities, users, and secrets that never show.
//!
//! Owns the kinds of credentials and how a secret is read. Gets them from the configuration; gives `Access`, the plain
//! form that lives as long as one walk.

use crate::model::{AuthProtocol, Credentials, PrivacyProtocol, SecretSource};

/// The longest secret we read from a file, in bytes.
const SECRET_MAX_BYTES: usize = 4096;
/// Passwords of version 3 have at least so many bytes (RFC 3414, 11.2).
pub const PASSWORD_MIN_BYTES: usize = 8;

/// A secret's bytes.
///
/// # Errors
/// Why there is none, in words that do not hold it.
pub fn read(source: &SecretSource) -> Result<Vec<u8>, String> {
    let mut bytes = match source {
        SecretSource::Inline(text) => return Ok(text.clone().into_bytes()),
        SecretSource::Env(name) => {
            let value = std::env::var_os(name).ok_or_else(|| format!("the environment has no {name}"))?;
            std::os::unix::ffi::OsStringExt::into_vec(value)
        }
        SecretSource::File(path) => std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?,
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

/// How to be let in, secrets in the open. Not printable.
#[derive(Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Access {
    Community { v1: bool, community: Vec<u8> },
    User(User),
}

/// A user of version 3, secrets in the open. Not printable.
#[derive(Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct User {
    pub name: Vec<u8>,
    pub context: Vec<u8>,
    pub auth: Option<(AuthProtocol, Vec<u8>)>,
    pub privacy: Option<(PrivacyProtocol, Vec<u8>)>,
}

/// Reads the secrets.
///
/// # Errors
/// Which one cannot be read or used.
pub fn access(credentials: &Credentials) -> Result<Access, String> {
    let password = |secret: &SecretSource, what: &str| {
        let bytes = read(secret)?;
        if bytes.len() < PASSWORD_MIN_BYTES {
            return Err(format!("the {what} password has fewer than {PASSWORD_MIN_BYTES} bytes"));
        }
        Ok(bytes)
    };
    match credentials {
        Credentials::Community { v1, community } => Ok(Access::Community {
            v1: *v1,
            community: read(community)?,
        }),
        Credentials::User {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show_and_lose_one_line_break() {
        assert_eq!(
            format!("{:?}", SecretSource::Inline("hunter2hunter2".into())),
            "REDACTED"
        );
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        for (text, secret) in [("a b", "a b"), ("x\n", "x"), ("x\r\n", "x"), ("x\n\n", "x\n"), ("", "")] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read(&SecretSource::File(path.clone())).unwrap(), secret.as_bytes());
        }
        let missing = read(&SecretSource::File(directory.path().join("none"))).unwrap_err();
        assert!(missing.contains("none: No such file"), "{missing}");
    }

    #[test]
    fn a_short_password_is_no_password() {
        let user = |password: &str| Credentials::User {
            user: "u".into(),
            context: String::new(),
            auth: Some((AuthProtocol::Sha1, SecretSource::Inline(password.into()))),
            privacy: None,
        };
        assert!(
            access(&user("")).is_err(),
            "an empty one would be an endless loop of nothing"
        );
        assert!(access(&user("1234567")).is_err());
        assert!(access(&user("12345678")).is_ok());
    }
}
