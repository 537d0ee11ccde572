//! ICMP echo (RFC 792, RFC 4443): is it there, and how far away.

use std::time::Duration;

use crate::model::Family;

/// How to ping a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Time from one echo request to the next.
    pub interval: Duration,
    /// How long to wait for the reply.
    pub timeout: Duration,
    /// Which IP version.
    pub family: Family,
}
