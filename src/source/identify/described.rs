//! Facts from the system group of SNMP: name, model, class and identity.

use crate::model::{Class, Origin, SystemFacts, Topic};

/// The class of devices under an enterprise number (RFC 1155; the numbers are IANA's) or a branch of it, for vendors that
/// make little else. Where one is within another, the longer one comes first.
const ENTERPRISE_CLASSES: [(&str, Class); 26] = [
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

/// Words in sysDescr and the class they mean; the first that is found counts.
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

/// Names that many devices have, because they are the default or nobody chose one. Digits and dashes after them do not
/// matter.
const DEFAULT_NAMES: [&str; 34] = [
    "ap",
    "bridge",
    "debian",
    "default",
    "device",
    "edgeos",
    "firewall",
    "gateway",
    "host",
    "hostname",
    "linux",
    "localhost",
    "mikrotik",
    "modem",
    "name",
    "nas",
    "none",
    "noname",
    "openwrt",
    "opnsense",
    "pfsense",
    "printer",
    "raspberrypi",
    "router",
    "server",
    "snmp",
    "switch",
    "sysname",
    "system",
    "ubnt",
    "ubuntu",
    "unifi",
    "unknown",
    "ups",
];

/// Beginnings of a sysDescr that names the operating system and not the model.
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
/// The longest model in bytes; a longer text is a description.
const LONGEST_MODEL: usize = 64;

/// Adds the facts from a system group.
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
    let name = system.name.as_ref().map_or("", |text| text.as_str());
    if is_own(name, description, object_id) {
        // Two devices of one vendor with the same name are more likely than not one device.
        let identity = format!("snmp:{}@{object_id}", name.to_lowercase());
        add(Topic::Identity, Origin::Snmp, &identity, 70);
    }
    if let Some(engine) = system.engine.as_ref().filter(|engine| is_engine(engine.as_str())) {
        add(Topic::Identity, Origin::Snmp, &format!("snmp:engine={engine}"), 90);
    }
}

/// Whether a name seems to be the name of this device alone.
fn is_own(name: &str, description: &str, object_id: &str) -> bool {
    let short = name.split('.').next().unwrap_or_default().to_lowercase();
    let bare = short.trim_matches(|c: char| !c.is_alphabetic());
    let lower = description.to_lowercase();
    // A name that is a word of the description is the model. The description of an operating system has the host's name.
    let is_model = !SYSTEMS.iter().any(|system| lower.starts_with(system))
        && lower
            .split(|c: char| c.is_whitespace() || ",;()".contains(c))
            .any(|word| word == short);
    short.len() >= 3
        && !bare.is_empty()
        && !DEFAULT_NAMES.contains(&bare)
        && !is_model
        && object_id.starts_with(ENTERPRISES)
}

/// Whether an engine id is unique (RFC 3411, SnmpEngineID): it has 5 to 32 bytes, and after the enterprise number not the
/// same digit everywhere.
fn is_engine(digits: &str) -> bool {
    let mut own = digits.bytes().skip(10);
    let first = own.next();
    (12..=64).contains(&digits.len()) && own.any(|digit| Some(digit) != first)
}

/// The model and how sure it is, where the description has a known form.
fn model(description: &str) -> Option<(&str, u8)> {
    let until = |text: &'static str| move |c: char| text.contains(c) || c.is_control() || c == '\u{fffd}';
    // Printers of HP: "...,PID:HP LaserJet 4200".
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

/// The class and how sure it is.
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
    let known = ENTERPRISE_CLASSES.iter().find(|(branch, _)| within(branch));
    known.map(|(_, class)| (*class, 70))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_many_devices_have_are_no_identity() {
        let identities = |name: &str, description: &str, engine: Option<&str>| {
            let system = SystemFacts {
                name: Some(name.into()),
                description: Some(description.into()),
                object_id: Some("1.3.6.1.4.1.4526.1".into()),
                engine: engine.map(Into::into),
                ..SystemFacts::default()
            };
            let mut found = Vec::new();
            facts(&system, &mut |topic, origin, value, _| {
                if topic == Topic::Identity {
                    assert_eq!(origin, Origin::Snmp);
                    found.push(value.to_owned());
                }
            });
            found
        };
        assert_eq!(
            identities("Attic-AP2.lan", "", None),
            ["snmp:attic-ap2.lan@1.3.6.1.4.1.4526.1"]
        );
        assert_eq!(identities("annas-nas", "Linux annas-nas 6.1", None).len(), 1);
        for (name, description) in [
            ("", ""),
            ("localhost.localdomain", ""),
            ("Switch", ""),
            ("switch-12", ""),
            ("(none)", ""),
            ("x", ""),
            ("10.0.0.1", ""),
            ("GS724T", "GS724T, 24 ports"),
        ] {
            assert_eq!(identities(name, description, None), [""; 0], "{name}");
        }
        let engine = "80001f8804aabbccdd";
        assert_eq!(identities("", "", Some(engine)), [format!("snmp:engine={engine}")]);
        for engine in ["", "80001f88040000000000", "80001f8804ffffffffff", "80001f8804"] {
            assert_eq!(identities("", "", Some(engine)), [""; 0], "{engine}");
        }
        let nobody = SystemFacts {
            name: Some("attic".into()),
            ..SystemFacts::default()
        };
        facts(&nobody, &mut |topic, _, _, _| {
            assert_ne!(topic, Topic::Identity, "no sysObjectID");
        });
    }

    #[test]
    fn models_and_classes_are_read_from_descriptions() {
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
