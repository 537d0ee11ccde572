//! What a good configuration means: defaults, and what overrides them.

use std::path::Path;
use std::time::Duration;

use lanpulse::config::{self};
use lanpulse::model::{Address, DayRange, Family, Kind, Methods, Schedule, Span, Token};

use super::tools::{complaints, good};

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
