//! Texts that no user would write: nothing panics.

use std::fs;

use lanpulse::config::{self};
use proptest::prelude::*;

/// Pieces of YAML, so that random texts get past the first token.
fn yamlish() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "targets",
        "global",
        "include",
        "time_intervals",
        "name",
        "address",
        "probes",
        "icmp",
        "labels",
        "limits",
        "loss",
        "interval",
        "times",
        "weekdays",
        "parent",
        "maintenance",
        "discovery",
        ": ",
        ":",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "\"",
        "'",
        "&a ",
        "*a",
        "!t ",
        "!!int ",
        "<<",
        "? ",
        "|",
        ">",
        "#",
        "%",
        "---\n",
        "...\n",
        "\t",
        "5s",
        "10",
        "0.5",
        "~",
        "true",
        "a",
        "10.0.0.1",
        "ü",
        "\u{7}",
        "\u{2028}",
        "\r\n",
        "\u{feff}",
        "\\",
        "x.yaml",
        "*.yaml",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Whatever stands in the file, every problem is one line and those in the text have a position.
fn survives(bytes: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.yaml");
    fs::write(&path, bytes).unwrap();
    if let Err(problems) = config::load(&path).result {
        assert!(!problems.is_empty());
        for problem in problems {
            assert!(!problem.message.chars().any(char::is_control), "{problem:?}");
            assert_eq!(problem.line.is_some(), problem.column.is_some());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_yaml_never_panics(text in yamlish()) {
        survives(text.as_bytes());
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&bytes);
    }
}
