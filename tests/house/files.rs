//! What every file keeps to: it opens with what it is for, and stays short; a `mod.rs` is only a list.

use super::exceptions::{Finding, Rule, judge};
use super::source::{Source, close, files};

/// Beyond it there is a second idea inside.
const LONGEST: usize = 400;
/// For files in `exceptions.rs`.
const TOLERATED: usize = 500;

fn everything() -> Vec<Source> {
    ["src", "tests", "benches"].into_iter().flat_map(files).collect()
}

#[test]
fn files_introduce_themselves() {
    let silent = |source: &Source| !source.text.starts_with("//! ");
    let wrong: Vec<String> = everything()
        .into_iter()
        .filter(silent)
        .map(|source| source.path)
        .collect();
    assert!(
        wrong.is_empty(),
        "these do not open with `//! ` and what they are for: {wrong:#?}"
    );
}

#[test]
fn files_stay_short() {
    let mut found = Vec::new();
    for source in everything() {
        let lines = source.text.lines().count();
        assert!(
            lines <= TOLERATED,
            "{}: {lines} lines; {TOLERATED} is the most for an exception",
            source.path
        );
        if lines > LONGEST {
            found.push(Finding {
                rule: Rule::Length,
                because: format!("{lines} lines; past {LONGEST} there is a second idea inside"),
                file: source.path,
                what: String::new(),
            });
        }
    }
    judge(Rule::Length, &found);
}

/// What a `mod.rs` holds beside `mod`, `pub use` and attributes, by keyword and name.
fn beside_lists(source: &Source) -> Vec<String> {
    let text = |at: usize| source.code().get(at).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    let mut at = 0;
    while at < source.code().len() {
        if text(at) == "#" {
            at += if text(at + 1) == "!" { 2 } else { 1 };
            at = close(source.code(), at);
            continue;
        }
        let public = text(at) == "pub";
        at += usize::from(public);
        if public && text(at) == "(" {
            at = close(source.code(), at);
        }
        let start = at;
        let mut blocks = false;
        while at < source.code().len() && text(at) != ";" && !(blocks && text(at - 1) == "}") {
            blocks |= text(at) == "{";
            at = if matches!(text(at), "{" | "(" | "[") {
                close(source.code(), at)
            } else {
                at + 1
            };
        }
        at += usize::from(text(at) == ";");
        let list = text(start) == "mod" && text(start + 2) == ";" || text(start) == "use" && public;
        if !list {
            let words = source.code()[start..at].iter().map(|token| token.text.as_str());
            let item: Vec<&str> = words
                .take_while(|word| !matches!(*word, "{" | "(" | ";" | "=" | ":" | "<"))
                .collect();
            found.push(item.join(" "));
        }
    }
    found
}

#[test]
fn a_mod_file_is_a_list() {
    let mut found = Vec::new();
    for source in everything().iter().filter(|source| source.is_mod()) {
        let beside = beside_lists(source);
        if !beside.is_empty() {
            found.push(Finding {
                rule: Rule::Mod,
                file: source.path.clone(),
                what: String::new(),
                because: format!("holds more than mod and pub use: {}", beside.join(", ")),
            });
        }
    }
    judge(Rule::Mod, &found);
}

#[test]
fn more_than_a_list_is_seen() {
    for (text, expected) in [
        (
            "//! x\nmod a;\npub mod b;\npub(crate) use a::{B, C};\n#[cfg(test)]\nmod tests;",
            &[][..],
        ),
        ("#![allow(x)]\n#[cfg(unix)]\nmod a;\npub use self::a::*;", &[]),
        ("use a::{B, C};\nmod a;", &["use a ::"]),
        ("/// x\n#[derive(A)]\npub struct B { c: D }\nmod a;", &["struct B"]),
        (
            "pub struct B(C);\npub fn f<T>() -> T { g() }\nimpl A for B {}\nmod a { fn f() {} }",
            &["struct B", "fn f", "impl A for B", "mod a"],
        ),
        ("const A: u8 = { 1 };\npub type B = C;", &["const A", "type B"]),
    ] {
        assert_eq!(beside_lists(&Source::new("src/a/mod.rs", text)), expected, "{text}");
    }
}
