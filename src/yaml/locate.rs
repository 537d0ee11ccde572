//! The line and column of a node.
//!
//! The text is parsed again along the path to the node, and the parsing is made to fail at the node, so that `serde_yaml`
//! reports the position. Only files with mistakes pay for that.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The place of a node: its file, and the path from the root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// The number of the file, in the order of reading.
    pub file: usize,
    /// The number of the child at each level, counted from 0 over items or entries.
    pub steps: Vec<usize>,
    /// Whether the key or the value of the last entry is meant.
    pub part: Part,
}

/// A half of an entry of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Part {
    /// The key.
    Key,
    /// The value; also an item of a list, and the whole document.
    Value,
}

/// The line and column of a place, both from 1. For an alias it is the position of the anchor, where the text is.
pub(crate) fn locate(text: &str, place: &Place) -> Option<(usize, usize)> {
    document_position(
        serde_yaml::Deserializer::from_str(text).next()?,
        &place.steps,
        place.part,
    )
}

/// The position of the first value of a document.
pub(crate) fn document_position(
    document: serde_yaml::Deserializer<'_>,
    steps: &[usize],
    part: Part,
) -> Option<(usize, usize)> {
    let reached = Cell::new(false);
    let seed = Seed {
        steps,
        part,
        reached: &reached,
    };
    let error = seed.deserialize(document).err()?;
    let location = error.location().filter(|_| reached.get())?;
    Some((location.line(), location.column()))
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    steps: &'a [usize],
    part: Part,
    reached: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.steps.is_empty() {
            self.reached.set(true);
            return deserializer.deserialize_any(Stop);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the list or map on the way")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some((&step, steps)) = self.steps.split_first() else {
            return Ok(());
        };
        for _ in 0..step {
            items.next_element::<IgnoredAny>()?;
        }
        items.next_element_seed(Self { steps, ..self }).map(|_| ())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Some((&step, steps)) = self.steps.split_first() else {
            return Ok(());
        };
        for _ in 0..step {
            entries.next_entry::<IgnoredAny, IgnoredAny>()?;
        }
        let child = Self { steps, ..self };
        if steps.is_empty() && self.part == Part::Key {
            return entries.next_key_seed(child).map(|_| ());
        }
        // serde_yaml panics when it is asked for the value of an entry that does not exist.
        match entries.next_key::<IgnoredAny>()? {
            Some(_) => entries.next_value_seed(child),
            None => Ok(()),
        }
    }
}

/// Accepts no value, so that parsing fails here, with the position of this node.
struct Stop;

impl Visitor<'_> for Stop {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the end of the way")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_keys_values_items_and_aliases() {
        let text = "a:\n  - x: 1\n    ü: [ä, {k: v, k: w}]\n  -  &n {q: ~}\nb: *n\n? c\n: - 1\n  -\n'd e': !t 5\n";
        for (steps, part, position) in [
            (&[][..], Part::Value, (1, 1)),
            (&[0], Part::Key, (1, 1)),
            (&[0], Part::Value, (2, 3)),
            (&[0, 0], Part::Value, (2, 5)),
            (&[0, 0, 0], Part::Value, (2, 8)),
            (&[0, 0, 1], Part::Key, (3, 5)),
            (&[0, 0, 1], Part::Value, (3, 8)),
            (&[0, 0, 1, 0], Part::Value, (3, 9)),
            (&[0, 0, 1, 1], Part::Value, (3, 12)),
            (&[0, 0, 1, 1, 1], Part::Key, (3, 19)),
            (&[0, 0, 1, 1, 1], Part::Value, (3, 22)),
            (&[0, 1], Part::Value, (4, 6)),
            (&[0, 1, 0], Part::Value, (4, 13)),
            (&[1], Part::Key, (5, 1)),
            (&[1, 0], Part::Key, (4, 10)),
            (&[2], Part::Key, (6, 3)),
            (&[2, 0], Part::Value, (7, 5)),
            (&[3], Part::Key, (9, 1)),
            (&[3], Part::Value, (9, 8)),
        ] {
            let place = Place {
                file: 0,
                steps: steps.to_vec(),
                part,
            };
            assert_eq!(locate(text, &place), Some(position), "{steps:?} {part:?}");
        }
        let beyond = Place {
            file: 0,
            steps: vec![9],
            part: Part::Value,
        };
        assert_eq!(locate(text, &beyond), None);
    }
}
