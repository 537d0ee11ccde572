//! API tokens: which there are, what each may do, and whether a client has sent one of them.
//!
//! Owns the `Settings` of the `api` section. Gets the digest of a token; gives the token's name if its scope suffices.
//! Only SHA-256 digests are compared, always all of them, each in constant time. So the time does not show how
//! many letters were right, nor which token it was.

use std::fmt;
use std::path::PathBuf;

use crate::secret::{SecretSource, TokenDigest, read_token};

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
            TokenSource::File(path) => Some(path.clone()),
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
    /// Where the token itself is.
    pub secret: TokenSource,
}

/// What a token may do. `write` does not include `read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Routes that only show something.
    Read,
    /// Routes that change something.
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

/// Where a token is. It is read again each time, so that it can be changed without a reload.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// The SHA-256 of the token.
    Sha256(TokenDigest),
    /// A file that holds the token.
    File(PathBuf),
    /// An environment variable that is the token.
    Env(String),
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(_) => f.write_str("REDACTED"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment {name}"),
        }
    }
}

impl TokenSource {
    /// The digest of the token; none if the token cannot be read.
    fn digest(&self) -> Option<TokenDigest> {
        let source = match self {
            Self::Sha256(digest) => return Some(*digest),
            Self::File(path) => SecretSource::File(path.clone()),
            Self::Env(name) => SecretSource::Env(name.clone()),
        };
        read_token(&source)
            .inspect_err(|error| tracing::warn!("cannot read an API token: {error}"))
            .ok()
    }
}

/// What came of looking for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The token of this name, which has the scope.
    Allowed(String),
    /// A token that does not have the scope.
    Scope,
    /// No token.
    Unknown,
}

/// A new token and its SHA-256 in hexadecimal digits; none if the system has no random numbers.
pub fn new_token() -> Option<(String, String)> {
    use base64::Engine as _;
    let mut bytes = [0; 32];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).ok()?;
    let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let hex = TokenDigest::of(token.as_bytes()).to_hex();
    Some((token, hex))
}

/// Looks for the token with this digest.
pub async fn find(settings: &Settings, wanted: TokenDigest, scope: Scope) -> Found {
    let settings = settings.clone();
    // It reads files, which may block.
    let found = tokio::task::spawn_blocking(move || find_now(&settings, wanted, scope)).await;
    found.unwrap_or(Found::Unknown)
}

fn find_now(settings: &Settings, wanted: TokenDigest, scope: Scope) -> Found {
    let mut found = Found::Unknown;
    for token in &settings.tokens {
        let same = token.secret.digest() == Some(wanted);
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
                token(
                    "missing",
                    &[Scope::Write],
                    TokenSource::File(directory.path().join("none")),
                ),
                token(
                    "unset",
                    &[Scope::Write],
                    TokenSource::Env("LANPULSE_NO_SUCH_VARIABLE".into()),
                ),
                token(
                    "ops",
                    &[Scope::Read, Scope::Write],
                    TokenSource::Sha256(TokenDigest::of(b"secret")),
                ),
                token("file", &[Scope::Read], TokenSource::File(path.clone())),
            ],
        };
        let find = |token: &[u8], scope| find_now(&settings, TokenDigest::of(token), scope);
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
