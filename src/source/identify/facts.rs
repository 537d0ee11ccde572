//! All facts about one device.

use super::oui::Registry;
use super::{announced, class, described};
use crate::model::{Announcement, Fact, Mac, MacKind, Origin, SystemFacts, Timestamp, Topic};

/// The longest value of a fact, in characters.
const LONGEST: usize = 255;

/// The facts about a device that follow from what is known of it.
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
                value: value.chars().take(LONGEST).collect::<String>().into(),
                confidence,
                at,
            });
        }
    };
    // A locally administered MAC has no OUI vendor.
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
