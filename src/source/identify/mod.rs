//! What a device is: facts from its hardware address, the DNS, what it announces and what it answers to SNMP.
//!
//! One file a source: `oui`, `names` (reverse DNS), `announced` (mDNS), `system` and `described` (the system
//! group of SNMP), and `class`, which concludes from the others.
//! Gets addresses and announcements; gives `Fact`s with their origin and confidence. Everything from the network is
//! hostile: bounded in length and number, and made safe by `LabelValue`.

mod announced;
mod class;
mod described;
mod names;
mod oui;
mod system;

use std::path::PathBuf;

use crate::model::{Announcement, Fact, Mac, MacKind, Origin, SystemFacts, Timestamp, Topic};

pub use names::Names;
pub use oui::{Registry, RegistryError, data_date, pack};
pub use system::{Key, Systems};

/// How to identify: the `identify` section.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Another registry of hardware addresses than the built-in one.
    pub oui_file: Option<PathBuf>,
    /// How to ask found devices for the system group of SNMP, tried in this order; none asks nobody.
    pub snmp: Vec<Key>,
}

/// Everything that can be said of somebody from what is at hand.
pub fn facts(
    registry: &Registry,
    mac: Option<Mac>,
    name: Option<&str>,
    announcements: &[&Announcement],
    system: Option<&SystemFacts>,
    at: Timestamp,
) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |topic, origin, value: &str, confidence| {
        let value = value.trim();
        if !value.is_empty() {
            facts.push(Fact {
                topic,
                origin,
                value: value.chars().take(255).collect::<String>().into(),
                confidence,
                at,
            });
        }
    };
    // What made up its own address has no maker.
    let vendor = mac
        .filter(|mac| mac.kind() == MacKind::Universal)
        .and_then(|mac| registry.vendor(mac));
    if let Some(vendor) = &vendor {
        add(Topic::Vendor, Origin::Oui, vendor, 50);
    }
    if let Some(name) = name {
        add(Topic::Hostname, Origin::Dns, name, 70);
    }
    for announcement in announcements {
        announced::facts(announcement, &mut add);
    }
    if let Some(system) = system {
        described::facts(system, &mut add);
    }
    let concluded = class::conclude(vendor.as_deref(), &facts);
    if let Some((class, confidence)) = concluded {
        facts.push(Fact {
            topic: Topic::Class,
            origin: Origin::Rule,
            value: class.as_str().into(),
            confidence,
            at,
        });
    }
    facts
}
