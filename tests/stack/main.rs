//! Owns: the checks of the bundled stack: rules, alert routing, compose file, dashboards, runbooks.
//! Gets from: the files in the repository, and promtool and amtool: those of .lab/bin and of the system, or the ones that
//! PROMTOOL and AMTOOL name.
//! Without those tools the tests that need them say so and pass, except where CI=true: there they fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and one that is skipped says so"
)]

mod alertmanager;
mod compose;
mod dashboards;
mod documents;
mod image;
mod links;
mod names;
mod promql;
mod rules;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;
use serde_yaml::Value as Yaml;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(path: impl AsRef<Path>) -> Yaml {
    let path = path.as_ref();
    let mut value: Yaml =
        serde_yaml::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    value.apply_merge().unwrap();
    value
}

/// The items of a YAML list, none where there is no list.
fn items(value: &Yaml) -> &[Yaml] {
    value.as_sequence().map_or(&[], Vec::as_slice)
}

fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(repository(directory))
        .unwrap_or_else(|error| panic!("{directory}: {error}"))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension() == Some(OsStr::new(extension)))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no *.{extension} in {directory}");
    found
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The tool, the recent one in `.lab/bin` first, or None after saying that the test is skipped.
fn tool(name: &str) -> Option<PathBuf> {
    tools(name).into_iter().next()
}

/// The tool in every version there is: the one its variable names, or the recent one and this system's.
fn tools(name: &str) -> Vec<PathBuf> {
    let variable = name.to_uppercase();
    if let Some(named) = std::env::var_os(&variable) {
        return vec![named.into()];
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file());
    let recent = Some(repository(".lab/bin").join(name)).filter(|path| path.is_file());
    let found: Vec<PathBuf> = recent.into_iter().chain(own).collect();
    if found.is_empty() {
        skipped(&format!(
            "{name} not found in .lab/bin and PATH, and {variable} is not set"
        ));
    }
    found
}

/// Says that something is left out; fails in CI, where everything has to be in place.
fn skipped(why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    eprintln!("SKIPPED: {why}");
}

/// Standard output and error of a command that must succeed.
fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{text}");
    text
}

/// Major and minor version of a Prometheus tool.
fn version(tool: &Path) -> (u32, u32) {
    let text = succeed(Command::new(tool).arg("--version"));
    let number = text
        .split("version ")
        .nth(1)
        .unwrap_or_else(|| panic!("no version in: {text}"));
    let mut parts = number
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap(), parts.next().unwrap())
}

struct Rule {
    file: String,
    yaml: Yaml,
}

impl Rule {
    fn text(&self, path: &[&str]) -> Option<&str> {
        path.iter().try_fold(&self.yaml, |value, key| value.get(*key))?.as_str()
    }
}

fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    for path in files("prometheus/rules", "yml") {
        for group in items(&yaml(&path)["groups"]) {
            rules.extend(items(&group["rules"]).iter().map(|rule| Rule {
                file: file_name(&path),
                yaml: rule.clone(),
            }));
        }
    }
    rules
}

fn alert_names() -> BTreeSet<String> {
    let names = rules();
    names
        .iter()
        .filter_map(|rule| rule.text(&["alert"]).map(str::to_owned))
        .collect()
}

fn dashboards() -> Vec<(String, Json)> {
    let read_one = |path: PathBuf| {
        let name = file_name(&path);
        let json = serde_json::from_str(&read(&path)).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, json)
    };
    files("grafana/dashboards", "json").into_iter().map(read_one).collect()
}

/// The elements of a JSON array, none where there is no array.
fn elements(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Panels of a dashboard, those inside rows included.
fn panels(dashboard: &Json) -> Vec<&Json> {
    let outer = elements(&dashboard["panels"]).iter();
    outer
        .flat_map(|panel| std::iter::once(panel).chain(elements(&panel["panels"])))
        .collect()
}
