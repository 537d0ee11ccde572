//! Where a secret is. Reading it is up to the room `secret`, at each use; nothing here prints it.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A secret, or the place to read it from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// The secret itself.
    Inline(String),
    /// In this file; a line break at its end is no part of it.
    File(PathBuf),
    /// In this environment variable.
    Env(String),
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}
