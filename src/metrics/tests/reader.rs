//! A strict reader of both text formats.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::metrics::{Format, Plan, Settings, render};
use crate::state::Snapshot;

/// A series: its name and its labels.
pub type SeriesName = (String, BTreeMap<String, String>);

/// Renders a snapshot.
pub fn text(snapshot: &Arc<Snapshot>, settings: &Settings, format: Format) -> (String, Plan) {
    let mut out = String::new();
    let plan = Plan::of(snapshot, settings);
    render(snapshot, &plan, format, &mut out).unwrap();
    (out, plan)
}

/// Name and labels of a sample line, unescaped; refuses what the formats' grammar refuses.
fn series(line: &str) -> SeriesName {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, tail) = rest.split_once("=\"").unwrap();
            let mut value = String::new();
            let mut chars = tail.char_indices();
            let end = loop {
                match chars.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match chars.next().unwrap().1 {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        other => panic!("bad escape \\{other}"),
                    }),
                    (_, c) => value.push(c),
                }
            };
            assert!(
                labels.insert(label.trim_start_matches(',').to_owned(), value).is_none(),
                "label twice: {line}"
            );
            rest = &tail[end + 1..];
        }
        rest = &rest[1..];
    }
    rest.trim()
        .parse::<f64>()
        .unwrap_or_else(|_| panic!("no number in {line}"));
    (name.to_owned(), labels)
}

/// The series of an exposition.
pub fn samples(text: &str) -> Vec<SeriesName> {
    text.lines().filter(|line| !line.starts_with('#')).map(series).collect()
}
