//! What the configuration contract holds but this version does not do yet.
//!
//! Owns the list; whoever builds one of these parts deletes its row. Gets the main file's fields; gives findings for
//! those that ask for something. Empty or switched-off parts are taken in silence, so that a file written for a later
//! version, with these parts off, is good here too.

use super::decode::{At, Fields, Findings};
use super::node::Node;

/// The sections: the name, the lists or maps in it that switch it off when empty, and how to write that.
pub(super) const SECTIONS: [(&str, &[&str], &str); 1] = [("snmp", &["credentials"], "snmp: {credentials: {}}")];

/// The kinds of probes.
pub(super) const PROBES: [&str; 1] = ["snmp"];

/// Reports the sections that ask for something.
pub(super) fn check(top: &At, main: &Fields, findings: &mut Findings) {
    for (name, switches, off) in SECTIONS {
        let (Some(ordinal), Some(section)) = (main.ordinal(name), main.get(name)) else {
            continue;
        };
        if !is_off(section.node, "", switches) {
            let message = format!("\"{name}\" is not supported by this version");
            findings.key(top, ordinal, message, format!("remove it, or switch it off with {off}"));
        }
    }
}

/// Whether a value says nothing, or nothing but switches that are off.
fn is_off(node: &Node, path: &str, switches: &[&str]) -> bool {
    match node {
        Node::Null => true,
        Node::List(items) => items.is_empty() && (path.is_empty() || switches.contains(&path)),
        Node::Map(entries) => entries.iter().all(|(key, value)| {
            let Node::Text(key) = key else { return false };
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            let known = switches
                .iter()
                .any(|switch| *switch == path || switch.starts_with(&format!("{path}.")));
            known && !matches!(value, Node::Null) && is_off(value, &path, switches)
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_is_off_and_all_else_is_not() {
        for (text, off) in [("snmp: {credentials: {}}", true), ("api: 5", true)] {
            let root = super::super::syntax::parse(text).unwrap();
            let top = At::root(0, &root);
            let mut findings = Findings::default();
            let main = top.fields(&["discovery", "identify", "snmp", "internet", "api"], &mut findings);
            check(&top, &main, &mut findings);
            assert_eq!(findings.0.is_empty(), off, "{text}");
        }
    }
}
