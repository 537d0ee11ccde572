//! The configuration as a user meets it: files in, a `Config` or the exact list of problems out.
//!
//! Each `tests/bad_configs/NAME.yaml` stands beside a `NAME.expected` with the text `check-config` prints. After a
//! wanted change, `LANPULSE_BLESS=1 cargo test --test config` writes them anew: read the difference.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but not in what they share"
)]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lanpulse::config::{self, Config, Loaded};
use lanpulse::model::{Address, DayRange, Family, Kind, Methods, Schedule, Span, Token};
use proptest::prelude::*;

fn complaints(loaded: &Loaded) -> String {
    let mut said = String::new();
    for problem in loaded.result.as_ref().err().into_iter().flatten() {
        writeln!(said, "{problem}").unwrap();
    }
    said
}

/// Loads a text as the file of a directory of its own.
fn load(text: &str) -> Loaded {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.yaml");
    fs::write(&path, text).unwrap();
    config::load(&path)
}

fn good(text: &str) -> Config {
    let loaded = load(text);
    assert_eq!(complaints(&loaded), "");
    loaded.result.unwrap()
}

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
fn nothing_means_the_defaults() {
    let default = config::embedded();
    assert_eq!(complaints(&default), "");
    assert!(default.files.is_empty() && default.directories.is_empty());
    let default = default.result.unwrap();
    for text in [
        "",
        "# a comment\n",
        "---\n",
        "null\n",
        "{}\n",
        "\u{feff}",
        "global:\nlimits:\ntargets:\ninclude:\n",
    ] {
        assert_eq!(good(text), default, "{text:?}");
    }
    let shipped = config::load(Path::new("config/lanpulse.yaml"));
    assert_eq!(shipped.result.unwrap(), default);
    assert_eq!(shipped.files, [Path::new("config/lanpulse.yaml")]);
    assert_eq!(shipped.directories, [Path::new("config")]);
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

#[test]
fn targets_take_defaults_and_override_them() {
    let config = good(
        r#"
global: {site: home, interval: 10s, timeout: 3s, window: 30s, up_after: 2, down_after: 5}
limits: {latency: 20ms, loss: 0.5%}
series: {max_per_collector: 1000, histogram: false, window: false}
targets:
  - name: router
    address: 192.168.1.1
    role: gateway
    labels: {floor: "1", empty: ""}
    limits: {loss: 0.2}
    maintenance: [nightly]
  - {name: nas, address: nas.lan, parent: router, probes: {icmp: {interval: 1m, family: ip6}}}
  - {name: quiet, address: "fe80::1%eth0", probes: {}}
  - {name: same, address: 192.168.1.1, probes: {icmp: }}
time_intervals:
  - {name: nightly, time_intervals: [{times: [{start_time: "02:00", end_time: "03:00"}]}]}
"#,
    );
    assert_eq!(config.series.max_per_collector, 1000);
    assert!(!config.series.histogram && !config.series.window);
    let [router, nas, quiet, same] = &config.targets[..] else {
        panic!("{}", config.targets.len())
    };
    let target = router;
    assert_eq!(target.name.as_str(), "router");
    assert_eq!(target.address, Address::Ip("192.168.1.1".parse().unwrap()));
    assert_eq!(target.role.as_ref().unwrap().as_str(), "gateway");
    assert_eq!(target.site.as_ref().unwrap().as_str(), "home");
    assert_eq!(target.labels["floor"].as_str(), "1");
    assert_eq!(target.limits.latency, Duration::from_millis(20));
    assert!((target.limits.loss - 0.2).abs() < 1e-12);
    assert!((nas.limits.loss - 0.005).abs() < 1e-12);
    assert_eq!((target.hysteresis.up_after, target.hysteresis.down_after), (2, 5));
    assert_eq!(target.maintenance, config.calendars);
    assert!(target.authorized && target.parent.is_none());
    assert_eq!(target.window, Duration::from_secs(30));
    assert_eq!(target.probes.len(), 1);
    assert_eq!((&*target.probes[0].name, target.probes[0].kind()), ("icmp", Kind::Icmp));
    assert_eq!(target.probes[0].timeout, Duration::from_secs(3));

    assert_eq!(nas.parent.as_ref().unwrap().as_str(), "router");
    assert_eq!(nas.window, Duration::from_secs(63), "never shorter than one round");
    let icmp = &nas.probes[0];
    assert_eq!(icmp.kind(), Kind::Icmp);
    assert_eq!(
        (icmp.interval, icmp.timeout),
        (Duration::from_secs(60), Duration::from_secs(3))
    );
    assert_eq!(icmp.family, Family::Ip6);

    assert!(quiet.probes.is_empty());
    assert_eq!(same.probes, router.probes);
}

#[test]
fn time_intervals_read_as_in_alertmanager() {
    let config = good(
        r#"
time_intervals:
  - name: all
    time_intervals:
      - times: [{start_time: 08:00, end_time: 24:00}]
        weekdays: ["Monday:Friday", sunday]
        days_of_month: ["1:5", "-3:-1", 31, 1:-1]
        months: ["january:March", "1:3", may, 12]
        years: ["2020:2022", 2026]
        location: Europe/Berlin
      - location: Local
      - {}
  - {name: never, time_intervals: []}
"#,
    );
    let [all, never] = &config.calendars[..] else {
        panic!("{}", config.calendars.len())
    };
    assert_eq!(
        (all.name.as_str(), all.intervals.len(), never.intervals.len()),
        ("all", 3, 0)
    );
    let interval = &all.intervals[0];
    let span = |start, end| Span { start, end };
    assert_eq!(interval.times, [span(480, 1440)]);
    assert_eq!(interval.weekdays, [span(1, 5), span(0, 0)]);
    let days = |start, end| DayRange { start, end };
    assert_eq!(
        interval.days_of_month,
        [days(1, 5), days(-3, -1), days(31, 31), days(1, -1)]
    );
    assert_eq!(interval.months, [span(1, 3), span(1, 3), span(5, 5), span(12, 12)]);
    assert_eq!(interval.years, [span(2020, 2022), span(2026, 2026)]);
    assert_eq!(interval.zone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(all.intervals[2].zone, jiff::tz::TimeZone::UTC);
}

#[test]
fn heartbeats_take_defaults_and_override_them() {
    let config = good(
        r#"
heartbeats:
  - name: nightly-backup
    schedule: {cron: "0 3 * * *", tz: Europe/Berlin, early: 2m}
    grace: 30m
    start_within: 10m
    max_runtime: 2h
    hours: business
    methods: [POST]
    token_sha256: 9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  - {name: office-server, schedule: {every: 60s}, token_file: secrets/office-server}
heartbeat_enrolment: {key_file: /run/key, max: 5, every: 1h, grace: 10m}
outbound_heartbeat: {url_file: url}
time_intervals:
  - name: business
    time_intervals: [{weekdays: ["monday:friday"], location: Europe/Berlin}]
"#,
    );
    let [backup, server] = &config.heartbeats[..] else {
        panic!("{}", config.heartbeats.len())
    };
    let minutes = |n: u64| Duration::from_secs(n * 60);
    let Schedule::Cron(cron) = &backup.schedule else {
        panic!("{backup:?}")
    };
    assert_eq!(
        (cron.text.as_str(), cron.zone.iana_name()),
        ("0 3 * * *", Some("Europe/Berlin"))
    );
    assert_eq!(cron.early, Some(minutes(2)));
    assert_eq!(
        (backup.grace, backup.start_within, backup.max_runtime),
        (minutes(30), minutes(10), minutes(120))
    );
    assert_eq!(backup.hours, Some(config.calendars[0].clone()));
    assert!(backup.methods.post && !backup.methods.get && !backup.methods.head);
    assert!(matches!(&backup.token, Token::Digest(digest) if digest.to_hex().starts_with("9f86d0")));

    assert_eq!(server.schedule, Schedule::Every(minutes(1)));
    assert_eq!(
        (server.grace, server.start_within, server.max_runtime),
        (minutes(60), minutes(60), minutes(60))
    );
    assert_eq!((server.hours.is_none(), server.methods), (true, Methods::ALL));
    assert!(
        matches!(&server.token, Token::File(path) if path.ends_with("secrets/office-server") && path.is_absolute())
    );

    let enrolment = config.enrolment.unwrap();
    assert_eq!(
        (enrolment.max, enrolment.every, enrolment.grace),
        (5, minutes(60), minutes(10))
    );
    assert_eq!(enrolment.key, Token::File("/run/key".into()));
    let outbound = config.outbound.unwrap();
    assert_eq!(outbound.every, minutes(1));
    assert!(outbound.url_file.ends_with("url"));
}

#[test]
fn parts_of_later_versions_may_stand_switched_off() {
    good(
        "discovery: {methods: [], networks: []}\nidentify: {snmp: {credentials: []}}\nsnmp: {credentials: {}}\n\
          internet: {checks: []}\nheartbeats: []\nheartbeat_enrolment:\noutbound_heartbeat:\napi: {tokens: []}\n",
    );
}

fn names(loaded: &Loaded) -> Vec<String> {
    assert_eq!(complaints(loaded), "");
    let config = loaded.result.as_ref().unwrap();
    config
        .targets
        .iter()
        .map(|target| target.name.as_str().to_owned())
        .collect()
}

fn target(name: &str) -> String {
    format!("targets: [{{name: {name}, address: 10.0.0.1}}]\n")
}

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

#[test]
fn found_devices_are_asked_with_the_public_credentials_where_there_are_some() {
    let public =
        "snmp: {credentials: {public: {version: 2c, community: p}, core: {version: 1, community: c, port: 1161}}}\n";
    let keys = |text: &str| good(text).identify.snmp;
    assert_eq!(keys("identify: {snmp: {}}\n"), []);
    let by_default = keys(public);
    assert_eq!((by_default.len(), by_default[0].port), (1, 161));
    let named = keys(&format!(
        "{public}identify: {{snmp: {{credentials: [core, public]}}}}\n"
    ));
    assert_eq!((named[0].port, &named[1..]), (1161, &by_default[..]));
    assert_eq!(keys(&format!("{public}identify: {{snmp: {{credentials: []}}}}\n")), []);
}
