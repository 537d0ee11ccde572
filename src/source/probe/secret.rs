//! Secrets: named in the configuration, read when used, never printed.

use std::fmt;

use crate::model::SecretSource;

/// The longest secret, in bytes.
const LIMIT: u64 = 64 * 1024;

/// A password or token. Prints as REDACTED.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself: for the wire, not for a log or a label.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    File(String, std::io::Error),
    /// There is no such variable.
    #[error("the environment variable {0} is not set")]
    Env(String),
    /// Not text, nothing, or far too much.
    #[error("the secret in {0} is empty, longer than 64 KiB or no text")]
    Content(String),
}

/// Reads a secret now.
///
/// # Errors
/// Why it cannot be used; the text never holds the secret.
pub async fn read(source: &SecretSource) -> Result<Secret, SecretError> {
    let (place, text) = match source {
        SecretSource::Inline(text) => ("the configuration".to_owned(), text.clone()),
        SecretSource::File(path) => {
            let place = path.display().to_string();
            let path = path.clone();
            let reading = tokio::task::spawn_blocking(move || {
                use std::io::Read;
                let mut bytes = Vec::new();
                std::fs::File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
                Ok(bytes)
            });
            let bytes = reading
                .await
                .unwrap_or_else(|error| Err(std::io::Error::other(error)))
                .map_err(|error| SecretError::File(place.clone(), error))?;
            (place, String::from_utf8(bytes).unwrap_or_default())
        }
        SecretSource::Env(name) => (
            name.clone(),
            std::env::var(name).map_err(|_| SecretError::Env(name.clone()))?,
        ),
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() || text.len() as u64 > LIMIT || text.contains(char::is_control) {
        return Err(SecretError::Content(place));
    }
    Ok(Secret(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_read_anew_and_never_printed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let source = SecretSource::File(path.clone());
        assert!(read(&source).await.unwrap_err().to_string().contains("token"));
        for text in ["first", "second"] {
            std::fs::write(&path, format!("{text}\r\n")).unwrap();
            let secret = read(&source).await.unwrap();
            assert_eq!(secret.expose(), text);
            assert_eq!(format!("{secret:?}"), "REDACTED");
        }
        for bad in [&b""[..], b"\n", b"a\nb", b"\xff"] {
            std::fs::write(&path, bad).unwrap();
            assert!(read(&source).await.is_err(), "{bad:?}");
        }
    }
}
