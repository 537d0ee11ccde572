//! A message of version 3 that has been read whole, and what a report in it says.

use super::keys::Clock;
use super::message::Reply;
use super::value::{Oid, Value};

/// usmStats, 1.3.6.1.6.3.15.1.1: the variables of reports.
pub(super) const STATS: [u32; 9] = [1, 3, 6, 1, 6, 3, 15, 1, 1];

/// A message from a device.
pub struct Envelope {
    /// The id of its engine.
    pub engine_id: Vec<u8>,
    /// The clock of its engine.
    pub clock: Clock,
    /// Whether its signature has been checked and is right.
    pub authentic: bool,
    /// The PDU.
    pub reply: Reply,
}

/// Why an engine did not answer a request (RFC 3414 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The user may not use this security level.
    UnsupportedLevel,
    /// The request had the wrong clock.
    NotInTimeWindow,
    /// The engine does not know the user.
    UnknownUser,
    /// The request had the wrong engine id.
    UnknownEngine,
    /// The signature of the request is wrong.
    WrongDigest,
    /// The engine cannot decrypt the request.
    Decryption,
    /// Another reason.
    Other,
}

impl Report {
    /// The reason in a report: its first variable tells.
    pub fn of(reply: &Reply) -> Self {
        let about = |(oid, _): &(Oid, Value)| oid.0.strip_prefix(&STATS).and_then(<[u32]>::first).copied();
        match reply.bindings.first().and_then(about) {
            Some(1) => Self::UnsupportedLevel,
            Some(2) => Self::NotInTimeWindow,
            Some(3) => Self::UnknownUser,
            Some(4) => Self::UnknownEngine,
            Some(5) => Self::WrongDigest,
            Some(6) => Self::Decryption,
            _ => Self::Other,
        }
    }

    /// The reason in words.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::UnsupportedLevel => "the device does not let this user in with this auth and privacy",
            Self::NotInTimeWindow => "the device's clock and our idea of it differ again and again",
            Self::UnknownUser => "the device does not know the user",
            Self::UnknownEngine => "the device changes its engine id again and again",
            Self::WrongDigest => "wrong authentication password or protocol",
            Self::Decryption => "wrong privacy password or protocol",
            Self::Other => "the device refused the request",
        }
    }
}
