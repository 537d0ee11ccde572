//! Files and includes, and how many targets and problems they may hold.

use std::fmt::Write;
use std::fs;

use lanpulse::config::{self};

use super::tools::{complaints, good, load, names, target};

#[test]
fn includes_are_read_once_in_order_and_followed() {
    let directory = tempfile::tempdir().unwrap();
    // The directory's own name is no pattern.
    let base = directory.path().join(".conf [a-z]*");
    let at = |name: &str| base.join(name);
    fs::create_dir_all(at("targets.d/more/dir.yaml")).unwrap();
    fs::create_dir_all(at("empty.d")).unwrap();
    let include = "include: [targets.d/*.yaml, targets.d/b.yaml, '*.d/a.yaml', empty.d/*, nowhere/x/*.yaml]\n";
    fs::write(at("lanpulse.yaml"), include.to_owned() + &target("main")).unwrap();
    fs::write(at("targets.d/b.yaml"), target("b")).unwrap();
    fs::write(at("targets.d/a.yaml"), target("a") + "include: [more/*]\n").unwrap();
    fs::write(at("targets.d/more/x.yaml"), target("x")).unwrap();
    fs::write(at("targets.d/c.yaml"), "").unwrap();
    fs::write(at("targets.d/notes.txt"), "not: [yaml").unwrap();
    fs::write(at("targets.d/.hidden.yaml"), "not: [yaml").unwrap();
    let loaded = config::load(&at("lanpulse.yaml"));
    assert_eq!(names(&loaded), ["main", "a", "x", "b"]);
    assert_eq!(
        loaded.files,
        [
            "lanpulse.yaml",
            "targets.d/a.yaml",
            "targets.d/more/x.yaml",
            "targets.d/b.yaml",
            "targets.d/c.yaml"
        ]
        .map(at)
    );
    let mut watched = vec![base.clone(), at("empty.d"), at("targets.d"), at("targets.d/more")];
    watched.sort();
    assert_eq!(loaded.directories, watched);

    fs::write(at("targets.d/c.yaml"), "# changed\n").unwrap();
    let changed = config::load(&at("lanpulse.yaml"));
    assert_ne!(changed.digest, loaded.digest);
    assert_eq!(changed.digest, config::load(&at("lanpulse.yaml")).digest);
    fs::rename(at("targets.d/c.yaml"), at("targets.d/d.yaml")).unwrap();
    assert_ne!(config::load(&at("lanpulse.yaml")).digest, changed.digest);
}

#[test]
fn a_mounted_config_map_is_read_once() {
    use std::os::unix::fs::symlink;
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("..2026_11_20")).unwrap();
    fs::write(at("..2026_11_20/lanpulse.yaml"), "include: ['**/[a-k]*.yaml']\n").unwrap();
    fs::write(at("..2026_11_20/a.yaml"), target("a")).unwrap();
    symlink("..2026_11_20", at("..data")).unwrap();
    symlink("..data/lanpulse.yaml", at("lanpulse.yaml")).unwrap();
    symlink("..data/a.yaml", at("a.yaml")).unwrap();
    let loaded = config::load(&at("lanpulse.yaml"));
    assert_eq!(names(&loaded), ["a"]);
    assert_eq!(loaded.files, [at("lanpulse.yaml"), at("a.yaml")]);
    assert!(
        loaded.directories.contains(&directory.path().to_owned()),
        "{:?}",
        loaded.directories
    );
    let real = fs::canonicalize(at("..data")).unwrap();
    assert!(loaded.directories.contains(&real), "{:?}", loaded.directories);
}

#[test]
fn files_that_cannot_be_read_are_problems() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("no/lanpulse.yaml");
    let loaded = config::load(&missing);
    assert_eq!(
        complaints(&loaded),
        format!("{}: cannot be read: no such file\n", missing.display())
    );
    assert_eq!(loaded.files, [missing]);
    assert_eq!(loaded.directories, [directory.path()]);
    let loaded = config::load(directory.path());
    assert_eq!(
        complaints(&loaded),
        format!("{}: cannot be read: it is a directory\n", directory.path().display())
    );
}

#[test]
fn ten_thousand_targets_load() {
    let mut text = "targets:\n".to_owned();
    for i in 0..10_000 {
        let (a, b) = (i / 250, i % 250);
        writeln!(
            text,
            "  - name: device-{i}\n    address: 10.0.{a}.{b}\n    labels: {{floor: \"{a}\"}}"
        )
        .unwrap();
        if i > 0 {
            writeln!(text, "    parent: device-{}", i - 1).unwrap();
        }
        writeln!(text, "    probes: {{icmp: {{interval: 10s}}}}").unwrap();
    }
    assert_eq!(good(&text).targets.len(), 10_000);
}

#[test]
fn thousands_of_problems_are_all_listed() {
    let text = "targets:\n".to_owned() + &"  - {name: a, parent: nobody}\n".repeat(3_000);
    let problems = load(&text).result.unwrap_err();
    assert_eq!(problems.len(), 2_999 + 3_000 + 1);
    assert!(problems[0].line.is_some() && problems[5_999].line.is_none());
}
