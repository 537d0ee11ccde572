//! Reads the main file and the files it includes.
//!
//! This file is the only one of the room that touches the file system. It expands patterns, refuses circular includes,
//! follows symbolic links, computes the digest and collects the directories to watch.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use crate::yaml::decode::{At, Findings};
use crate::yaml::node::Node;
use crate::yaml::problem::quoted;
use crate::yaml::report::Source;
use crate::yaml::scalar;
use crate::yaml::syntax::{FILE_MAX_BYTES, Fault};

/// How deep includes may be nested.
const DEPTH: usize = 16;
/// How many symbolic links are followed from one file. The directory of each is watched.
const LINKS: usize = 16;

/// All files of a configuration, the main one first.
#[derive(Debug)]
pub(super) struct Files {
    /// The files in the order in which they are included, depth first.
    pub sources: Vec<Source>,
    /// The directories to watch for changes: those of files, of what they link to, and of patterns.
    pub directories: Vec<PathBuf>,
    /// A hash of all names and contents.
    pub digest: u64,
    /// What is wrong with the includes themselves.
    pub findings: Findings,
}

/// Reads a file and all that it includes.
pub(super) fn read(path: &Path) -> Files {
    let mut reader = Reader::default();
    let key = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    reader.seen.insert(key.clone());
    reader.file(path, &mut vec![key]);
    reader.done()
}

/// Uses a text as the content of the file of this name. It cannot include other files.
pub(super) fn of_text(path: &Path, text: &str) -> Files {
    let mut reader = Reader::default();
    reader.push(path, Ok(text.as_bytes().to_vec()));
    reader.done()
}

#[derive(Default)]
struct Reader {
    sources: Vec<Source>,
    directories: BTreeSet<PathBuf>,
    seen: HashSet<PathBuf>,
    hasher: DefaultHasher,
    findings: Findings,
}

impl Reader {
    fn done(self) -> Files {
        Files {
            sources: self.sources,
            directories: self.directories.into_iter().collect(),
            digest: self.hasher.finish(),
            findings: self.findings,
        }
    }

    /// Reads one file and its includes. `chain` has the real paths of the files that led here, this file last.
    fn file(&mut self, path: &Path, chain: &mut Vec<PathBuf>) {
        self.watch(path);
        let index = self.push(path, bytes(path));
        // Taken out of the list, because reading the includes adds files to it.
        let root = std::mem::replace(&mut self.sources[index].root, Node::Null);
        if let Some((ordinal, list)) = root.get("include") {
            let top = At::root(index, &root);
            let list = top.child(ordinal, list);
            for item in list.items(&mut self.findings) {
                self.include(path, &item, chain);
            }
        }
        self.sources[index].root = root;
    }

    fn push(&mut self, path: &Path, bytes: Result<Vec<u8>, Fault>) -> usize {
        path.hash(&mut self.hasher);
        match &bytes {
            Ok(bytes) => bytes.hash(&mut self.hasher),
            Err(fault) => fault.message.hash(&mut self.hasher),
        }
        self.sources.push(Source::new(path, bytes));
        self.sources.len() - 1
    }

    /// Reads one entry of `include`.
    fn include(&mut self, from: &Path, at: &At, chain: &mut Vec<PathBuf>) {
        let Some(pattern) = scalar::text(at, &mut self.findings) else {
            return;
        };
        if chain.len() > DEPTH {
            self.findings
                .value(at, format!("includes are nested more than {DEPTH} deep"), "");
            return;
        }
        let base = from.parent().unwrap_or(Path::new(""));
        let wild = pattern.contains(['*', '?', '[']);
        let found = if wild {
            self.matches(base, pattern, at)
        } else {
            self.single(base, pattern, at)
        };
        for path in found {
            let key = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
            if chain.contains(&key) {
                let hint = if wild {
                    "move the included files to a directory of their own"
                } else {
                    "remove it"
                };
                let message = format!("{} includes itself, directly or through others", path.display());
                self.findings.value(at, message, hint);
            } else if self.seen.insert(key.clone()) {
                chain.push(key);
                self.file(&path, chain);
                chain.pop();
            }
        }
    }

    fn single(&mut self, base: &Path, pattern: &str, at: &At) -> Vec<PathBuf> {
        let path = base.join(pattern);
        self.watch(&path);
        if pattern.trim().is_empty() {
            self.findings
                .value(at, "the pattern is empty", "as in targets.d/*.yaml");
        } else if path.is_dir() {
            let hint = format!("write {}/*.yaml", pattern.trim_end_matches('/'));
            self.findings
                .value(at, format!("{} is a directory", path.display()), hint);
        } else if matches!(fs::metadata(&path), Err(error) if error.kind() == ErrorKind::NotFound) {
            let hint = "a path is relative to the file that names it; a pattern with * may match nothing";
            self.findings
                .value(at, format!("{} does not exist", path.display()), hint);
        } else {
            return vec![path];
        }
        Vec::new()
    }

    fn matches(&mut self, base: &Path, pattern: &str, at: &At) -> Vec<PathBuf> {
        let Some(folder) = base.to_str() else {
            self.findings
                .value(at, "patterns need a directory whose name is UTF-8", "name each file");
            return Vec::new();
        };
        let mut whole = pattern.to_owned();
        if !folder.is_empty() && !Path::new(pattern).is_absolute() {
            whole = format!("{}/{pattern}", glob::Pattern::escape(folder));
        }
        let fixed: PathBuf = Path::new(pattern)
            .components()
            .take_while(|part| !is_wild(*part))
            .collect();
        self.watch_directory(&base.join(fixed));
        let paths = match glob::glob(&whole) {
            Ok(paths) => paths,
            Err(error) => {
                let message = format!("{} is not a pattern: {}", quoted(pattern), error.msg);
                self.findings.value(at, message, "as in targets.d/*.yaml");
                return Vec::new();
            }
        };
        let mut good = Vec::new();
        for path in paths {
            match path {
                Ok(path) if is_hidden(base, &path, pattern) || !path.is_file() => {}
                Ok(path) => good.push(path),
                Err(error) => {
                    let message = format!("{} {}", error.path().display(), cannot(error.error()));
                    self.findings.value(at, message, "");
                }
            }
        }
        good.sort();
        good
    }

    /// Adds the directories in which a change of this file may show: its own, and that of each symbolic link on the way to
    /// its content. The latter have their real paths, because a watch stays on a directory when a link to it changes.
    fn watch(&mut self, path: &Path) {
        let mut path = path.to_owned();
        for link in 0..=LINKS {
            let directory = path.parent().unwrap_or(Path::new("")).to_owned();
            match fs::canonicalize(&directory) {
                Ok(real) if link > 0 => {
                    self.directories.insert(real);
                }
                _ => self.watch_directory(&directory),
            }
            let Ok(target) = fs::read_link(&path) else { break };
            path = directory.join(target);
        }
    }

    /// Adds a directory, or the nearest existing directory above it: only what exists can be watched.
    fn watch_directory(&mut self, directory: &Path) {
        let existing = directory
            .ancestors()
            .find(|part| part.as_os_str().is_empty() || part.is_dir());
        let existing = existing
            .filter(|part| !part.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        self.directories.insert(existing.to_owned());
    }
}

fn is_wild(part: Component<'_>) -> bool {
    part.as_os_str().to_string_lossy().contains(['*', '?', '['])
}

/// Whether a path is hidden from a pattern: wildcards do not match hidden files, as in a shell. Kubernetes keeps each
/// generation of a mounted volume in a directory such as `..2026_11_20`, and the link `..data` leads to the newest. Without
/// this rule every file would be read several times. (The glob crate's own option panics on names that are not UTF-8.)
fn is_hidden(base: &Path, path: &Path, pattern: &str) -> bool {
    let hidden =
        |part: &Component<'_>| matches!(part, Component::Normal(name) if name.to_string_lossy().starts_with('.'));
    let meant = base.join(pattern).components().filter(hidden).count();
    path.components().filter(hidden).count() > meant
}

fn bytes(path: &Path) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_MAX_BYTES as u64 + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Fault {
            position: None,
            message: cannot(&error),
            hint: None,
        }),
    }
}

fn cannot(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "cannot be read: no such file".to_owned(),
        ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
        ErrorKind::IsADirectory => "cannot be read: it is a directory".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
