//! The one reader of secrets: from a file, the environment or the configuration.
//!
//! 1. A secret is read anew at each use, so that it can be changed without a reload.
//! 2. One line break at its end is no part of it: editors leave one.
//! 3. It has at most [`MAX_BYTES`], and is never empty.
//! 4. An error names the file or variable, and never holds the secret.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;

pub use crate::model::{Secret, SecretSource, TokenDigest};

/// The longest secret, in bytes.
pub const MAX_BYTES: usize = 64 << 10;

/// Where a secret is, for people.
#[derive(Debug)]
pub struct Place(String);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// There is no such variable.
    #[error("the environment has no {0}")]
    Env(String),
    /// Nothing is in it.
    #[error("{0} is empty")]
    Empty(Place),
    /// It is longer than any secret.
    #[error("{0} has more than {MAX_BYTES} bytes: name a file that holds the secret alone")]
    TooLong(Place),
    /// It is not the one line of text that it must be.
    #[error("{0} is not one line of UTF-8 text: write the secret into its first line and nothing else")]
    NotText(Place),
}

/// Reads a secret.
///
/// # Errors
/// Why it cannot be used: see [`SecretError`].
pub fn read(source: &SecretSource) -> Result<Secret, SecretError> {
    let mut bytes = match source {
        SecretSource::Inline(secret) => secret.expose().to_vec(),
        SecretSource::Env(name) => std::env::var_os(name)
            .ok_or_else(|| SecretError::Env(name.clone()))?
            .into_vec(),
        SecretSource::File(path) => {
            let mut bytes = Vec::new();
            File::open(path)
                .and_then(|file| file.take(MAX_BYTES as u64 + 3).read_to_end(&mut bytes))
                .map_err(|error| SecretError::File(path.display().to_string(), error))?;
            bytes
        }
    };
    if !matches!(source, SecretSource::Inline(_)) && bytes.ends_with(b"\n") {
        bytes.pop();
        bytes.pop_if(|byte| *byte == b'\r');
    }
    if bytes.is_empty() {
        return Err(SecretError::Empty(place(source)));
    }
    if bytes.len() > MAX_BYTES {
        return Err(SecretError::TooLong(place(source)));
    }
    Ok(bytes.into())
}

/// Reads a secret that is text, as for a header or a URL: UTF-8 without control characters.
///
/// # Errors
/// Why it cannot be used: see [`SecretError`].
pub fn read_text(source: &SecretSource) -> Result<Secret, SecretError> {
    let secret = read(source)?;
    let text = std::str::from_utf8(secret.expose());
    if text.is_ok_and(|text| !text.contains(char::is_control)) {
        Ok(secret)
    } else {
        Err(SecretError::NotText(place(source)))
    }
}

/// The same from async code, for which reading a file may take too long.
///
/// # Errors
/// Why it cannot be used: see [`SecretError`].
pub async fn read_text_async(source: &SecretSource) -> Result<Secret, SecretError> {
    let copy = source.clone();
    match tokio::task::spawn_blocking(move || read_text(&copy)).await {
        Ok(read) => read,
        // The runtime is about to end.
        Err(_) => Err(SecretError::Empty(place(source))),
    }
}

/// Reads the digest of a token that clients send in a header. Spaces around the token do not count, because HTTP does not
/// transport them.
///
/// # Errors
/// Why it cannot be used: see [`SecretError`].
pub fn read_token(source: &SecretSource) -> Result<TokenDigest, SecretError> {
    let secret = read(source)?;
    let text = std::str::from_utf8(secret.expose()).map_err(|_| SecretError::NotText(place(source)))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(SecretError::Empty(place(source)));
    }
    if token.contains(char::is_control) {
        return Err(SecretError::NotText(place(source)));
    }
    Ok(TokenDigest::of(token.as_bytes()))
}

fn place(source: &SecretSource) -> Place {
    Place(match source {
        SecretSource::Inline(_) => "the secret".to_owned(),
        SecretSource::File(path) => format!("the file {}", path.display()),
        SecretSource::Env(name) => format!("the environment variable {name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that exists while the test runs.
    struct Sample(tempfile::TempDir);

    impl Sample {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn with(&self, bytes: &[u8]) -> SecretSource {
            let path = self.0.path().join("secret");
            std::fs::write(&path, bytes).unwrap();
            SecretSource::File(path)
        }
    }

    #[test]
    fn one_line_break_at_the_end_is_no_part_of_a_secret() {
        let file = Sample::new();
        for (text, secret) in [
            ("a b", "a b"),
            ("x\n", "x"),
            ("x\r\n", "x"),
            ("x\n\n", "x\n"),
            ("x\r", "x\r"),
            (" x ", " x "),
        ] {
            assert_eq!(read(&file.with(text.as_bytes())).unwrap(), secret.into(), "{text:?}");
        }
        assert_eq!(read(&file.with(b"\xff\n")).unwrap(), vec![0xff].into());
        let inline = SecretSource::Inline("x\n".into());
        assert_eq!(
            read(&inline).unwrap(),
            "x\n".into(),
            "the configuration says exactly what it is"
        );
    }

    #[test]
    fn errors_name_the_place_and_not_the_secret() {
        let file = Sample::new();
        let said = |source: &SecretSource| read_text(source).unwrap_err().to_string();
        let long = vec![b'x'; MAX_BYTES + 1];
        for (bytes, part) in [
            (&b""[..], "/secret is empty"),
            (b"\n", "/secret is empty"),
            (b"hunter\n2\n", "/secret is not one line"),
            (b"hunter\xff", "/secret is not one line"),
            (&long, "more than 65536 bytes"),
        ] {
            let text = said(&file.with(bytes));
            assert!(text.contains(part) && !text.contains("hunter"), "{text}");
        }
        let longest = [&long[1..], b"\r\n"].concat();
        assert_eq!(read(&file.with(&longest)).unwrap().expose().len(), MAX_BYTES);
        let missing = SecretSource::File(file.0.path().join("none"));
        assert!(said(&missing).contains("/none: No such file"), "{}", said(&missing));
        let unset = SecretSource::Env("LANPULSE_NO_SUCH_VARIABLE".into());
        assert_eq!(said(&unset), "the environment has no LANPULSE_NO_SUCH_VARIABLE");
        assert_eq!(said(&SecretSource::Inline("".into())), "the secret is empty");
    }

    #[test]
    fn a_token_is_compared_without_the_spaces_around_it() {
        let file = Sample::new();
        for text in ["token", "token\n", " token \r\n", "token\n\n"] {
            assert_eq!(
                read_token(&file.with(text.as_bytes())).unwrap(),
                TokenDigest::of(b"token")
            );
        }
        for text in [" ", "to\nken", "to\u{7}ken"] {
            assert!(read_token(&file.with(text.as_bytes())).is_err(), "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_file_is_read_anew_each_time() {
        let file = Sample::new();
        for text in ["first", "second"] {
            let source = file.with(text.as_bytes());
            assert_eq!(read_text_async(&source).await.unwrap(), text.into());
        }
    }
}
