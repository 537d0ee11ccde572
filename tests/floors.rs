//! The floors of the house: imports go downstairs only, and neighbours do not visit each other.
//!
//! Reads the sources as text: `crate::` and `super::` paths outside `#[cfg(test)]` code. To let a room import another,
//! change `HOUSE`; that it stays free of circles is what the test is for. Drawn in `docs/ARCHITECTURE.md`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms in build order, and what each may import: rooms above it in this list.
const HOUSE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("yaml", &["model"]),
    ("wire", &["model"]),
    ("secret", &["model"]),
    ("pace", &[]),
    ("net", &["model", "wire", "secret"]),
    ("state", &["model"]),
    ("metrics", &["model", "state"]),
    ("source/probe", &["model", "wire", "secret", "net"]),
    ("source/discover", &["model", "wire", "pace", "net"]),
    ("source/identify", &["model", "wire", "net"]),
    ("http", &["model", "yaml", "secret", "state", "metrics"]),
    ("store", &["model"]),
    // the rooms' settings, which it assembles
    (
        "config",
        &[
            "model",
            "yaml",
            "secret",
            "state",
            "metrics",
            "source/probe",
            "source/discover",
            "source/identify",
            "http",
        ],
    ),
    ("targets", &["model", "source/probe", "config"]),
    (
        "cli",
        &[
            "model",
            "secret",
            "net",
            "source/probe",
            "source/discover",
            "source/identify",
            "http",
            "store",
            "config",
        ],
    ),
    (
        "daemon",
        &[
            "model",
            "wire",
            "secret",
            "net",
            "state",
            "metrics",
            "source/probe",
            "source/discover",
            "source/identify",
            "http",
            "store",
            "config",
            "targets",
            "cli",
        ],
    ),
    ("main", &["config", "cli", "daemon"]),
];

/// A wing: each folder in it is a room of its own.
const WING: &str = "source";

const LONGEST: usize = 500;

/// All source files below a directory, with their module path: `state/window.rs` is `["state", "window"]`.
fn sources(directory: &Path, path: &[String], found: &mut Vec<(PathBuf, Vec<String>)>) {
    let mut entries: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for entry in entries {
        let mut path = path.to_vec();
        let stem = entry.file_stem().unwrap().to_str().unwrap();
        if stem != "mod" {
            path.push(stem.into());
        }
        if entry.is_dir() {
            sources(&entry, &path, found);
        } else if entry.extension().is_some_and(|end| end == "rs") && stem != "lib" {
            found.push((entry, path));
        }
    }
}

fn all() -> Vec<(PathBuf, Vec<String>)> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut found);
    found
}

/// The code without comments, and without the items behind `#[cfg(test)]`. Relies on rustfmt's layout: an item ends with
/// the first line as far to the left as it began that closes it.
fn code(text: &str) -> String {
    let mut kept = String::new();
    let mut skip = None;
    for line in text.lines() {
        let line = line.split(" //").next().unwrap_or("").trim_end();
        let indent = line.len() - line.trim_start().len();
        if line.trim_start().starts_with("//") {
            continue;
        }
        match skip {
            None if line.trim_start().starts_with("#[cfg(test)]") => skip = Some(indent),
            None => kept = kept + line + "\n",
            Some(start) if start == indent && line.ends_with(['}', ';']) => skip = None,
            Some(_) => {}
        }
    }
    kept
}

/// The room a module path lies in: its first name, in the source wing its first two.
fn room(path: &[String]) -> String {
    path[..path.len().min(if path[0] == WING { 2 } else { 1 })].join("/")
}

/// The rooms that a file's code names, by the ways it has to name them.
fn visits(code: &str, path: &[String]) -> Vec<String> {
    // how it may begin, and what the names behind that are within
    let mut roots = vec![
        (format!("crate::{WING}::"), format!("{WING}/")),
        ("crate::".to_owned(), String::new()),
        (format!("lanpulse::{WING}::"), format!("{WING}/")),
        ("lanpulse::".to_owned(), String::new()),
    ];
    if !path.is_empty() {
        roots.push(("super::".repeat(path.len()), String::new()));
    }
    if path.first().is_some_and(|name| name == WING) && path.len() > 1 {
        roots.push(("super::".repeat(path.len() - 1), format!("{WING}/")));
    }
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut found = Vec::new();
    for (root, within) in roots {
        for (at, _) in code.match_indices(&root) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue; // the end of a longer path
            }
            let rest = &code[at + root.len()..];
            let Some(group) = rest.strip_prefix('{') else {
                found.push(within.clone() + &word(rest));
                continue;
            };
            // `{a::B, c::{D, E}, f}` names a, c and f
            let mut depth = 1;
            let mut start = true;
            for (at, letter) in group.char_indices() {
                if start && depth == 1 && letter.is_alphabetic() {
                    found.push(within.clone() + &word(&group[at..]));
                    start = false;
                }
                depth += i32::from(letter == '{') - i32::from(letter == '}');
                start |= depth == 1 && letter == ',';
                if depth == 0 {
                    break;
                }
            }
        }
    }
    found.retain(|room| !room.is_empty() && *room != WING && *room != format!("{WING}/"));
    found
}

#[test]
fn the_table_has_no_way_up() {
    for (floor, (room, allowed)) in HOUSE.iter().enumerate() {
        for visited in *allowed {
            assert!(
                HOUSE[..floor].iter().any(|(name, _)| name == visited),
                "{room} -> {visited} climbs"
            );
        }
    }
}

#[test]
fn imports_go_downstairs() {
    let mut wrong = Vec::new();
    for (file, path) in all() {
        if path == [WING] {
            continue; // it only names its rooms
        }
        let own = room(&path);
        let Some((_, allowed)) = HOUSE.iter().find(|(room, _)| *room == own) else {
            wrong.push(format!(
                "{}: a room that is not in HOUSE (tests/floors.rs)",
                file.display()
            ));
            continue;
        };
        if path.iter().any(|name| name == "tests") {
            continue;
        }
        for visited in visits(&code(&fs::read_to_string(&file).unwrap()), &path) {
            let room = HOUSE.iter().any(|(room, _)| *room == visited);
            if visited != own && room && !allowed.contains(&visited.as_str()) {
                wrong.push(format!("{}: {own} must not import {visited}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn files_introduce_themselves_and_stay_short() {
    let mut wrong = Vec::new();
    for (file, _) in all() {
        let text = fs::read_to_string(&file).unwrap();
        if !text.starts_with("//! ") {
            wrong.push(format!(
                "{}: does not open with //!: owns, gets from, gives to",
                file.display()
            ));
        }
        let lines = text.lines().count();
        if lines > LONGEST {
            wrong.push(format!(
                "{}: {lines} lines; past {LONGEST} there is a second idea inside",
                file.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn climbing_is_seen() {
    let path = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let seen = |text: &str, names: &[&str]| visits(&code(text), &path(names));
    assert_eq!(seen("use crate::daemon::Run;", &["state"]), ["daemon"]);
    assert_eq!(
        seen("use crate::{model::{A, B}, http, net::C};", &["state"]),
        ["model", "http", "net"]
    );
    assert_eq!(seen("fn f() { crate::store::open() }", &["state", "window"]), ["store"]);
    assert_eq!(seen("use crate::source::probe::Kind;", &["state"]), ["source/probe"]);
    assert_eq!(
        seen("use super::super::discover;", &["source", "probe", "run"]),
        ["source/discover"]
    );
    assert_eq!(seen("use super::http;", &["targets"]), ["http"]);
    assert_eq!(seen("use super::http;", &["state", "window"]), [""; 0]);
    assert_eq!(seen("use super::super::http;", &["state", "window"]), ["http"]);
    assert_eq!(
        seen(
            "// use crate::daemon;\n#[cfg(test)]\nmod tests {\n    use crate::http;\n    fn f() {}\n}\n",
            &["net"]
        ),
        [""; 0]
    );
    assert_eq!(
        seen("#[cfg(test)]\nuse crate::http;\nuse crate::store;", &["net"]),
        ["store"]
    );
}
