//! A device as the daemon remembers it across restarts.

use serde::{Deserialize, Serialize};

use super::{LabelValue, Timestamp};

/// How a device is doing: exactly one at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It answers, within its limits.
    Up,
    /// It answers, above its latency or loss limit.
    Degraded,
    /// It does not answer.
    Down,
    /// Nothing is known: not measured yet, or this host cannot measure it.
    #[default]
    Unknown,
    /// A maintenance window is open.
    Maintenance,
}

impl Status {
    /// All of them, in the order they are exposed.
    pub const ALL: [Self; 5] = [Self::Up, Self::Degraded, Self::Down, Self::Unknown, Self::Maintenance];

    /// The `status` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Maintenance => "maintenance",
        }
    }

    /// The status with this label.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether anything is known.
    pub const fn is_known(self) -> bool {
        !matches!(self, Self::Unknown)
    }

    /// Whether the device does not answer.
    pub const fn is_down(self) -> bool {
        matches!(self, Self::Down)
    }
}

/// What is kept of a device on disk, so that a restart is no flap.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// The agent that watches it.
    pub agent: LabelValue,
    /// The `device` label: unique over all agents.
    pub name: LabelValue,
    /// The last known status.
    pub status: Status,
    /// Since when.
    pub status_since: Timestamp,
    /// Up or down after hysteresis; `None` while unknown. Not the same as the status: a device in maintenance or
    /// degraded has one too.
    pub up: Option<bool>,
    /// When `up` last changed.
    pub up_since: Timestamp,
    /// The first evidence of it, if any yet.
    pub first_seen: Option<Timestamp>,
    /// The latest evidence of it.
    pub last_seen: Option<Timestamp>,
}
