//! What a probe is about, and the name of the agent that looks.

use serde::{Deserialize, Serialize};

use super::{INTERNET, LabelValue};

/// The `agent` label of the built-in prober.
pub const LOCAL_AGENT: &str = "local";

/// What a probe is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A device, by its name.
    Device(LabelValue),
    /// The internet, as its checks see it.
    Internet,
    /// The gateway of the default route.
    Gateway,
}

impl Subject {
    /// The `device` label of its series and log lines.
    pub fn label(&self) -> &str {
        match self {
            Self::Device(name) => name.as_str(),
            Self::Internet | Self::Gateway => INTERNET,
        }
    }

    /// Whether it is a device.
    pub const fn is_device(&self) -> bool {
        matches!(self, Self::Device(_))
    }

    /// Whether its runs look names up themselves. The internet checks do, so that they notice a dead DNS; devices use
    /// the addresses last known.
    pub const fn needs_fresh_names(&self) -> bool {
        matches!(self, Self::Internet | Self::Gateway)
    }
}
