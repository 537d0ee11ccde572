//! Secrets that do not show, the places where they are, and digests of tokens.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::path::PathBuf;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq};

/// A password, token or community. It prints as REDACTED; only the two `expose` methods give what it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The bytes themselves: for a message, never for a log, a label or an error.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The same as text, for a URL. Bytes that are not UTF-8 are replaced.
    pub fn expose_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl<T: Into<Vec<u8>>> From<T> for Secret {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

/// For a job that is sent to an agent. A secret of the configuration is always text.
impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        secret.expose_text().into_owned()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

/// Where a secret is. `secret::read` reads it, anew at each use, so that it can be changed without a reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// In the configuration itself.
    Inline(Secret),
    /// In this file.
    File(PathBuf),
    /// In this environment variable.
    Env(String),
}

/// The SHA-256 of a token: all that lanpulse keeps of it. Digests are compared in constant time, so that the time says
/// nothing about how much of a guess was right.
#[derive(Clone, Copy, Default)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of this token.
    pub fn of(token: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, token).as_ref());
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits, in either case.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// 64 hexadecimal digits, as they stand in the configuration.
    pub fn to_hex(self) -> String {
        self.0.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl ConstantTimeEq for TokenDigest {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for TokenDigest {}

impl Hash for TokenDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_digests_do_not_show() {
        let secret = Secret::from("hunter2hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "REDACTED REDACTED");
        let shown = format!("{:?} {:?}", SecretSource::Inline(secret), TokenDigest::of(b"x"));
        assert_eq!(shown, "Inline(REDACTED) REDACTED");
    }

    #[test]
    fn a_digest_is_the_sha_256_in_hexadecimal_digits() {
        let digest = TokenDigest::of(b"abc");
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_hex(), hex);
        assert_eq!(TokenDigest::from_hex(&hex.to_uppercase()), Some(digest));
        assert_ne!(TokenDigest::of(b"abd"), digest);
        for text in ["", &hex[1..], &hex.replace('b', "+"), &format!("{hex}00")] {
            assert_eq!(TokenDigest::from_hex(text), None, "{text}");
        }
    }
}
