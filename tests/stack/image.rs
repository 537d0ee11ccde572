//! The image builds in every way that compose.yaml offers, with `BuildKit` and with the classic builder.

use crate::{read, repository, yaml};

/// The stages of the Dockerfile: the image each begins with, its name, and its lines.
fn stages() -> Vec<(String, String, Vec<String>)> {
    let text = read(repository("Dockerfile")).replace("\\\n", " ");
    let mut found: Vec<(String, String, Vec<String>)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["FROM", image, "AS", name] = words[..] {
            found.push((image.to_owned(), name.to_owned(), Vec::new()));
        } else {
            found.last_mut().expect("FROM").2.push(line.to_owned());
        }
    }
    found
}

#[test]
fn every_build_target_is_a_stage_that_builds_alone() {
    let stages = stages();
    let names: Vec<&str> = stages.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["base", "prebuilt", "build", "runtime"],
        "the compiler's is below what does without it"
    );
    let compose = yaml(repository("compose.yaml"));
    let target = compose["services"]["lanpulse"]["build"]["target"].as_str().unwrap();
    assert_eq!(
        target, "${LANPULSE_BUILD_TARGET:-runtime}",
        "compiles unless told otherwise"
    );
    // the classic builder runs `prebuilt` on the way to `runtime`: no binary there must be no error
    let (_, _, prebuilt) = &stages[1];
    let copies: Vec<&String> = prebuilt.iter().filter(|line| line.starts_with("COPY")).collect();
    assert_eq!(copies, ["COPY LICENSE-MIT ${BINARY}* /opt/lanpulse/"]);
    assert!(!prebuilt.iter().any(|line| line.starts_with("RUN")), "{prebuilt:?}");
    for (image, name, lines) in &stages {
        let version = image.split(':').nth(1);
        let exact = version.is_some_and(|tag| tag.starts_with("bookworm") || tag.split('.').count() == 3);
        assert!(
            exact || names.contains(&image.as_str()),
            "{name}: {image} is no exact version"
        );
        // what a classic builder does not know
        assert!(
            !lines.iter().any(|line| line.contains("--mount") || line.contains("<<")),
            "{name}: needs BuildKit"
        );
    }
}

#[test]
fn what_the_build_reads_is_in_its_context() {
    let ignored = read(repository(".dockerignore"));
    for line in ignored.lines().filter(|line| !line.starts_with(['#', '!'])) {
        for needed in [
            "src",
            "config",
            "Cargo.toml",
            "Cargo.lock",
            "build.rs",
            "LICENSE-MIT",
            "LICENSE-APACHE",
        ] {
            assert_ne!(line.trim_end_matches('/'), needed, ".dockerignore");
        }
    }
}
