//! Which file a path in the code leads to: through `use`, `pub use`, `super` and modules, to the file that defines the name.
//!
//! It reads tokens, so it sees what is named, not what is called: a method of a type from another file is no path. Names of
//! other crates lead nowhere.

use std::collections::{BTreeSet, HashMap};

use super::source::{Source, Token};

/// A path as it stands in the code.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub path: Vec<String>,
    pub line: usize,
}

/// A `use`: what it names, and the name that it gives it here; `*` for all.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    pub named: Named,
    pub alias: String,
}

/// The names of a file.
pub struct Names {
    pub imports: Vec<Import>,
    /// Paths of two names and more that stand in the code outside `use`.
    pub paths: Vec<Named>,
    /// What the file defines at its outer level, macros included.
    pub defined: BTreeSet<String>,
}

impl Names {
    pub fn of(code: &[Token]) -> Self {
        let mut names = Self {
            imports: Vec::new(),
            paths: Vec::new(),
            defined: BTreeSet::new(),
        };
        let text = |at: usize| code.get(at).map_or("", |token| token.text.as_str());
        let (mut at, mut depth) = (0, 0);
        while at < code.len() {
            let word = text(at);
            match word {
                "use" => {
                    at = names.import(code, at + 1, &[]);
                    continue;
                }
                "{" => depth += 1,
                "}" => depth -= 1,
                "struct" | "enum" | "union" | "trait" | "type" | "fn" | "const" | "static" if depth == 0 => {
                    names.defined.insert(text(at + 1).to_owned());
                }
                "mod" if depth == 0 && text(at + 2) == "{" => {
                    names.defined.insert(text(at + 1).to_owned());
                }
                "macro_rules" => {
                    names.defined.insert(text(at + 2).to_owned());
                }
                _ if begins_name(word) && text(at + 1) == "::" && (at == 0 || !matches!(text(at - 1), "::" | ".")) => {
                    let line = code[at].line;
                    let mut path = vec![word.to_owned()];
                    while text(at + 1) == "::" && begins_name(text(at + 2)) {
                        path.push(text(at + 2).to_owned());
                        at += 2;
                    }
                    if path.len() > 1 {
                        names.paths.push(Named { path, line });
                    }
                }
                _ => {}
            }
            at += 1;
        }
        names
    }

    /// Reads one tree of a `use` from `at`; returns the place behind it.
    fn import(&mut self, code: &[Token], mut at: usize, before: &[String]) -> usize {
        let text = |at: usize| code.get(at).map_or("", |token| token.text.as_str());
        let mut path = before.to_vec();
        while at < code.len() {
            let line = code[at].line;
            match text(at) {
                "{" => {
                    at += 1;
                    while text(at) != "}" {
                        at = self.import(code, at, &path);
                        at += usize::from(text(at) == ",");
                    }
                    return at + 1;
                }
                "::" => at += 1,
                "*" => {
                    self.imports.push(Import {
                        named: Named { path, line },
                        alias: "*".into(),
                    });
                    return at + 1;
                }
                word if begins_name(word) => {
                    // `use a::{self}` names `a`
                    if word != "self" || path.is_empty() {
                        path.push(word.to_owned());
                    }
                    at += 1;
                    if text(at) == "::" {
                        continue;
                    }
                    let mut alias = path.last().cloned().unwrap_or_default();
                    if text(at) == "as" {
                        text(at + 1).clone_into(&mut alias);
                        at += 2;
                    }
                    self.imports.push(Import {
                        named: Named { path, line },
                        alias,
                    });
                    return at;
                }
                _ => return at + 1,
            }
        }
        at
    }
}

fn begins_name(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

/// A path from the crate's root, for one that begins with `crate`, `lanpulse`, `self` or `super`. No other path is absolute.
pub fn absolute(path: &[String], module: &[String]) -> Option<Vec<String>> {
    let mut base = match path.first()?.as_str() {
        "crate" | "lanpulse" => Vec::new(),
        "self" => module.to_vec(),
        "super" => module[..module.len().checked_sub(1)?].to_vec(),
        _ => return None,
    };
    let mut rest = &path[1..];
    while path[0] == "super" && rest.first().is_some_and(|name| name == "super") {
        base.pop()?;
        rest = &rest[1..];
    }
    base.extend_from_slice(rest);
    Some(base)
}

/// The files of the tree with their names.
pub struct Tree<'a> {
    sources: &'a [Source],
    names: Vec<Names>,
    modules: HashMap<&'a [String], usize>,
}

impl<'a> Tree<'a> {
    pub fn new(sources: &'a [Source]) -> Self {
        let names = sources.iter().map(|source| Names::of(source.code())).collect();
        let modules = sources
            .iter()
            .enumerate()
            .map(|(at, source)| (source.module.as_slice(), at));
        Self {
            sources,
            names,
            modules: modules.collect(),
        }
    }

    /// The other files that define what this file names.
    pub fn imports_of(&self, file: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let names = &self.names[file];
        let imported = names
            .imports
            .iter()
            .filter(|import| import.alias != "*")
            .map(|import| &import.named);
        for named in imported.chain(&names.paths) {
            found.extend(self.definer(file, &named.path));
        }
        for import in names.imports.iter().filter(|import| import.alias == "*") {
            let Some(module) = self.module(file, &import.named.path) else {
                continue;
            };
            for token in self.sources[file].code() {
                let definer = self.walk(module, std::slice::from_ref(&token.text), 0);
                found.extend(definer.and_then(Place::definer));
            }
        }
        found.retain(|to| *to != file);
        found.sort_unstable();
        found.dedup();
        found
    }

    fn definer(&self, file: usize, path: &[String]) -> Option<usize> {
        self.resolve(file, path, 0)?.definer()
    }

    fn module(&self, file: usize, path: &[String]) -> Option<usize> {
        match self.resolve(file, path, 0)? {
            Place::Module(module) => Some(module),
            Place::Item(_) => None,
        }
    }

    fn file_of(&self, module: &[String]) -> Option<usize> {
        self.modules.get(module).copied()
    }

    fn resolve(&self, file: usize, path: &[String], depth: usize) -> Option<Place> {
        match absolute(path, &self.sources[file].module) {
            Some(absolute) => self.walk(self.file_of(&[])?, &absolute, depth),
            None => self.walk(file, path, depth),
        }
    }

    fn walk(&self, file: usize, path: &[String], depth: usize) -> Option<Place> {
        let Some(name) = path.first() else {
            return Some(Place::Module(file));
        };
        if depth > 8 {
            return None; // two globs that name each other
        }
        let mut child = self.sources[file].module.clone();
        child.push(name.clone());
        if let Some(child) = self.file_of(&child) {
            return self.walk(child, &path[1..], depth);
        }
        if self.names[file].defined.contains(name) {
            return Some(Place::Item(file));
        }
        let follow = |import: &Import, rest: &[String]| {
            let mut path = import.named.path.clone();
            path.extend_from_slice(rest);
            self.resolve(file, &path, depth + 1)
        };
        let imports = &self.names[file].imports;
        // `use notify::{self}` gives a crate its own name: following that would never end
        let mut named = imports
            .iter()
            .filter(|import| import.alias == *name && import.named.path.first() != Some(name));
        let mut globs = imports.iter().filter(|import| import.alias == "*");
        named
            .find_map(|import| follow(import, &path[1..]))
            .or_else(|| globs.find_map(|import| follow(import, path)))
    }
}

/// What a path leads to.
#[derive(Clone, Copy)]
enum Place {
    Module(usize),
    /// Something that the file defines, or a part of it.
    Item(usize),
}

impl Place {
    fn definer(self) -> Option<usize> {
        match self {
            Self::Item(file) => Some(file),
            Self::Module(_) => None,
        }
    }
}

#[test]
fn names_lead_to_the_file_that_defines_them() {
    let sources = [
        Source::new("src/lib.rs", "pub mod state; pub mod model;"),
        Source::new(
            "src/model/mod.rs",
            "mod time; pub use time::{Timestamp as At, Span}; pub use self::time::later;",
        ),
        Source::new(
            "src/model/time.rs",
            "pub struct Timestamp; pub enum Span { A } pub fn later() {}",
        ),
        Source::new(
            "src/state/mod.rs",
            "mod device; mod window; use window::*; pub use device::Device;",
        ),
        Source::new(
            "src/state/window.rs",
            "pub struct Window; use super::device; fn f() { device::make() }",
        ),
        Source::new(
            "src/state/device.rs",
            "use super::Window; use crate::model::{At, self as m}; pub struct Device; fn make() { m::Span::A }",
        ),
    ];
    let tree = Tree::new(&sources);
    let imports = |path: &str| {
        let file = sources.iter().position(|source| source.path == path).unwrap();
        let found = tree.imports_of(file).into_iter();
        found.map(|to| sources[to].path.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(imports("src/model/mod.rs"), ["src/model/time.rs"]);
    assert_eq!(imports("src/state/window.rs"), ["src/state/device.rs"]);
    assert_eq!(
        imports("src/state/device.rs"),
        ["src/model/time.rs", "src/state/window.rs"]
    );
    assert_eq!(imports("src/state/mod.rs"), ["src/state/device.rs"]);
}
