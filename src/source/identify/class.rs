//! The class of a device, concluded from its model, host name and vendor. Each rule has how sure it is.

use crate::model::{Class, Fact, Topic};

/// Words in the model.
const MODELS: [(&str, Class); 22] = [
    ("iphone", Class::Phone),
    ("pixel", Class::Phone),
    ("ipad", Class::Tablet),
    ("macbook", Class::Computer),
    ("imac", Class::Computer),
    ("macmini", Class::Computer),
    ("appletv", Class::Tv),
    ("chromecast", Class::Tv),
    ("bravia", Class::Tv),
    ("google tv", Class::Tv),
    ("homepod", Class::Speaker),
    ("audioaccessory", Class::Speaker),
    ("google home", Class::Speaker),
    ("nest mini", Class::Speaker),
    ("sonos", Class::Speaker),
    ("laserjet", Class::Printer),
    ("officejet", Class::Printer),
    ("timecapsule", Class::Nas),
    ("rackstation", Class::Nas),
    ("diskstation", Class::Nas),
    ("playstation", Class::Console),
    ("xbox", Class::Console),
];

/// Words of the host name, whole or followed by digits.
const HOSTS: [(&str, Class); 22] = [
    ("router", Class::Router),
    ("gateway", Class::Router),
    ("gw", Class::Router),
    ("switch", Class::Switch),
    ("sw", Class::Switch),
    ("ap", Class::Ap),
    ("firewall", Class::Firewall),
    ("fw", Class::Firewall),
    ("opnsense", Class::Firewall),
    ("pfsense", Class::Firewall),
    ("server", Class::Server),
    ("nas", Class::Nas),
    ("iphone", Class::Phone),
    ("android", Class::Phone),
    ("ipad", Class::Tablet),
    ("tv", Class::Tv),
    ("printer", Class::Printer),
    ("camera", Class::Camera),
    ("cam", Class::Camera),
    ("ups", Class::Ups),
    ("laptop", Class::Computer),
    ("desktop", Class::Computer),
];

/// Beginnings of the vendor, for vendors that make little else.
const VENDORS: [(&str, Class); 17] = [
    ("synology", Class::Nas),
    ("qnap", Class::Nas),
    ("sonos", Class::Speaker),
    ("espressif", Class::Iot),
    ("tuya", Class::Iot),
    ("shelly", Class::Iot),
    ("allterco", Class::Iot),
    ("signify", Class::Iot),
    ("hangzhou hikvision", Class::Camera),
    ("zhejiang dahua", Class::Camera),
    ("axis communications", Class::Camera),
    ("reolink", Class::Camera),
    ("nintendo", Class::Console),
    ("american power conversion", Class::Ups),
    ("vmware", Class::Vm),
    ("xensource", Class::Vm),
    ("avm audiovisuelles", Class::Router),
];

/// The class and how sure it is; `None` where no rule applies.
pub fn conclude(vendor: Option<&str>, facts: &[Fact]) -> Option<(Class, u8)> {
    let values = |topic| {
        facts
            .iter()
            .filter(move |fact| fact.topic == topic)
            .map(|fact| fact.value.as_str().to_lowercase())
    };
    for model in values(Topic::Model) {
        if let Some((_, class)) = MODELS.iter().find(|(word, _)| model.contains(word)) {
            return Some((*class, 85));
        }
    }
    for host in values(Topic::Hostname) {
        let short = host.split('.').next().unwrap_or_default();
        let words = short
            .split(['-', '_'])
            .map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()));
        for word in words {
            if let Some((_, class)) = HOSTS.iter().find(|(name, _)| *name == word) {
                return Some((*class, 60));
            }
        }
    }
    let vendor = vendor?.to_lowercase();
    VENDORS
        .iter()
        .find(|(beginning, _)| vendor.starts_with(beginning))
        .map(|(_, class)| (*class, 45))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Origin, Timestamp};

    #[test]
    fn the_model_counts_before_the_name_and_the_name_before_the_vendor() {
        let fact = |topic, value: &str| Fact {
            topic,
            origin: Origin::Dns,
            value: value.into(),
            confidence: 50,
            at: Timestamp::default(),
        };
        for (vendor, host, model, class) in [
            (Some("Synology Incorporated"), "backup.lan", "", Some(Class::Nas)),
            (Some("Synology Incorporated"), "cam-3.lan", "", Some(Class::Camera)),
            (None, "cam-3.lan", "iPhone15,2", Some(Class::Phone)),
            (None, "ap2", "", Some(Class::Ap)),
            (None, "apple", "", None),
            (Some("Intel Corporate"), "x", "", None),
        ] {
            let facts = [fact(Topic::Hostname, host), fact(Topic::Model, model)];
            assert_eq!(
                conclude(vendor, &facts).map(|(class, _)| class),
                class,
                "{vendor:?} {host} {model}"
            );
        }
    }
}
