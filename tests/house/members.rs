//! A closed set carries its properties: code outside `model` asks `method.is_hearsay()`, and does not compare with one
//! member. So a new member has its properties in one place, and no comparison elsewhere forgets it.

use std::collections::{BTreeMap, BTreeSet};

use super::exceptions::{Finding, Rule, judge};
use super::source::{Source, Token, close, files};

/// The enums of `model` that list all their members in `ALL`, have a name for each (`as_str`), or come from a macro; with
/// their members.
fn closed_sets(sources: &[Source]) -> BTreeMap<String, BTreeSet<String>> {
    let mut sets = BTreeMap::new();
    for source in sources
        .iter()
        .filter(|source| source.room() == "model" && !source.is_test())
    {
        let text = |at: usize| source.code().get(at).map_or("", |token| token.text.as_str());
        let enums: BTreeMap<String, (BTreeSet<String>, bool)> = enums(source.code());
        for (name, (members, generated)) in enums {
            let listed = (0..source.code().len())
                .filter(|at| text(*at) == "impl" && text(at + 1) == name && text(at + 2) == "{")
                .flat_map(|at| &source.code()[at + 2..close(source.code(), at + 2)])
                .any(|token| token.text == "ALL" || token.text == "as_str");
            if listed || generated {
                sets.insert(name, members);
            }
        }
    }
    sets
}

/// All enums of a file with their members, and whether they stand inside a macro's braces.
fn enums(code: &[Token]) -> BTreeMap<String, (BTreeSet<String>, bool)> {
    let text = |at: usize| code.get(at).map_or("", |token| token.text.as_str());
    let mut found = BTreeMap::new();
    let mut macro_end = 0;
    for at in 0..code.len() {
        if text(at) == "!" && matches!(text(at + 1), "{" | "(") && at > 0 && text(at - 1) != "macro_rules" {
            macro_end = macro_end.max(close(code, at + 1));
        }
        if text(at) != "enum" || text(at + 2) != "{" {
            continue;
        }
        let end = close(code, at + 2) - 1;
        let mut members = BTreeSet::new();
        let mut place = at + 3;
        while place < end {
            match text(place) {
                "#" => place = close(code, place + 1),
                name => {
                    members.insert(name.to_owned());
                    while place < end && text(place) != "," {
                        place = if matches!(text(place), "{" | "(" | "[") {
                            close(code, place)
                        } else {
                            place + 1
                        };
                    }
                    place += 1;
                }
            }
        }
        found.insert(text(at + 1).to_owned(), (members, at < macro_end));
    }
    found
}

/// The members that the code compares with: by `==` and `!=`, in `matches!`, `if let` and `while let`.
fn compared(code: &[Token], sets: &BTreeMap<String, BTreeSet<String>>) -> Vec<(String, usize)> {
    let text = |at: usize| code.get(at).map_or("", |token| token.text.as_str());
    // `Set::Member` whose first token is at `at`
    let member = |at: usize| {
        let known = text(at + 1) == "::" && sets.get(text(at)).is_some_and(|members| members.contains(text(at + 2)));
        known.then(|| (format!("{}::{}", text(at), text(at + 2)), code[at].line))
    };
    let mut found = Vec::new();
    for at in 0..code.len() {
        match text(at) {
            "==" | "!=" => {
                found.extend(at.checked_sub(3).and_then(member));
                let mut right = at + 1;
                while matches!(text(right), "&" | "*" | "(" | "[" | "Some" | "Ok" | "Err")
                    || text(right + 1) == "::" && member(right).is_none()
                {
                    right += if text(right + 1) == "::" { 2 } else { 1 };
                }
                found.extend(member(right));
            }
            "matches" if text(at + 1) == "!" => {
                let end = close(code, at + 2);
                let pattern = (at + 3..end).find(|place| text(*place) == ",").unwrap_or(end);
                found.extend((pattern..end).filter_map(member));
            }
            "if" | "while" | "&" if text(at + 1) == "let" => {
                let end = (at..code.len()).find(|place| text(*place) == "=").unwrap_or(at);
                found.extend((at..end).filter_map(member));
            }
            _ => {}
        }
    }
    found.sort();
    found.dedup_by(|one, other| one.0 == other.0);
    found
}

#[test]
fn nobody_compares_with_one_member_of_a_closed_set() {
    let sources = files("src");
    let sets = closed_sets(&sources);
    for known in ["Kind", "Failure", "Method"] {
        assert!(
            sets.contains_key(known),
            "{known} is not seen as a closed set: {sets:?}"
        );
    }
    let mut found = Vec::new();
    for source in sources
        .iter()
        .filter(|source| source.room() != "model" && !source.is_test())
    {
        for (what, line) in compared(source.code(), &sets) {
            found.push(Finding {
                rule: Rule::Member,
                file: source.path.clone(),
                because: format!("line {line} compares with {what}: make it a method of the set"),
                what,
            });
        }
    }
    judge(Rule::Member, &found);
}

#[test]
fn comparisons_are_seen() {
    let model = Source::new(
        "src/model/a.rs",
        "#[derive(A)] pub enum Set { #[x] One, Two(u8, u8), Three { a: B } } impl Set { pub const ALL: [Self; 1] = [Self::One]; }
         enum Open { Some } closed! { pub enum Made { Up } }",
    );
    let sets = closed_sets(&[model]);
    let members = |name: &str| {
        sets.get(name)
            .map(|members| members.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(members("Set").unwrap(), ["One", "Three", "Two"]);
    assert_eq!(members("Made").unwrap(), ["Up"]);
    assert_eq!(members("Open"), None);
    for (text, expected) in [
        ("a == Set::One", &["Set::One"][..]),
        ("Set::One != a", &["Set::One"]),
        ("a == Some(&crate::model::Set::Two(1, 2))", &["Set::Two"]),
        ("a == [Made::Up]", &["Made::Up"]),
        ("matches!(a, Set::One | Made::Up)", &["Made::Up", "Set::One"]),
        ("if let Some(Set::Two(a, _)) = b {}", &["Set::Two"]),
        ("a == Set::parse(b)", &[]),
        ("match a { Set::One => b == c, _ => d }", &[]),
        ("f(Set::One); a == b::c", &[]),
        ("a == Open::Some", &[]),
    ] {
        let found = compared(&super::source::tokens(text), &sets);
        assert_eq!(
            found.into_iter().map(|(what, _)| what).collect::<Vec<_>>(),
            expected,
            "{text}"
        );
    }
}
