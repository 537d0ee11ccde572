//! What the tests here share: a text becomes a configuration, or its problems.

use std::fmt::Write;
use std::fs;

use lanpulse::config::{self, Config, Loaded};

pub(super) fn complaints(loaded: &Loaded) -> String {
    let mut said = String::new();
    for problem in loaded.result.as_ref().err().into_iter().flatten() {
        writeln!(said, "{problem}").unwrap();
    }
    said
}

/// Loads a text as the file of a directory of its own.
pub(super) fn load(text: &str) -> Loaded {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.yaml");
    fs::write(&path, text).unwrap();
    config::load(&path)
}

pub(super) fn good(text: &str) -> Config {
    let loaded = load(text);
    assert_eq!(complaints(&loaded), "");
    loaded.result.unwrap()
}

pub(super) fn names(loaded: &Loaded) -> Vec<String> {
    assert_eq!(complaints(loaded), "");
    let config = loaded.result.as_ref().unwrap();
    config
        .targets
        .iter()
        .map(|target| target.name.as_str().to_owned())
        .collect()
}

pub(super) fn target(name: &str) -> String {
    format!("targets: [{{name: {name}, address: 10.0.0.1}}]\n")
}
