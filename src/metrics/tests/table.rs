//! The table: its documentation, and that every sink is given what it says.

use std::collections::HashSet;
use std::fmt::{self, Write};

use super::reader::{samples, text};
use super::snapshots::everything;
use crate::metrics::table::{COLLECTORS, Collector};
use crate::metrics::{Family, Format, Labels, Plan, Settings, Sink, Value};

/// The rows of `docs/metrics.md`: name as exposed, type, labels, meaning.
fn documentation() -> impl Iterator<Item = [String; 4]> {
    COLLECTORS.iter().flat_map(Collector::families).map(|family| {
        let labels = family.emit.subject_labels().iter().copied().chain([family.labels]);
        let labels: Vec<&str> = labels.filter(|labels| !labels.is_empty()).collect();
        let kind = family.kind.as_str().to_owned();
        [family.exposed_name(), kind, labels.join(", "), family.help.to_owned()]
    })
}

/// `docs/metrics.md` is this table: run with `LANPULSE_BLESS=1` to write it anew.
#[test]
fn the_documentation_is_the_table() {
    let mut page = String::from(
        "# Metrics\n\nWritten by a test from the table in `src/metrics`; do not edit by hand. Names, types and labels \
         are an API:\na change is listed in CHANGELOG.md. Absent means unknown; nothing is exposed that is no longer \
         true.\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n",
    );
    let mut names = HashSet::new();
    for [name, kind, labels, help] in documentation() {
        assert!(names.insert(name.clone()), "{name} twice");
        writeln!(page, "| `{name}` | {kind} | {labels} | {help} |").unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    if std::env::var_os("LANPULSE_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap_or_default(),
        page,
        "run `LANPULSE_BLESS=1 cargo test --lib`"
    );
}

/// A sink that writes each sample that it is given in the text format.
struct Lines<'a> {
    family: &'a Family,
    text: &'a mut String,
}

impl Sink for Lines<'_> {
    fn sample(&mut self, suffix: &'static str, labels: &Labels<'_>, value: Value) -> fmt::Result {
        write!(self.text, "{}{suffix}{{", self.family.exposed_name())?;
        labels.try_for_each(|name, value| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            write!(self.text, "{name}=\"{value}\",")
        })?;
        match value {
            Value::Int(value) => writeln!(self.text, "}} {value}"),
            Value::Float(value) => writeln!(self.text, "}} {value:?}"),
        }
    }
}

#[test]
fn every_sink_is_given_what_the_text_formats_show() {
    let snapshot = everything();
    let (exposition, plan) = text(&snapshot, &Settings::default(), Format::Classic);
    let mut lines = String::new();
    for family in plan.families() {
        let mut sink = Lines {
            family,
            text: &mut lines,
        };
        family.emit(&plan.scope(&snapshot), &mut sink).unwrap();
    }
    let shown = exposition.lines().filter(|line| !line.starts_with('#'));
    for (given, shown) in lines.lines().zip(shown) {
        assert_eq!(given.replace(",}", "}").replace("{}", ""), shown);
    }
    assert_eq!(samples(&exposition).len(), plan.series);
    assert_eq!(lines.lines().count(), plan.series);
}

#[test]
fn every_label_is_documented() {
    let snapshot = everything();
    let plan = Plan::of(&snapshot, &Settings::default());
    let documented: Vec<[String; 4]> = documentation().collect();
    for family in plan.families() {
        let mut lines = String::new();
        let mut sink = Lines {
            family,
            text: &mut lines,
        };
        family.emit(&plan.scope(&snapshot), &mut sink).unwrap();
        assert!(!lines.is_empty(), "{} is not in the snapshot", family.name);
        let [_, _, labels, _] = documented
            .iter()
            .find(|[name, ..]| *name == family.exposed_name())
            .unwrap();
        let words: HashSet<&str> = labels.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        for (name, have) in samples(&lines.replace(",}", "}")) {
            for label in have.keys() {
                assert!(words.contains(label.as_str()), "{name}: {label} is not in `{labels}`");
            }
        }
    }
}

/// Where a change of `everything.txt` is wanted, `LANPULSE_BLESS=1 cargo test --lib` writes it anew: read the difference.
#[test]
fn the_exposition_of_everything_stays_as_it_is() {
    let snapshot = everything();
    let (classic, _) = text(&snapshot, &Settings::default(), Format::Classic);
    let (open, _) = text(&snapshot, &Settings::default(), Format::OpenMetrics);
    let is_sample = |line: &&str| !line.starts_with('#');
    assert!(classic.lines().filter(is_sample).eq(open.lines().filter(is_sample)));
    // The build is another one each time.
    let lasting = classic.lines().filter(|line| !line.starts_with("lanpulse_build_info{"));
    let lasting: String = lasting.flat_map(|line| [line, "\n"]).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/metrics/tests/everything.txt");
    if std::env::var_os("LANPULSE_BLESS").is_some() {
        std::fs::write(path, &lasting).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    for (have, want) in lasting.lines().zip(kept.lines()) {
        assert_eq!(have, want);
    }
    assert_eq!(lasting.len(), kept.len());
}
