//! The `identify` section.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Credentials;

/// How to identify devices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// A registry of hardware addresses in place of the built-in one.
    pub oui_file: Option<PathBuf>,
    /// How to ask devices for the system group of SNMP, tried in this order. If empty, no device is asked.
    pub snmp: Vec<SnmpAccess>,
}

/// One way to ask a device by SNMP.
#[derive(Clone, Debug, PartialEq)]
pub struct SnmpAccess {
    /// The credentials.
    pub credentials: Arc<Credentials>,
    /// The port of the device's SNMP agent.
    pub port: u16,
    /// How long to wait for a reply at first; never more than a second.
    pub timeout: Duration,
}
