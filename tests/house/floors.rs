//! The floors of the house: rooms import downstairs only, and only what the table below allows them.
//!
//! To let a room import another, change `HOUSE`; this test keeps it free of circles. Drawn in `docs/ARCHITECTURE.md`.

use super::exceptions::{Finding, Rule, judge};
use super::names::{Names, absolute};
use super::source::{Source, WING, files, room};

/// What every source may import: it reads the outside and sends `Input`s, and knows nothing of the state, of HTTP or of
/// another source.
const FOR_SOURCES: &[&str] = &["model", "wire", "yaml", "secret", "pace", "net"];

/// The rooms in build order, and what each may import: only rooms above it in this list. A room may be in the table before
/// it is in the tree.
const HOUSE: &[(&str, &[&str])] = &[
    // floor 0: nouns
    ("model", &[]),
    // floor 1: bytes, files, sockets, and what is known
    ("wire", &["model"]),
    ("yaml", &["model"]),
    ("secret", &["model"]),
    ("pace", &["model"]),
    ("net", &["model", "wire", "secret", "pace"]),
    ("state", &["model"]),
    // floor 2: rooms that touch the world; a face imports only model, state, metrics and serve
    ("metrics", &["model", "state"]),
    ("store", &["model"]),
    ("serve", &["wire", "yaml", "secret", "pace"]),
    ("source/probe", FOR_SOURCES),
    ("source/discover", FOR_SOURCES),
    ("source/identify", FOR_SOURCES),
    ("source/listen", FOR_SOURCES),
    ("source/controller", FOR_SOURCES),
    ("source/advise", FOR_SOURCES),
    ("source/uplink", FOR_SOURCES),
    ("api", &["model", "pace", "state", "metrics", "serve"]),
    // it sends, so it needs sockets, their formats and the credentials
    (
        "export",
        &["model", "wire", "secret", "net", "state", "metrics", "serve"],
    ),
    // floor 3: text to jobs, and the command line
    (
        "config",
        &[
            "model",
            "yaml",
            "secret",
            "state",
            "metrics",
            "serve",
            // the settings of rooms that have some of their own
            "source/probe",
            "source/discover",
            "source/identify",
            "source/listen",
            "source/controller",
            "source/advise",
            "source/uplink",
            "api",
            "export",
        ],
    ),
    ("targets", &["model", "config"]),
    (
        "cli",
        &["model", "secret", "net", "state", "metrics", "serve", "config"],
    ),
    // floor 4: the roof, which knows every room
    (
        "daemon",
        &[
            "model",
            "wire",
            "yaml",
            "secret",
            "pace",
            "net",
            "state",
            "metrics",
            "store",
            "serve",
            "source/probe",
            "source/discover",
            "source/identify",
            "source/listen",
            "source/controller",
            "source/advise",
            "source/uplink",
            "api",
            "export",
            "config",
            "targets",
            "cli",
        ],
    ),
    ("main", &["config", "cli", "daemon"]),
];

/// The rooms that a file names.
fn visits(source: &Source) -> Vec<String> {
    let names = Names::of(source.code());
    let imported = names.imports.iter().map(|import| &import.named.path);
    let written = names.paths.iter().map(|named| &named.path);
    let mut found: Vec<String> = imported
        .chain(written)
        .filter_map(|path| absolute(path, &source.module))
        .map(|path| room(&path))
        .filter(|room| !room.is_empty() && room != WING)
        .collect();
    found.sort();
    found.dedup();
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
    let mut found = Vec::new();
    for source in files("src") {
        if source.module.is_empty() || source.module == [WING] || source.is_test() {
            continue;
        }
        let own = source.room();
        let Some((_, allowed)) = HOUSE.iter().find(|(room, _)| *room == own) else {
            panic!("{}: a room that is not in HOUSE (tests/house/floors.rs)", source.path);
        };
        for visited in visits(&source) {
            let known = HOUSE.iter().any(|(room, _)| *room == visited);
            if known && visited != own && !allowed.contains(&visited.as_str()) {
                found.push(Finding {
                    rule: Rule::Import,
                    file: source.path.clone(),
                    because: format!("{own} must not import {visited}"),
                    what: visited,
                });
            }
        }
    }
    judge(Rule::Import, &found);
}

#[test]
fn climbing_is_seen() {
    let seen = |text: &str, path: &str| visits(&Source::new(&format!("src/{path}.rs"), text));
    assert_eq!(seen("use crate::daemon::Run;", "state"), ["daemon"]);
    assert_eq!(
        seen("use crate::{model::{A, B}, http, net::C};", "state"),
        ["http", "model", "net"]
    );
    assert_eq!(seen("fn f() { crate::store::open() }", "state/window"), ["store"]);
    assert_eq!(seen("fn f() { lanpulse::store::open() }", "main"), ["store"]);
    assert_eq!(seen("use crate::source::probe::Kind;", "state"), ["source/probe"]);
    assert_eq!(
        seen("use crate::source::{probe::Kind, discover};", "state"),
        ["source/discover", "source/probe"]
    );
    assert_eq!(
        seen("use super::super::discover;", "source/probe/run"),
        ["source/discover"]
    );
    assert_eq!(seen("use super::http;", "targets"), ["http"]);
    assert_eq!(seen("use super::http;", "state/window"), ["state"]);
    assert_eq!(seen("use super::super::http;", "state/window"), ["http"]);
    assert_eq!(
        seen(
            "// use crate::daemon;\n#[cfg(test)]\nmod tests {\n    use crate::http;\n    fn f() {}\n}\n",
            "net"
        ),
        [""; 0]
    );
    assert_eq!(
        seen("#[cfg(test)]\nuse crate::http;\nuse crate::store;", "net"),
        ["store"]
    );
}
