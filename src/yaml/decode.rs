//! Walks the tree and collects every mistake, not only the first.
//!
//! [`At`] is a position in the walk. It makes the checks that every map needs: for unknown keys, keys that occur twice, and
//! keys that are no text.

use std::collections::HashMap;

use super::locate::{Part, Place};
use super::node::Node;
use super::problem::quoted;
use super::suggest;

/// A mistake at a place in the tree. Its line has not been looked up yet.
#[derive(Debug)]
pub(crate) struct Finding {
    /// The place.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// How to correct it.
    pub hint: Option<String>,
    /// Another place that the message is about; its position is put after the message.
    pub other: Option<Place>,
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub Vec<Finding>);

impl Findings {
    /// Adds a mistake in a value.
    pub fn value(&mut self, at: &At, message: impl Into<String>, hint: impl Into<String>) {
        self.place(at.place(), message, hint);
    }

    /// Adds a mistake in the key of an entry of a map.
    pub fn key(&mut self, map: &At, ordinal: usize, message: impl Into<String>, hint: impl Into<String>) {
        self.place(map.key_place(ordinal), message, hint);
    }

    /// Adds a mistake at a place that was noted earlier. An empty hint is no hint.
    pub fn place(&mut self, place: Place, message: impl Into<String>, hint: impl Into<String>) {
        let hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        self.0.push(Finding {
            place,
            message: message.into(),
            hint,
            other: None,
        });
    }

    /// Adds that something occurs twice. The position of the first place is put after the message.
    pub fn twice(&mut self, second: Place, first: Place, message: impl Into<String>) {
        self.0.push(Finding {
            place: second,
            message: message.into(),
            hint: None,
            other: Some(first),
        });
    }
}

/// A node and the path to it. The path lies on the stack of the walk, so a file without mistakes allocates nothing for it.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    /// The node.
    pub node: &'a Node,
    file: usize,
    up: Option<&'a At<'a>>,
    ordinal: usize,
}

impl<'a> At<'a> {
    /// The root of a file.
    pub fn root(file: usize, node: &'a Node) -> Self {
        Self {
            node,
            file,
            up: None,
            ordinal: 0,
        }
    }

    /// An item of a list, or the value of an entry of a map.
    pub fn child(&'a self, ordinal: usize, node: &'a Node) -> Self {
        Self {
            node,
            file: self.file,
            up: Some(self),
            ordinal,
        }
    }

    /// The number of the file that it is in.
    pub fn file(&self) -> usize {
        self.file
    }

    /// The place, for use after the walk.
    pub fn place(&self) -> Place {
        let mut steps = Vec::new();
        let mut at = self;
        while let Some(up) = at.up {
            steps.push(at.ordinal);
            at = up;
        }
        steps.reverse();
        Place {
            file: self.file,
            steps,
            part: Part::Value,
        }
    }

    /// The place of the key of an entry.
    pub fn key_place(&self, ordinal: usize) -> Place {
        let mut place = self.place();
        place.steps.push(ordinal);
        place.part = Part::Key;
        place
    }

    /// The key of this value in its map.
    pub fn key(&self) -> Option<&'a str> {
        match self.up?.node {
            Node::Map(entries) => match &entries.get(self.ordinal)?.0 {
                Node::Text(key) => Some(key),
                _ => None,
            },
            _ => None,
        }
    }

    /// The items of a list; null counts as an empty list.
    pub fn items(&'a self, findings: &mut Findings) -> impl Iterator<Item = At<'a>> + use<'a> {
        let items: &[Node] = match self.node {
            Node::List(items) => items,
            Node::Null => &[],
            _ => {
                let example = self.key().map_or(String::new(), |key| format!("as in {key}: [...]"));
                self.wrong("a list", &example, findings);
                &[]
            }
        };
        items
            .iter()
            .enumerate()
            .map(|(ordinal, node)| self.child(ordinal, node))
    }

    /// The entries of a map with keys that the user chooses.
    pub fn entries(&'a self, findings: &mut Findings) -> Vec<(usize, &'a str, At<'a>)> {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let mut good = Vec::new();
        for (ordinal, (key, value)) in self.map(findings).iter().enumerate() {
            let Some(key) = self.text_key(ordinal, key, findings) else {
                continue;
            };
            if let Some(first) = seen.get(key) {
                self.double(ordinal, key, *first, findings);
                continue;
            }
            seen.insert(key, ordinal);
            good.push((ordinal, key, self.child(ordinal, value)));
        }
        good
    }

    /// The fields of a map with known keys; null counts as an empty map.
    pub fn fields(&'a self, known: &'static [&'static str], findings: &mut Findings) -> Fields<'a> {
        let mut slots = vec![None; known.len()];
        for (ordinal, (key, _)) in self.map(findings).iter().enumerate() {
            let Some(key) = self.text_key(ordinal, key, findings) else {
                continue;
            };
            match known.iter().position(|name| *name == key) {
                Some(index) => match slots[index] {
                    Some(first) => self.double(ordinal, key, first, findings),
                    None => slots[index] = Some(ordinal),
                },
                None => self.unknown(ordinal, key, known, findings),
            }
        }
        Fields { at: self, known, slots }
    }

    /// Adds that a field is unknown.
    pub fn unknown(&self, ordinal: usize, key: &str, known: &[&str], findings: &mut Findings) {
        let all = format!("known here: {}", known.join(", "));
        let hint = suggest::hint(key, known.iter().copied(), &all);
        findings.key(self, ordinal, format!("unknown field {}", quoted(key)), hint);
    }

    /// Adds that the value is of the wrong kind.
    pub fn wrong(&self, expected: &str, hint: &str, findings: &mut Findings) {
        let found = match self.node {
            Node::Tagged(tag) => {
                let message = format!("the YAML tag {} is not supported", quoted(&format!("!{tag}")));
                return findings.value(self, message, "remove it, or put the text in quotes");
            }
            Node::Null => {
                let hint = self.key().map_or("remove it", |_| "give it a value, or remove the key");
                return findings.value(self, format!("expected {expected}, found nothing"), hint);
            }
            Node::Bool(value) => value.to_string(),
            Node::Int(value) => format!("the number {value}"),
            Node::Float(value) => format!("the number {value}"),
            Node::Text(text) => format!("the text {}", quoted(text)),
            Node::List(_) => "a list".to_owned(),
            Node::Map(_) => "a map".to_owned(),
        };
        findings.value(self, format!("expected {expected}, found {found}"), hint);
    }

    fn map(&self, findings: &mut Findings) -> &'a [(Node, Node)] {
        match self.node {
            Node::Map(entries) => return entries,
            // A section whose keys are all commented out is null, which is fine. In a list, a null item is a mistake.
            Node::Null if self.up.is_none() || self.key().is_some() => {}
            _ => self.wrong("a map", "write key: value", findings),
        }
        &[]
    }

    fn text_key<'k>(&self, ordinal: usize, key: &'k Node, findings: &mut Findings) -> Option<&'k str> {
        let found = match key {
            Node::Text(key) if key == "<<" => {
                let hint = "repeat the keys, or use an alias for a whole value";
                findings.key(self, ordinal, "merge keys (<<) are not supported", hint);
                return None;
            }
            Node::Text(key) => return Some(key),
            Node::Int(key) => key.to_string(),
            Node::Bool(key) => key.to_string(),
            Node::Float(key) => key.to_string(),
            Node::Null | Node::List(_) | Node::Map(_) | Node::Tagged(_) => {
                findings.key(self, ordinal, "a key must be text", "");
                return None;
            }
        };
        findings.key(
            self,
            ordinal,
            format!("a key must be text, not {found}"),
            format!("write \"{found}\":"),
        );
        None
    }

    fn double(&self, ordinal: usize, key: &str, first: usize, findings: &mut Findings) {
        let message = format!("duplicate key {}, already used at", quoted(key));
        findings.twice(self.key_place(ordinal), self.key_place(first), message);
    }
}

/// The known fields of one map.
pub(crate) struct Fields<'a> {
    at: &'a At<'a>,
    known: &'static [&'static str],
    slots: Vec<Option<usize>>,
}

impl<'a> Fields<'a> {
    /// The number of the entry with this field.
    pub fn ordinal(&self, name: &str) -> Option<usize> {
        self.slots[self.known.iter().position(|known| *known == name)?]
    }

    /// A field, if it is given.
    pub fn get(&self, name: &str) -> Option<At<'a>> {
        let ordinal = self.ordinal(name)?;
        let Node::Map(entries) = self.at.node else { return None };
        Some(self.at.child(ordinal, &entries.get(ordinal)?.1))
    }

    /// A field that must be given. If it is missing, the mistake is reported at the map.
    pub fn require(&self, name: &str, hint: &str, findings: &mut Findings) -> Option<At<'a>> {
        let field = self.get(name);
        // If the node is no map, that has been reported already.
        if field.is_none() && matches!(self.at.node, Node::Map(_)) {
            findings.value(self.at, format!("missing required key \"{name}\""), hint);
        }
        field
    }
}
