//! What an SNMP probe asks, and with which credentials.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::closed::closed_set;
use crate::model::{InterfaceFacts, SecretSource};

/// A walk over a device's interfaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnmpProbe {
    /// The agent's UDP port.
    pub port: u16,
    /// How long to wait for one reply at first; the whole walk has the probe's time-out.
    pub reply_timeout: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// Rows in one reply, at most.
    pub max_repetitions: u32,
    /// How to be let in.
    pub credentials: Arc<Credentials>,
    /// Which interfaces are wanted.
    pub interfaces: InterfaceFilter,
}

/// Passwords of version 3 have at least so many bytes (RFC 3414 section 11.2).
pub const SNMP_PASSWORD_MIN_BYTES: usize = 8;

closed_set! {
    /// How an SNMP message is authenticated (RFC 3414, RFC 7860).
    #[allow(missing_docs)]
    pub enum AuthProtocol {
        Md5 = "md5",
        Sha1 = "sha1",
        Sha224 = "sha224",
        Sha256 = "sha256",
        Sha384 = "sha384",
        Sha512 = "sha512",
    }
}

closed_set! {
    /// How an SNMP message is encrypted (RFC 3414, RFC 3826, Blumenthal's draft for the longer keys).
    #[allow(missing_docs)]
    pub enum PrivacyProtocol {
        Des = "des",
        Aes128 = "aes128",
        Aes192 = "aes192",
        Aes256 = "aes256",
    }
}

/// How to be let in by an SNMP agent, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credentials {
    /// Versions 1 and 2c.
    Community {
        /// Version 1: no GETBULK, no 64-bit counters.
        v1: bool,
        /// The community.
        community: SecretSource,
    },
    /// Version 3 (RFC 3414).
    User {
        /// securityName.
        user: String,
        /// contextName.
        context: String,
        /// authNoPriv and authPriv.
        auth: Option<(AuthProtocol, SecretSource)>,
        /// authPriv; never without `auth`.
        privacy: Option<(PrivacyProtocol, SecretSource)>,
    },
}

impl Credentials {
    /// Whether this is version 1.
    pub const fn is_v1(&self) -> bool {
        matches!(self, Self::Community { v1: true, .. })
    }
}

/// Which interfaces are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceFilter {
    /// Patterns of names and aliases; one must match.
    #[serde(serialize_with = "globs_out", deserialize_with = "globs_in")]
    pub include: Vec<glob::Pattern>,
    /// Patterns of names and aliases; none may match.
    #[serde(serialize_with = "globs_out", deserialize_with = "globs_in")]
    pub exclude: Vec<glob::Pattern>,
    /// Also those that are administratively down.
    pub include_down: bool,
}

impl InterfaceFilter {
    /// Whether the name or the alias matches one of `include` and neither matches one of `exclude`.
    pub fn wants(&self, facts: &InterfaceFacts) -> bool {
        let matches = |pattern: &glob::Pattern| {
            let alias = facts.alias.as_ref().map(|alias| pattern.matches(alias.as_str()));
            pattern.matches(facts.name.as_str()) || alias == Some(true)
        };
        self.include.iter().any(matches) && !self.exclude.iter().any(matches)
    }
}

fn globs_out<S: Serializer>(patterns: &[glob::Pattern], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(patterns.iter().map(glob::Pattern::as_str))
}

fn globs_in<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<glob::Pattern>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let patterns = texts
        .iter()
        .map(|text| glob::Pattern::new(text).map_err(serde::de::Error::custom));
    patterns.collect()
}
