//! Closed sets: enums whose members each have a fixed word.
//!
//! The macro writes the list of all members and the words from the one list of variants, so that neither can lack one.

/// Declares an enum with `ALL`, `as_str` and `parse`. Each variant is followed by its word: the label value, the
/// configuration's word and what serde reads and writes.
macro_rules! closed_set {
    (
        $(#[$about:meta])*
        pub enum $name:ident { $( $(#[$doc:meta])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $name { $( $(#[$doc])* #[serde(rename = $word)] $variant, )+ }

        impl $name {
            /// All members, in the order they are exposed.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word: label value, configuration and JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The member with this word.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|member| member.as_str() == word)
            }
        }
    };
}

pub(crate) use closed_set;

#[cfg(test)]
mod tests {
    closed_set! {
        /// Two members.
        pub enum Colour {
            /// One.
            Red = "red",
            /// Two.
            DarkBlue = "dark_blue",
        }
    }

    #[test]
    fn members_and_words_come_from_one_list() {
        assert_eq!(Colour::ALL, [Colour::Red, Colour::DarkBlue]);
        assert_eq!(Colour::parse("dark_blue"), Some(Colour::DarkBlue));
        assert_eq!(Colour::parse("blue"), None);
        assert_eq!(serde_json::to_string(&Colour::DarkBlue).unwrap(), "\"dark_blue\"");
    }
}
