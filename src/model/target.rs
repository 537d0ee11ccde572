//! A target: what the user (or, later, discovery) wants watched, as the state needs to know it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Address, Calendar, LabelValue};

/// One watched device: its names, its limits, and which probes report on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The `device` label: unique, never changed by what is found on the network.
    pub name: LabelValue,
    /// Where it is.
    pub address: Address,
    /// `role`, `site` and `parent` of `lanpulse_device_info`.
    pub role: Option<LabelValue>,
    /// The site all targets of this daemon belong to.
    pub site: Option<LabelValue>,
    /// The device this one is reached through.
    pub parent: Option<LabelValue>,
    /// The user's own labels, on `lanpulse_device_info`.
    pub labels: BTreeMap<String, LabelValue>,
    /// Above these the device is degraded.
    pub limits: Limits,
    /// Inside any of these the status is `maintenance`.
    pub maintenance: Vec<Arc<Calendar>>,
    /// How many probes in a row it takes to change between up and down.
    pub hysteresis: Hysteresis,
    /// How far back the sliding window reaches.
    pub window: Duration,
    /// Approved by a person: configured targets always are.
    pub authorized: bool,
    /// The probes that will report on it.
    pub probes: Vec<Expectation>,
}

#[cfg(test)]
impl Target {
    /// A device at 10.0.0.1 that is pinged every 5 s, judged as by default.
    pub fn pinged(name: &str) -> Self {
        Self {
            name: name.into(),
            address: Address::Ip([10, 0, 0, 1].into()),
            role: None,
            site: None,
            parent: None,
            labels: BTreeMap::new(),
            limits: Limits {
                latency: Duration::from_millis(100),
                loss: 0.05,
            },
            maintenance: vec![],
            hysteresis: Hysteresis {
                up_after: 1,
                down_after: 3,
            },
            window: Duration::from_secs(60),
            authorized: true,
            probes: vec![Expectation {
                probe: "icmp".into(),
                kind: Kind::Icmp,
                interval: Duration::from_secs(5),
                timeout: Duration::from_secs(2),
            }],
        }
    }
}

/// Limits above which a device counts as degraded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Mean round-trip time over the window.
    pub latency: Duration,
    /// Loss over the window, 0 to 1.
    pub loss: f64,
}

/// Probes in a row before a device changes state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hysteresis {
    /// Successes until up.
    pub up_after: u32,
    /// Failures until down.
    pub down_after: u32,
}

/// What kind of probe: the `kind` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// ICMP echo (RFC 792, RFC 4443).
    Icmp,
    /// A TCP connection (RFC 9293).
    Tcp,
    /// An HTTP request (RFC 9112).
    Http,
    /// A DNS query (RFC 1035).
    Dns,
    /// A TLS handshake (RFC 8446).
    Tls,
    /// SNMP (RFC 3416): interface counters.
    Snmp,
}

impl Kind {
    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::Tcp => "tcp",
            Self::Http => "http",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Snmp => "snmp",
        }
    }
}

/// A probe that is expected to report, and how often: what makes its silence meaningful.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The probe's name, unique within the device.
    pub probe: Arc<str>,
    /// Its kind.
    pub kind: Kind,
    /// Time from one run to the next.
    pub interval: Duration,
    /// How long one run may take.
    pub timeout: Duration,
}
