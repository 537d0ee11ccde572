//! Makes problems of findings: looks up their lines, within a budget, and sorts them.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::decode::{Finding, Findings};
use super::locate::{Part, Place, locate};
use super::node::Node;
use super::problem::Problem;
use super::syntax::{self, Fault};

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Source {
    /// The path, as named by the flag or by the file that includes it.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
    /// Its content as a tree; null if there is a fault.
    pub root: Node,
    /// Why it could not be read or parsed.
    pub fault: Option<Fault>,
}

impl Source {
    /// Parses the bytes of a file, or keeps the reason why it could not be read.
    pub(crate) fn new(path: &Path, bytes: Result<Vec<u8>, Fault>) -> Self {
        let parsed = bytes.and_then(syntax::text).map(|text| {
            let root = syntax::parse(&text);
            (text, root)
        });
        let (text, root, fault) = match parsed {
            Ok((text, Ok(root))) => (text, root, None),
            Ok((text, Err(fault))) => (text, Node::Null, Some(fault)),
            Err(fault) => (String::new(), Node::Null, Some(fault)),
        };
        Self {
            path: path.to_owned(),
            text,
            root,
            fault,
        }
    }
}

/// The most positions that are looked up in one file.
const MOST: usize = 200;
/// The fewest, however large the file.
const LEAST: usize = 20;
/// The most bytes that are parsed again for all positions of one file, which takes about a second.
const BYTES: usize = 50 << 20;

/// The problems, file by file and from top to bottom.
pub(crate) fn problems(sources: &[Source], findings: Findings) -> Vec<Problem> {
    let Findings(mut findings) = findings;
    // Children are numbered in the order of the text, so sorting places sorts them by their position.
    findings.sort_by(|a, b| a.place.cmp(&b.place));
    let mut positions = Positions {
        sources,
        budgets: sources.iter().map(budget).collect(),
        known: HashMap::new(),
    };
    let mut problems: Vec<(usize, Problem)> = Vec::new();
    for (file, source) in sources.iter().enumerate() {
        let fault = source.fault.as_ref();
        problems.extend(fault.map(|fault| {
            let problem = Problem {
                file: source.path.clone(),
                line: fault.position.map(|(line, _)| line),
                column: fault.position.map(|(_, column)| column),
                path: String::new(),
                message: fault.message.clone(),
                hint: fault.hint.clone(),
            };
            (file, problem)
        }));
    }
    for finding in findings {
        let file = finding.place.file;
        if let Some(source) = sources.get(file) {
            problems.push((file, problem(source, finding, &mut positions)));
        }
    }
    // A stable sort: within a file the order of the text stays.
    problems.sort_by_key(|(file, _)| *file);
    problems.into_iter().map(|(_, problem)| problem).collect()
}

fn budget(source: &Source) -> usize {
    (BYTES / source.text.len().max(1)).clamp(LEAST, MOST)
}

fn problem(source: &Source, finding: Finding, positions: &mut Positions) -> Problem {
    let position = positions.find(&finding.place);
    let mut message = finding.message;
    if let Some(other) = &finding.other {
        let _ = write!(message, " {}", positions.describe(other));
    }
    Problem {
        file: source.path.clone(),
        line: position.map(|(line, _)| line),
        column: position.map(|(_, column)| column),
        path: path(&source.root, &finding.place),
        message,
        hint: finding.hint,
    }
}

struct Positions<'a> {
    sources: &'a [Source],
    budgets: Vec<usize>,
    known: HashMap<Place, Option<(usize, usize)>>,
}

impl Positions<'_> {
    fn find(&mut self, place: &Place) -> Option<(usize, usize)> {
        if let Some(position) = self.known.get(place) {
            return *position;
        }
        let left = self.budgets.get_mut(place.file)?;
        *left = left.checked_sub(1)?;
        let position = locate(&self.sources.get(place.file)?.text, place);
        self.known.insert(place.clone(), position);
        position
    }

    /// The position of another place, for a message.
    fn describe(&mut self, place: &Place) -> String {
        let position = self.find(place);
        let Some(source) = self.sources.get(place.file) else {
            return String::new();
        };
        match position {
            Some((line, column)) => format!("{}:{line}:{column}", source.path.display()),
            None => format!("{} in {}", path(&source.root, place), source.path.display()),
        }
    }
}

/// `targets[1].probes.icmp`; for a key, the path of its map.
fn path(root: &Node, place: &Place) -> String {
    let mut text = String::new();
    let mut node = root;
    let steps = match place.part {
        Part::Value => &place.steps[..],
        Part::Key => &place.steps[..place.steps.len().saturating_sub(1)],
    };
    for step in steps {
        match node {
            Node::List(items) => {
                let _ = write!(text, "[{step}]");
                node = items.get(*step).unwrap_or(&Node::Null);
            }
            Node::Map(entries) => {
                let Some((key, value)) = entries.get(*step) else {
                    return text;
                };
                push_key(&mut text, key);
                node = value;
            }
            _ => return text,
        }
    }
    text
}

fn push_key(path: &mut String, key: &Node) {
    let Node::Text(key) = key else {
        return path.push_str("[?]");
    };
    let plain = !key.is_empty() && key.len() <= 80 && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if !plain {
        let _ = write!(path, "[{}]", super::problem::quoted(key));
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}
