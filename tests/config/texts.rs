//! Texts that users see: the problems that `check-config` prints, and the examples of the documents.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use lanpulse::config::{self};

use super::tools::{complaints, good};

#[test]
fn bad_configs_say_exactly_this() {
    let bless = std::env::var_os("LANPULSE_BLESS").is_some();
    let mut paths: Vec<PathBuf> = fs::read_dir("tests/bad_configs")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    assert!(paths.len() >= 30, "{}", paths.len());
    let mut different = Vec::new();
    for path in paths {
        let said = complaints(&config::load(&path));
        assert_ne!(said, "", "{} is bad", path.display());
        let expected = path.with_extension("expected");
        if bless {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != said {
            different.push(format!("--- {}\n{said}", expected.display()));
        }
    }
    assert!(different.is_empty(), "not as expected:\n{}", different.join("\n"));
}

#[test]
fn every_expected_file_has_its_config() {
    for entry in fs::read_dir("tests/bad_configs").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "expected") {
            assert!(path.with_extension("yaml").exists(), "{}", path.display());
        }
    }
}

#[test]
fn the_commented_examples_of_the_default_file_are_good() {
    let text = fs::read_to_string("config/lanpulse.yaml").unwrap();
    let mut examples = String::new();
    for line in text.lines() {
        if let Some(line) = line
            .strip_prefix("# ")
            .filter(|line| line.ends_with(':') || line.starts_with(' '))
        {
            examples.push_str(line);
            examples.push('\n');
        }
    }
    let config = good(&examples);
    assert_eq!(
        (config.targets.len(), config.calendars.len(), config.heartbeats.len()),
        (2, 1, 2),
        "{examples}"
    );
}

/// The YAML blocks of a document, each with the line it begins at.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        match (line.trim(), &mut block) {
            ("```yaml", _) => block = Some((number + 1, String::new())),
            ("```", _) => blocks.extend(block.take()),
            (_, Some((_, text))) => writeln!(text, "{line}").unwrap(),
            _ => {}
        }
    }
    blocks
}

#[test]
fn what_the_documents_show_is_good() {
    let documents = fs::read_dir("docs").unwrap().map(|entry| entry.unwrap().path());
    let documents = documents.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let home = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for document in documents.chain([PathBuf::from("README.md")]) {
        for (line, text) in blocks(&fs::read_to_string(&document).unwrap()) {
            // These are for Prometheus, --web.config.file and compose.
            let others = ["scrape_configs:", "tls_server_config:", "services:"];
            if others.iter().any(|first| text.trim_start().starts_with(first)) {
                continue;
            }
            let name = format!("{}.{line}.yaml", document.file_stem().unwrap().display());
            fs::write(home.path().join(&name), text).unwrap();
            files.push(name);
        }
    }
    assert!(files.len() > 10, "{files:?}");
    fs::create_dir(home.path().join("secrets")).unwrap();
    for secret in ["snmp_auth", "snmp_priv"] {
        fs::write(home.path().join("secrets").join(secret), "long enough").unwrap();
    }
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_lanpulse"))
        .arg("check-config")
        .args(&files)
        .envs([("SNMP_AUTH", "long enough"), ("SNMP_PRIVACY", "long enough")])
        .current_dir(home.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
