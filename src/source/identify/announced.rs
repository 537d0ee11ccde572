//! Facts from multicast DNS announcements (RFC 6763): names, models, classes, and identities that survive a change of the
//! hardware address.

use crate::model::{Announcement, Class, Origin, Topic};

/// What a key in the TXT record of a service means, and how sure that is. The sources are the Bonjour Printing
/// Specification 1.2.1 (`ty`, `product`, `UUID`), the HomeKit Accessory Protocol (`md`, `id`, `ci`), and what Google Cast
/// and AirPlay devices send.
const KEYS: [(&str, &str, Topic, u8); 15] = [
    ("_device-info._tcp", "model", Topic::Model, 90),
    ("_googlecast._tcp", "md", Topic::Model, 90),
    ("_googlecast._tcp", "id", Topic::Identity, 95),
    ("_airplay._tcp", "model", Topic::Model, 90),
    ("_airplay._tcp", "deviceid", Topic::Identity, 95),
    ("_raop._tcp", "am", Topic::Model, 80),
    ("_ipp._tcp", "ty", Topic::Model, 90),
    ("_ipp._tcp", "UUID", Topic::Identity, 95),
    ("_ipps._tcp", "ty", Topic::Model, 90),
    ("_printer._tcp", "ty", Topic::Model, 85),
    ("_pdl-datastream._tcp", "ty", Topic::Model, 85),
    ("_hap._tcp", "md", Topic::Model, 85),
    ("_hap._tcp", "id", Topic::Identity, 95),
    ("_companion-link._tcp", "rpMd", Topic::Model, 80),
    ("_esphomelib._tcp", "board", Topic::Model, 80),
];

/// The class of a device that offers a service, and how sure it is.
const CLASSES: [(&str, Class, u8); 14] = [
    ("_ipp._tcp", Class::Printer, 90),
    ("_ipps._tcp", Class::Printer, 90),
    ("_printer._tcp", Class::Printer, 90),
    ("_pdl-datastream._tcp", Class::Printer, 85),
    ("_scanner._tcp", Class::Printer, 70),
    ("_androidtvremote2._tcp", Class::Tv, 90),
    ("_amzn-wplay._tcp", Class::Tv, 70),
    ("_spotify-connect._tcp", Class::Speaker, 60),
    ("_sonos._tcp", Class::Speaker, 90),
    ("_esphomelib._tcp", Class::Iot, 90),
    ("_hap._tcp", Class::Iot, 60),
    ("_matter._tcp", Class::Iot, 80),
    ("_adisk._tcp", Class::Nas, 75),
    ("_workstation._tcp", Class::Computer, 50),
];

/// Adds the facts from one announcement.
pub fn facts(announcement: &Announcement, add: &mut impl FnMut(Topic, Origin, &str, u8)) {
    let host = announcement.host.trim_end_matches('.').trim_end_matches(".local");
    add(Topic::Hostname, Origin::Mdns, host, 85);
    for (service, key, topic, confidence) in KEYS {
        let value = announcement
            .texts
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.trim());
        let Some(value) = value.filter(|value| service == announcement.service && !value.is_empty()) else {
            continue;
        };
        if topic.is_identity() {
            // An id is unique only among those of its service.
            add(topic, Origin::Mdns, &format!("{service}:{key}={value}"), confidence);
        } else {
            add(topic, Origin::Mdns, value, confidence);
        }
    }
    if let Some((_, class, confidence)) = CLASSES.iter().find(|(service, ..)| *service == announcement.service) {
        add(Topic::Class, Origin::Mdns, class.as_str(), *confidence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cast_device_has_name_model_and_identity() {
        let announcement = Announcement {
            address: [10, 0, 0, 9].into(),
            host: "abc-def.local.".into(),
            service: "_googlecast._tcp".into(),
            instance: "Chromecast-abc".into(),
            texts: vec![
                ("md".into(), "Chromecast Ultra".into()),
                ("id".into(), "5f7c".into()),
                ("fn".into(), "TV".into()),
            ],
        };
        let mut found = Vec::new();
        facts(&announcement, &mut |topic, _, value: &str, _| {
            found.push((topic, value.to_owned()));
        });
        assert_eq!(
            found,
            [
                (Topic::Hostname, "abc-def".to_owned()),
                (Topic::Model, "Chromecast Ultra".to_owned()),
                (Topic::Identity, "_googlecast._tcp:id=5f7c".to_owned()),
            ]
        );
    }
}
