//! A YAML document as a tree. It keeps the order of keys, and keys that occur twice.
//!
//! A node does not know its position: `locate` finds it for the few nodes that need one.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess};

/// What a node takes from the budget, beside its text: about its size in memory.
const NODE_COST: usize = 32;
/// The budget of a document, in bytes. With aliases a short text can become a huge tree; no honest file comes near this.
const BUDGET: usize = 256 << 20;

/// The error when aliases make the tree too large.
pub(crate) const TOO_LARGE: &str = "the aliases of this file make it too large";

/// One value of a YAML document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text, quoted or not.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Node, Node)>),
    /// A value with a tag of its own (`!foo`), which lanpulse does not use. Its content is left out.
    Tagged(String),
}

impl Node {
    /// The number and the value of the first entry with this key.
    pub fn get(&self, name: &str) -> Option<(usize, &Self)> {
        let Self::Map(entries) = self else { return None };
        entries
            .iter()
            .enumerate()
            .find(|(_, (key, _))| matches!(key, Self::Text(text) if text == name))
            .map(|(ordinal, (_, value))| (ordinal, value))
    }
}

/// Reads one document.
///
/// # Errors
/// The error of `serde_yaml` about the syntax, or that aliases make the tree too large.
pub(crate) fn read<'de, D: Deserializer<'de>>(document: D) -> Result<Node, D::Error> {
    let left = Cell::new(BUDGET);
    Seed { left: &left }.deserialize(document)
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    left: &'a Cell<usize>,
}

impl Seed<'_> {
    fn pay<E: Error>(self, text: usize) -> Result<(), E> {
        match self.left.get().checked_sub(NODE_COST + text) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(E::custom(TOO_LARGE)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.pay(0)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> serde::de::Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        // No value of the schema is exact beyond i64.
        Ok(i64::try_from(value).map_or(Node::Float(value as f64), Node::Int))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Float(value as f64))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        Ok(Node::Float(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        self.pay(value.len())?;
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key_seed(self)? {
            map.push((key, entries.next_value_seed(self)?));
        }
        Ok(Node::Map(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Node, A::Error> {
        let (tag, content) = data.variant::<String>()?;
        content.newtype_variant::<IgnoredAny>()?;
        Ok(Node::Tagged(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Node {
        read(serde_yaml::Deserializer::from_str(text)).unwrap()
    }

    #[test]
    fn keeps_order_duplicates_and_kinds() {
        let text = |t: &str| Node::Text(t.into());
        assert_eq!(
            parse("{b: 1, a: ~, b: [-2, 1.5, yes, true, 08:00, 18446744073709551615], 3: !x {y: 1}, <<: z}"),
            Node::Map(vec![
                (text("b"), Node::Int(1)),
                (text("a"), Node::Null),
                (
                    text("b"),
                    Node::List(vec![
                        Node::Int(-2),
                        Node::Float(1.5),
                        text("yes"),
                        Node::Bool(true),
                        text("08:00"),
                        Node::Float(18_446_744_073_709_551_615.0),
                    ])
                ),
                (Node::Int(3), Node::Tagged("x".into())),
                (text("<<"), text("z")),
            ])
        );
        assert_eq!(parse(""), Node::Null);
        assert_eq!(parse("# only a comment\n"), Node::Null);
        assert_eq!(parse("[&a 1, *a]"), Node::List(vec![Node::Int(1), Node::Int(1)]));
    }
}
