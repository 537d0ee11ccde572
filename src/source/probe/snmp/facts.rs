//! What an interface is called and which ones are wanted.
//!
//! Owns the rules of the `interface` label and the filter. Gets cells of the label columns; gives facts. Pure. Rules:
//! 1. The name is ifName, else ifDescr, else `if<index>`; text that is empty but for spaces and NULs is none.
//! 2. Interfaces of the same name all get `#<index>`, so that none of them takes over another's series.
//! 3. Wanted is what one of the include patterns matches and none of the exclude patterns, by name or alias.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;

use super::columns::Fact;
use super::kinds;
use crate::model::{InterfaceFacts, LabelValue};
use crate::wire::snmp::Value;
pub use crate::wire::snmp::{number, text};

/// What the label columns say of one interface.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    name: Option<LabelValue>,
    description: Option<LabelValue>,
    alias: Option<LabelValue>,
    kind: Option<LabelValue>,
    mac: Option<LabelValue>,
    high_speed: Option<u64>,
    speed: Option<u64>,
}

impl Draft {
    /// Takes in a cell.
    pub fn learn(&mut self, fact: Fact, value: &Value) {
        match fact {
            Fact::Name => self.name = text(value),
            Fact::Description => self.description = text(value),
            Fact::Alias => self.alias = text(value),
            Fact::Kind => {
                self.kind = number(value).map(|number| match kinds::name(number) {
                    Some(name) => name.into(),
                    None => number.to_string().into(),
                });
            }
            Fact::Mac => self.mac = mac(value),
            Fact::HighSpeed => self.high_speed = number(value),
            Fact::Speed => self.speed = number(value),
        }
    }

    /// ifHighSpeed counts millions, and is 0 for what is slower than half of one.
    pub fn bits_per_second(&self) -> Option<u64> {
        match self.high_speed {
            Some(millions) if millions > 0 => Some(millions.saturating_mul(1_000_000)),
            _ => self.speed.or(self.high_speed),
        }
    }
}

/// Rules 1 and 2, for all interfaces of a device.
pub fn name_all(drafts: BTreeMap<u32, Draft>) -> BTreeMap<u32, Arc<InterfaceFacts>> {
    let plain = |index: u32, draft: &Draft| {
        let name = draft.name.as_ref().or(draft.description.as_ref());
        name.cloned().unwrap_or_else(|| format!("if{index}").into())
    };
    let mut uses: HashMap<LabelValue, usize> = HashMap::new();
    for (index, draft) in &drafts {
        *uses.entry(plain(*index, draft)).or_default() += 1;
    }
    let single = |name: &LabelValue| uses.get(name) == Some(&1);
    let mut taken: HashSet<LabelValue> = uses.keys().filter(|name| single(name)).cloned().collect();
    let mut facts = BTreeMap::new();
    for (index, draft) in drafts {
        let mut name = plain(index, &draft);
        if !single(&name) {
            // Another may really be called so.
            loop {
                name = numbered(&name, index);
                if taken.insert(name.clone()) {
                    break;
                }
            }
        }
        let speed = draft.bits_per_second();
        let known = InterfaceFacts {
            name,
            index,
            alias: draft.alias,
            description: draft.description,
            kind: draft.kind,
            mac: draft.mac,
            speed,
        };
        facts.insert(index, Arc::new(known));
    }
    facts
}

/// A name with its number, cut where the number would not fit.
fn numbered(name: &LabelValue, index: u32) -> LabelValue {
    let mut end = name.as_str().len().min(crate::model::LABEL_MAX_BYTES - 12);
    while !name.as_str().is_char_boundary(end) {
        end -= 1;
    }
    format!("{}#{index}", &name.as_str()[..end]).into()
}

/// A hardware address in the usual form. All zeros is none, and so is what is as long as no address is.
fn mac(value: &Value) -> Option<LabelValue> {
    let Value::Octets(bytes) = value else { return None };
    if bytes.iter().all(|byte| *byte == 0) || bytes.len() > 32 {
        return None;
    }
    // Some send it as text already.
    if bytes.len() >= 11
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || b":-.".contains(byte))
    {
        return text(value).map(|text| text.as_str().to_ascii_lowercase().into());
    }
    let mut mac = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        let colon = if mac.is_empty() { "" } else { ":" };
        let _ = write!(mac, "{colon}{byte:02x}");
    }
    Some(mac.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(text: &[u8]) -> Value {
        Value::Octets(text.to_vec())
    }

    fn drafts(rows: &[(u32, &[u8], &[u8])]) -> BTreeMap<u32, Draft> {
        let draft = |name: &[u8], description: &[u8]| {
            let mut draft = Draft::default();
            draft.learn(Fact::Name, &octets(name));
            draft.learn(Fact::Description, &octets(description));
            draft
        };
        rows.iter()
            .map(|(index, name, description)| (*index, draft(name, description)))
            .collect()
    }

    fn names(rows: &[(u32, &[u8], &[u8])]) -> Vec<String> {
        name_all(drafts(rows))
            .values()
            .map(|facts| facts.name.to_string())
            .collect()
    }

    #[test]
    fn the_name_is_the_first_that_says_something() {
        assert_eq!(
            names(&[
                (1, b"Gi0/1", b"GigabitEthernet0/1"),
                (2, b"", b"Ethernet 2 \0"),
                (3, b"\0\0", b"  "),
                (4, b"lan\x01", b"")
            ]),
            ["Gi0/1", "Ethernet 2", "if3", "lan\u{fffd}"]
        );
    }

    #[test]
    fn twins_are_told_apart_by_their_index() {
        assert_eq!(
            names(&[(3, b"eth3", b""), (13, b"eth3", b""), (14, b"eth4", b"")]),
            ["eth3#3", "eth3#13", "eth4"]
        );
        // One is really called like a numbered twin.
        let odd = names(&[(1, b"a", b""), (2, b"a", b""), (3, b"a#1", b"")]);
        assert_eq!(odd, ["a#1#1", "a#2", "a#1"]);
        let long = [b'x'; 3000];
        let long = names(&[(1, &long, b""), (4_294_967_295, &long, b"")]);
        assert!(long[0].ends_with("#1") && long[1].ends_with("#4294967295"));
    }

    #[test]
    fn speeds_are_the_more_exact_of_two() {
        for (high, low, bits) in [
            (Some(10_000), Some(u32::MAX), Some(10_000_000_000)),
            (Some(0), Some(9_600), Some(9_600)),
            (None, Some(100_000_000), Some(100_000_000)),
            (Some(0), Some(0), Some(0)),
            (Some(0), None, Some(0)),
            (None, None, None),
        ] {
            let mut draft = Draft::default();
            if let Some(high) = high {
                draft.learn(Fact::HighSpeed, &Value::Gauge32(high));
            }
            if let Some(low) = low {
                draft.learn(Fact::Speed, &Value::Gauge32(low));
            }
            assert_eq!(draft.bits_per_second(), bits, "{high:?} {low:?}");
        }
    }

    #[test]
    fn hardware_addresses_in_every_form() {
        for (bytes, mac_text) in [
            (&[0, 0x1b, 0x21, 0xff, 0, 9][..], Some("00:1b:21:ff:00:09")),
            (&[0; 6], None),
            (&[], None),
            (b"0:1B:21:ff:0:9", Some("0:1b:21:ff:0:9")),
            (&[1; 33], None),
        ] {
            assert_eq!(mac(&octets(bytes)).as_ref().map(LabelValue::as_str), mac_text);
        }
    }

    #[test]
    fn patterns_look_at_name_and_alias() {
        let patterns = |texts: &[&str]| texts.iter().map(|text| glob::Pattern::new(text).unwrap()).collect();
        let filter = crate::model::InterfaceFilter {
            include: patterns(&["Gi*", "*uplink*"]),
            exclude: patterns(&["*.10"]),
            include_down: true,
        };
        let wants = |name: &str, alias: Option<&str>| {
            filter.wants(&InterfaceFacts {
                name: name.into(),
                index: 1,
                alias: alias.map(Into::into),
                description: None,
                kind: None,
                mac: None,
                speed: None,
            })
        };
        assert!(wants("Gi0/1", None));
        assert!(wants("Te1/1", Some("the uplink to core")));
        assert!(!wants("Te1/1", None));
        assert!(!wants("Gi0/1.10", None));
    }
}
