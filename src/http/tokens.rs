//! API tokens: which there are, what each may do, and whether one that a client shows is among them.
//!
//! Owns the `Settings` of the `api` section. Gets a digest; gives the token's name if its scope suffices. Only SHA-256
//! digests are compared, all of them, each in constant time: neither the place of the first wrong letter nor the number
//! of the right token shows in the time.

use std::fmt;
use std::path::PathBuf;

use subtle::ConstantTimeEq as _;

use crate::model::{SecretSource, TokenDigest};
use crate::secret;

/// The `api` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The tokens, in the order of the file.
    pub tokens: Vec<Token>,
}

impl Settings {
    /// The files that hold tokens.
    pub fn files(&self) -> Vec<PathBuf> {
        let file = |token: &Token| match &token.secret {
            Secret::File(path) => Some(path.clone()),
            _ => None,
        };
        self.tokens.iter().filter_map(file).collect()
    }
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What the audit calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// What it is.
    pub secret: Secret,
}

/// What a token may do. `write` does not include `read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Whatever is read.
    Read,
    /// Whatever changes something.
    Write,
}

impl Scope {
    /// As in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Where a token's secret is; it is looked at anew each time.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The SHA-256 of the token.
    Sha256([u8; 32]),
    /// A file whose first line is the token.
    File(PathBuf),
    /// An environment variable that is the token.
    Env(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(_) => f.write_str("REDACTED"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment {name}"),
        }
    }
}

impl Secret {
    /// The digest, where the secret can be read and is not empty.
    fn digest(&self) -> Option<[u8; 32]> {
        let source = match self {
            Self::Sha256(digest) => return Some(*digest),
            Self::File(path) => SecretSource::File(path.clone()),
            Self::Env(name) => SecretSource::Env(name.clone()),
        };
        let read = secret::read_token(&source);
        read.inspect_err(|error| tracing::warn!("cannot read an API token: {error}"))
            .ok()
            .map(TokenDigest::bytes)
    }
}

/// What came of looking for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is this one and may do it.
    Allowed(String),
    /// It may not do it.
    Scope,
    /// There is none.
    Unknown,
}

/// The SHA-256 of a token.
pub fn digest(token: &[u8]) -> [u8; 32] {
    TokenDigest::of(token).bytes()
}

/// A new token and its SHA-256 in hexadecimal digits; nothing where the system gives no random numbers.
pub fn new_token() -> Option<(String, String)> {
    use base64::Engine as _;
    let mut bytes = [0; 32];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).ok()?;
    let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let hex = TokenDigest::of(token.as_bytes()).to_hex();
    Some((token, hex))
}

/// Looks for the token with this digest.
pub async fn find(settings: &Settings, wanted: [u8; 32], scope: Scope) -> Found {
    let settings = settings.clone();
    // Files are read on the way.
    let found = tokio::task::spawn_blocking(move || find_now(&settings, &wanted, scope)).await;
    found.unwrap_or(Found::Unknown)
}

fn find_now(settings: &Settings, wanted: &[u8; 32], scope: Scope) -> Found {
    let mut found = Found::Unknown;
    for token in &settings.tokens {
        let same = token.secret.digest().is_some_and(|digest| digest.ct_eq(wanted).into());
        if same && found == Found::Unknown {
            found = if token.scopes.contains(&scope) {
                Found::Allowed(token.name.clone())
            } else {
                Found::Scope
            };
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_what_its_scopes_say() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "from a file\n").unwrap();
        let token = |name: &str, scopes: &[Scope], secret| Token {
            name: name.into(),
            scopes: scopes.to_vec(),
            secret,
        };
        let settings = Settings {
            tokens: vec![
                token("missing", &[Scope::Write], Secret::File(directory.path().join("none"))),
                token(
                    "unset",
                    &[Scope::Write],
                    Secret::Env("LANPULSE_NO_SUCH_VARIABLE".into()),
                ),
                token("ops", &[Scope::Read, Scope::Write], Secret::Sha256(digest(b"secret"))),
                token("file", &[Scope::Read], Secret::File(path.clone())),
            ],
        };
        let find = |token: &[u8], scope| find_now(&settings, &digest(token), scope);
        assert_eq!(find(b"secret", Scope::Write), Found::Allowed("ops".into()));
        assert_eq!(find(b"from a file", Scope::Read), Found::Allowed("file".into()));
        assert_eq!(find(b"from a file", Scope::Write), Found::Scope);
        assert_eq!(find(b"", Scope::Read), Found::Unknown);
        assert_eq!(find(b"Secret", Scope::Read), Found::Unknown);
        std::fs::write(&path, "changed").unwrap();
        assert_eq!(find(b"from a file", Scope::Read), Found::Unknown);
        assert_eq!(find(b"changed", Scope::Read), Found::Allowed("file".into()));
        let shown = format!("{settings:?}");
        assert!(shown.contains("REDACTED") && !shown.contains("43"), "{shown}");
    }
}
