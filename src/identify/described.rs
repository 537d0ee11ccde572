//! What the system group of SNMP tells: a name, perhaps a model, perhaps a class.

use crate::model::{Class, Origin, SystemFacts, Topic};

/// What an enterprise (RFC 1155; numbers are IANA's) or a branch of it makes, where it makes little else; the longest
/// first where one is within another.
const MAKERS: [(&str, Class); 26] = [
    ("11.2.3.9", Class::Printer),
    ("11.2.3.7.11", Class::Switch),
    ("253", Class::Printer),
    ("318", Class::Ups),
    ("367", Class::Printer),
    ("534", Class::Ups),
    ("641", Class::Printer),
    ("674.10895", Class::Switch),
    ("705", Class::Ups),
    ("850", Class::Ups),
    ("1248", Class::Printer),
    ("1347", Class::Printer),
    ("1602", Class::Printer),
    ("2435", Class::Printer),
    ("3808", Class::Ups),
    ("4526", Class::Switch),
    ("5951", Class::Firewall),
    ("6574", Class::Nas),
    ("6876", Class::Server),
    ("8741", Class::Firewall),
    ("12356", Class::Firewall),
    ("14179", Class::Ap),
    ("14988", Class::Router),
    ("18334", Class::Printer),
    ("24681", Class::Nas),
    ("25461", Class::Firewall),
];
/// enterprises, iso.org.dod.internet.private.
const ENTERPRISES: &str = "1.3.6.1.4.1.";

/// Words of sysDescr, the more telling first.
const WORDS: [(&str, Class, u8); 17] = [
    ("laserjet", Class::Printer, 80),
    ("jetdirect", Class::Printer, 80),
    ("printer", Class::Printer, 70),
    ("routeros", Class::Router, 75),
    ("edgeos", Class::Router, 75),
    ("openwrt", Class::Router, 65),
    ("pfsense", Class::Firewall, 80),
    ("opnsense", Class::Firewall, 80),
    ("fortigate", Class::Firewall, 80),
    ("access point", Class::Ap, 75),
    ("diskstation", Class::Nas, 80),
    ("switch", Class::Switch, 65),
    ("firewall", Class::Firewall, 60),
    ("router", Class::Router, 60),
    ("truenas", Class::Nas, 75),
    ("esxi", Class::Server, 75),
    ("ip camera", Class::Camera, 75),
];

/// What sysDescr begins with where it names the system and not the thing.
const SYSTEMS: [&str; 8] = [
    "linux",
    "freebsd",
    "openbsd",
    "netbsd",
    "darwin",
    "sunos",
    "hardware:",
    "windows",
];
/// A longer text is a description, no model.
const LONGEST_MODEL: usize = 64;

/// Adds what a system group tells.
pub fn facts(system: &SystemFacts, add: &mut impl FnMut(Topic, Origin, &str, u8)) {
    if let Some(name) = &system.name {
        add(Topic::Hostname, Origin::Snmp, name.as_str(), 88);
    }
    let description = system.description.as_ref().map_or("", |text| text.as_str());
    if let Some((model, confidence)) = model(description) {
        add(Topic::Model, Origin::Snmp, model, confidence);
    }
    let object_id = system.object_id.as_ref().map_or("", |text| text.as_str());
    if let Some((class, confidence)) = class(description, object_id) {
        add(Topic::Class, Origin::Snmp, class.as_str(), confidence);
    }
}

/// The model, where the description has a form that tells it.
fn model(description: &str) -> Option<(&str, u8)> {
    let until = |text: &'static str| move |c: char| text.contains(c) || c.is_control() || c == '\u{fffd}';
    // As printers of HP have it: "...,PID:HP LaserJet 4200".
    if let Some((_, rest)) = description.split_once("PID:") {
        return rest.split(until(",;")).next().map(|model| (model.trim(), 88));
    }
    for (before, end) in [("RouterOS ", ""), ("Cisco IOS Software, ", " ,")] {
        if let Some(rest) = description.strip_prefix(before) {
            return rest.split(until(end)).next().map(|model| (model.trim(), 75));
        }
    }
    let first = description.split(until(",;")).next()?.trim();
    let lower = first.to_lowercase();
    let fits = (3..=LONGEST_MODEL).contains(&first.len()) && !SYSTEMS.iter().any(|system| lower.starts_with(system));
    fits.then_some((first, 40))
}

fn class(description: &str, object_id: &str) -> Option<(Class, u8)> {
    let lower = description.to_lowercase();
    if let Some((_, class, confidence)) = WORDS.iter().find(|(word, ..)| lower.contains(word)) {
        return Some((*class, *confidence));
    }
    let enterprise = object_id.strip_prefix(ENTERPRISES)?;
    let within = |branch: &str| {
        let rest = enterprise.strip_prefix(branch);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let maker = MAKERS.iter().find(|(branch, _)| within(branch));
    maker.map(|(_, class)| (*class, 70))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_tell_models_and_classes() {
        for (description, object_id, expected_model, expected_class) in [
            (
                "RouterOS CCR1009-7G",
                "1.3.6.1.4.1.14988.1",
                Some("CCR1009-7G"),
                Some(Class::Router),
            ),
            (
                "HP ETHERNET MULTI-ENVIRONMENT,ROM none,JETDIRECT,JD149,EEPROM V.38,PID:HP LaserJet 4200",
                "1.3.6.1.4.1.11.2.3.9.1",
                Some("HP LaserJet 4200"),
                Some(Class::Printer),
            ),
            (
                "Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 12.2",
                "1.3.6.1.4.1.9.1.716",
                Some("C2960"),
                None,
            ),
            (
                "Linux nas 4.4.302+ #42962 SMP x86_64",
                "1.3.6.1.4.1.6574.1",
                None,
                Some(Class::Nas),
            ),
            ("Linux box 6.1.0", "1.3.6.1.4.1.8072.3.2.10", None, None),
            (
                "APC Web/SNMP Management Card (MB:v4.1)",
                "1.3.6.1.4.1.318.1.3",
                Some("APC Web/SNMP Management Card (MB:v4.1)"),
                Some(Class::Ups),
            ),
            ("x", "1.3.6.1.4.1.3180.1", None, None),
            ("", "", None, None),
        ] {
            assert_eq!(
                model(description).map(|(model, _)| model),
                expected_model,
                "{description}"
            );
            assert_eq!(
                class(description, object_id).map(|(class, _)| class),
                expected_class,
                "{description}"
            );
        }
    }
}
