//! The SNMP engine of a device: our keys there, and its clock (RFC 3414 section 2.2).

use std::time::{Duration, Instant};

use super::envelope::Envelope;
use super::keys::{Clock, Keys};
use super::message::{Op, Query};
use super::user::User;
use super::value::Malformed;
use crate::model::LabelValue;

/// How far a message may lag behind the engine's clock (RFC 3414 section 3.2, 7b).
const WINDOW: Duration = Duration::from_secs(150);

/// What is known of an engine, for one user.
#[derive(Clone)]
pub struct Engine {
    /// For messages that are not encrypted: those of a user without a privacy password, and reports.
    pub(super) plain: Keys,
    /// For encrypted messages.
    pub(super) private: Option<Keys>,
    pub(super) clock: Clock,
    /// When `clock` was the engine's clock.
    pub(super) at: Instant,
}

impl Engine {
    /// Derives the keys of this user at this engine, which takes milliseconds. `clock` is the engine's clock now.
    ///
    /// # Errors
    /// Why the keys cannot be derived, as where a password is too short.
    pub fn new(user: &User, id: &[u8], clock: Clock, now: Instant) -> Result<Self, String> {
        Ok(Self {
            plain: Keys::plain(user, id)?,
            private: Keys::private(user, id)?,
            clock,
            at: now,
        })
    }

    /// The id in hexadecimal digits.
    pub fn id_text(&self) -> LabelValue {
        let digits = self.plain.engine_id().iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<String>().into()
    }

    /// The engine's clock now: it has gone on since the last message.
    fn clock_at(&self, now: Instant) -> Clock {
        let (boots, time) = self.clock;
        let passed = now.saturating_duration_since(self.at).as_secs() as u32;
        (boots, time.saturating_add(passed).min(i32::MAX as u32))
    }

    /// Takes over the clock of a message, if the message is authentic. A response must be newer than the clock we have; a
    /// report need not be.
    pub fn adjust(&mut self, envelope: &Envelope, now: Instant) {
        let newer = envelope.clock > self.clock;
        if envelope.authentic && (newer || envelope.reply.op == Op::Report) {
            self.clock = envelope.clock;
            self.at = now;
        }
    }

    /// Whether a message is not older than the window of time allows.
    pub fn is_timely(&self, envelope: &Envelope, now: Instant) -> bool {
        let ((boots, time), (our_boots, our_time)) = (envelope.clock, self.clock_at(now));
        boots > our_boots || boots == our_boots && u64::from(time) + WINDOW.as_secs() >= u64::from(our_time)
    }

    /// Writes a request to this engine, signed and encrypted as the user's credentials say.
    ///
    /// # Errors
    /// It is too long, or a name cannot be written.
    pub fn request(&self, id: i32, query: Query, now: Instant) -> Result<Vec<u8>, Malformed> {
        let keys = self.private.as_ref().unwrap_or(&self.plain);
        keys.write(self.clock_at(now), id, query)
    }
}
