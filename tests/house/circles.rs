//! No two files of a room import each other, directly or by way of others: each can be read before those that use it.

use std::collections::VecDeque;

use super::exceptions::{Finding, Rule, excepted, judge};
use super::names::Tree;
use super::source::{Source, files};

/// The shortest way from each file of a circle back to itself, through files of its own room that count.
fn circles(sources: &[Source], counts: impl Fn(&Source) -> bool) -> Vec<Vec<usize>> {
    let tree = Tree::new(sources);
    let rooms: Vec<Option<String>> = sources
        .iter()
        .map(|source| counts(source).then(|| source.room()))
        .collect();
    let edges: Vec<Vec<usize>> = (0..sources.len())
        .map(|file| match &rooms[file] {
            None => Vec::new(),
            room => {
                let mut files = tree.imports_of(file);
                files.retain(|to| rooms[*to] == *room);
                files
            }
        })
        .collect();
    (0..sources.len()).filter_map(|file| way_back(&edges, file)).collect()
}

fn way_back(edges: &[Vec<usize>], start: usize) -> Option<Vec<usize>> {
    let mut came_from = vec![None; edges.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for next in &edges[file] {
            if *next == start {
                let mut way = vec![start];
                let mut at = file;
                while at != start {
                    way.push(at);
                    at = came_from[at]?;
                }
                way.push(start);
                way.reverse();
                return Some(way);
            }
            if came_from[*next].is_none() {
                came_from[*next] = Some(file);
                queue.push_back(*next);
            }
        }
    }
    None
}

#[test]
fn files_of_a_room_import_in_one_direction() {
    let sources = files("src");
    let mut found = Vec::new();
    // A `mod.rs` that holds more than a list is in a circle with all its children: it has its own line in the exceptions.
    let counts = |source: &Source| !source.is_test() && !excepted(Rule::Mod, &source.path);
    for way in circles(&sources, counts) {
        let names: Vec<&str> = way.iter().map(|file| sources[*file].path.as_str()).collect();
        found.push(Finding {
            rule: Rule::Circle,
            file: names[0].to_owned(),
            what: String::new(),
            because: format!("a circle: {}", names.join(" -> ")),
        });
    }
    judge(Rule::Circle, &found);
}

#[test]
fn circles_are_seen() {
    let seen = |files: &[(&str, &str)]| {
        let mut sources = vec![Source::new("src/lib.rs", "")];
        sources.extend(files.iter().map(|(path, text)| Source::new(path, text)));
        circles(&sources, |source| !source.is_test()).len()
    };
    let list = ("src/a/mod.rs", "mod b; mod c; pub use b::B; pub use c::C;");
    let b = ("src/a/b.rs", "use super::C; pub struct B;");
    assert_eq!(
        seen(&[list, b, ("src/a/c.rs", "pub struct C;")]),
        0,
        "mod.rs only leads on"
    );
    assert_eq!(
        seen(&[list, b, ("src/a/c.rs", "use super::b::B; pub struct C;")]),
        2,
        "two neighbours"
    );
    assert_eq!(
        seen(&[
            list,
            b,
            (
                "src/a/c.rs",
                "pub struct C; #[cfg(test)] mod tests { use crate::a::B; }"
            )
        ]),
        0,
        "tests may"
    );
    let mother = ("src/a/mod.rs", "mod b; pub struct A; fn f() { b::g() }");
    assert_eq!(
        seen(&[mother, ("src/a/b.rs", "use super::A; pub fn g() {}")]),
        2,
        "mod and child"
    );
    let round = [
        ("src/a/mod.rs", "mod b; mod c; mod d; mod e;"),
        ("src/a/b.rs", "use super::c::C; pub struct B;"),
        ("src/a/c.rs", "use crate::a::d; pub struct C; fn f() { d::D::new() }"),
        ("src/a/d.rs", "use super::b::B; pub struct D;"),
        ("src/a/e.rs", "use super::b::B;"),
    ];
    assert_eq!(seen(&round), 3, "three in a row, and one beside them");
}
