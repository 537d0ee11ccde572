//! The exposition, read back.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::table::{COLLECTORS, Collector};
use super::*;
use crate::model::{
    Address, DnsExpect, DnsProbe, DnsTransport, Failure, HttpProbe, Hysteresis, Job, Kind, LabelValue, Probe, Reading,
    RecordType, Run, Service, Subject, Target, TcpProbe, Timestamp, TlsProbe, TlsSettings, Url,
};
use crate::state::{Command, Health, Input, Snapshot, State};

const NOW: Timestamp = Timestamp::from_secs(1_795_132_800);

fn target(name: &str, labels: BTreeMap<String, LabelValue>) -> Arc<Target> {
    Arc::new(Target {
        address: "nas.lan".parse().unwrap(),
        role: Some("storage".into()),
        parent: Some("router".into()),
        labels,
        ..Target::pinged(name)
    })
}

/// Devices with one reply each.
fn snapshot(targets: &[Arc<Target>]) -> Arc<Snapshot> {
    let mut state = State::restore(vec![]);
    state.command(Command::Watch(targets.to_vec(), None), NOW);
    for (second, rtt) in [(0, 400), (5, 600)] {
        for target in targets {
            state.take(
                &Input::Ran(Run {
                    subject: Subject::Device(target.name.clone()),
                    probe: "icmp".into(),
                    kind: Kind::Icmp,
                    sequence: second,
                    at: NOW.plus(Duration::from_secs(second)),
                    lag: Duration::from_micros(700),
                    reading: Reading::success(Some([10, 0, 0, 5].into()), Duration::from_micros(rtt)),
                }),
                NOW,
            );
        }
    }
    Arc::new(state.snapshot(NOW.plus(Duration::from_secs(6)), Health::default()))
}

fn text(snapshot: &Arc<Snapshot>, settings: &Settings, format: Format) -> (String, Plan) {
    let mut out = String::new();
    let plan = Plan::of(snapshot, settings);
    render(snapshot, &plan, format, &mut out).unwrap();
    (out, plan)
}

/// Name and labels of a sample line, unescaped; refuses what the formats' grammar refuses.
fn series(line: &str) -> (String, BTreeMap<String, String>) {
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

fn samples(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
    text.lines().filter(|line| !line.starts_with('#')).map(series).collect()
}

#[test]
fn a_device_has_forty_series_or_twenty_two() {
    let snapshot = snapshot(&[target("nas", BTreeMap::new())]);
    let (out, plan) = text(&snapshot, &Settings::default(), Format::Classic);
    let device = |out: &str| {
        samples(out)
            .iter()
            .filter(|(_, labels)| labels.contains_key("device"))
            .count()
    };
    assert_eq!(device(&out), 40);
    assert_eq!(plan.series, samples(&out).len(), "the plan counts what is written");
    let lean = Settings {
        histogram: false,
        window: false,
        ..Settings::default()
    };
    let (out, plan) = text(&snapshot, &lean, Format::OpenMetrics);
    assert_eq!(device(&out), 22);
    assert_eq!(plan.series, samples(&out).len());
}

/// A probe of each kind that is a check, named after it.
fn probe(kind: Kind) -> Probe {
    let service = match kind {
        Kind::Tcp => Service::Tcp(TcpProbe {
            port: 22,
            tls: None,
            send: None,
            expect: None,
        }),
        Kind::Http => Service::Http(Box::new(HttpProbe::get(Url::parse("http://nas/").unwrap()))),
        Kind::Dns => Service::Dns(DnsProbe {
            server: None,
            port: 53,
            transport: DnsTransport::Udp,
            query: "nas".into(),
            record_type: RecordType(1),
            recursion: true,
            expect: DnsExpect::default(),
        }),
        Kind::Tls => Service::Tls(TlsProbe {
            port: 443,
            tls: TlsSettings::default(),
        }),
        Kind::Icmp | Kind::Snmp => unreachable!("no check"),
    };
    Probe {
        service,
        ..Probe::echo(kind.as_str(), Duration::from_secs(5), Duration::from_secs(2))
    }
}

/// A device with a check of each kind and the internet, all of them run once.
fn checked() -> Arc<Snapshot> {
    let kinds = [Kind::Tcp, Kind::Http, Kind::Dns, Kind::Tls];
    let mut device = Target::clone(&target("nas", BTreeMap::new()));
    device.probes.extend(kinds.map(|kind| Arc::new(probe(kind))));
    let mut state = State::restore(vec![]);
    let settings = crate::state::InternetSettings {
        quorum: 1,
        hysteresis: Hysteresis {
            up_after: 1,
            down_after: 1,
        },
        interval: Duration::from_secs(15),
        timeout: Duration::from_secs(2),
        checks: vec![Job {
            subject: Subject::Internet,
            address: Address::Ip([1, 1, 1, 1].into()),
            probe: Probe::echo("far", Duration::from_secs(5), Duration::from_secs(2)).into(),
        }],
    };
    state.command(Command::Watch(vec![Arc::new(device)], Some(Arc::new(settings))), NOW);
    let mut reading = Reading::failure(None, Failure::Status, "");
    reading.detail = None;
    reading
        .phases
        .add(crate::model::Phase::Connect, Duration::from_millis(2));
    reading.phases.add(crate::model::Phase::Total, Duration::from_millis(3));
    reading.facts_mut().http = Some(crate::model::HttpFacts {
        status: 503,
        ..crate::model::HttpFacts::default()
    });
    let nas = Subject::Device("nas".into());
    let runs = kinds.map(|kind| (nas.clone(), kind.as_str(), kind));
    for (subject, probe, kind) in runs.into_iter().chain([(Subject::Internet, "far", Kind::Icmp)]) {
        state.take(
            &Input::Ran(Run {
                subject,
                probe: probe.into(),
                kind,
                sequence: 0,
                at: NOW,
                lag: Duration::ZERO,
                reading: Reading {
                    // each kind for a reason it can have
                    outcome: Err(match kind {
                        Kind::Http => Failure::Status,
                        _ => Failure::Timeout,
                    }),
                    ..reading.clone()
                },
            }),
            NOW,
        );
    }
    Arc::new(state.snapshot(NOW, Health::default()))
}

#[test]
fn checks_and_the_internet_are_exposed_and_counted() {
    let (out, plan) = text(&checked(), &Settings::default(), Format::Classic);
    let all = samples(&out);
    assert_eq!(plan.series, all.len(), "the plan counts what is written");
    assert_eq!(
        all.iter().collect::<HashSet<_>>().len(),
        all.len(),
        "two series share a label set"
    );
    for line in [
        "lanpulse_probe_success{device=\"nas\",agent=\"local\",probe=\"http\",kind=\"http\"} 0",
        "lanpulse_probe_duration_seconds{device=\"nas\",agent=\"local\",probe=\"tcp\",kind=\"tcp\",phase=\"connect\"} \
         0.002",
        "lanpulse_probe_failures_total{device=\"nas\",agent=\"local\",probe=\"http\",kind=\"http\",reason=\"status\"} 1",
        "lanpulse_probe_runs_total{device=\"internet\",agent=\"local\",probe=\"far\",kind=\"icmp\"} 1",
        "lanpulse_probe_http_status_code{device=\"nas\",agent=\"local\",probe=\"http\"} 503",
        "lanpulse_internet_up{agent=\"local\"} 0",
        "lanpulse_internet_fault{agent=\"local\",fault=\"provider\"} 1",
        "lanpulse_internet_fault{agent=\"local\",fault=\"none\"} 0",
        "lanpulse_internet_outages_total{agent=\"local\"} 1",
        "lanpulse_targets 1",
    ] {
        assert!(out.lines().any(|have| have == line), "{line}\nnot in\n{out}");
    }
    let reasons = |kind: &str| {
        let of = |(name, labels): &&(String, BTreeMap<String, String>)| {
            name == "lanpulse_probe_failures_total" && labels["probe"] == kind
        };
        all.iter().filter(of).count()
    };
    assert_eq!(
        [reasons("tcp"), reasons("tls"), reasons("http"), reasons("dns")],
        [12, 10, 13, 12]
    );
}

#[test]
fn values_and_labels() {
    let labels = BTreeMap::from([("floor".to_owned(), LabelValue::from("1"))]);
    let (out, _) = text(
        &snapshot(&[target("nas", labels)]),
        &Settings::default(),
        Format::Classic,
    );
    for line in [
        "lanpulse_device_info{device=\"nas\",agent=\"local\",address=\"10.0.0.5\",hostname=\"nas.lan\",\
         role=\"storage\",parent=\"router\",source=\"config\",floor=\"1\"} 1",
        "lanpulse_device_up{device=\"nas\",agent=\"local\"} 1",
        "lanpulse_device_status{device=\"nas\",agent=\"local\",status=\"up\"} 1",
        "lanpulse_device_status{device=\"nas\",agent=\"local\",status=\"down\"} 0",
        "lanpulse_device_status_since_timestamp_seconds{device=\"nas\",agent=\"local\"} 1795132800.0",
        "lanpulse_icmp_requests_total{device=\"nas\",agent=\"local\"} 2",
        "lanpulse_icmp_failures_total{device=\"nas\",agent=\"local\",reason=\"timeout\"} 0",
        "lanpulse_icmp_rtt_seconds_sum{device=\"nas\",agent=\"local\"} 0.001",
        "lanpulse_icmp_rtt_seconds_bucket{le=\"0.0005\",device=\"nas\",agent=\"local\"} 1",
        "lanpulse_icmp_rtt_seconds_bucket{le=\"+Inf\",device=\"nas\",agent=\"local\"} 2",
        "lanpulse_icmp_rtt_avg_seconds{device=\"nas\",agent=\"local\"} 0.0005",
        "lanpulse_icmp_jitter_seconds{device=\"nas\",agent=\"local\"} 0.0002",
        "lanpulse_icmp_loss_ratio{device=\"nas\",agent=\"local\"} 0.0",
        "lanpulse_probe_last_run_timestamp_seconds{device=\"nas\",agent=\"local\",probe=\"icmp\",kind=\"icmp\"} \
         1795132805.0",
        "lanpulse_targets 1",
    ] {
        assert!(out.lines().any(|have| have == line), "{line}\nnot in\n{out}");
    }
}

#[test]
fn the_formats_differ_in_their_comments() {
    let snapshot = snapshot(&[target("nas", BTreeMap::new())]);
    let (classic, _) = text(&snapshot, &Settings::default(), Format::Classic);
    let (open, _) = text(&snapshot, &Settings::default(), Format::OpenMetrics);
    assert_eq!(samples(&classic).len(), samples(&open).len());
    assert!(open.ends_with("# EOF\n") && !classic.contains("# EOF"));
    assert!(open.contains("# TYPE lanpulse_icmp_requests counter\n"));
    assert!(classic.contains("# TYPE lanpulse_icmp_requests_total counter\n"));
    assert!(classic.contains("# HELP lanpulse_icmp_requests_total Attempts"));
    assert!(open.contains("# TYPE lanpulse_device info\n"));
    assert!(classic.contains("# TYPE lanpulse_device_info gauge\n"));
}

#[test]
fn past_the_limit_whole_families_go_least_needed_first() {
    let targets: Vec<_> = (0..100).map(|n| target(&format!("d{n}"), BTreeMap::new())).collect();
    let snapshot = snapshot(&targets);
    let with = |max_per_collector| {
        let (out, plan) = text(
            &snapshot,
            &Settings {
                max_per_collector,
                ..Settings::default()
            },
            Format::Classic,
        );
        let has = [
            "rtt_seconds_bucket",
            "loss_ratio",
            "device_info",
            "first_seen",
            "device_up",
        ]
        .map(|part| samples(&out).iter().any(|(name, _)| name.contains(part)));
        (has, plan.dropped)
    };
    assert_eq!(with(4000), ([true, true, true, true, true], 0));
    assert_eq!(with(3999), ([false, true, true, true, true], 1300));
    assert_eq!(with(2500), ([false, false, true, true, true], 1800));
    assert_eq!(with(2000), ([false, false, false, true, true], 2100));
    assert_eq!(with(1), ([false, false, false, false, true], 3200));
}

#[test]
fn clients_get_the_format_they_ask_for() {
    for (accept, expected) in [
        (None, Format::Classic),
        (Some("*/*"), Format::Classic),
        (Some("application/openmetrics-text"), Format::OpenMetrics),
        (
            Some("text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.9"),
            Format::OpenMetrics,
        ),
        (
            Some("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.9"),
            Format::Classic,
        ),
        (
            Some(
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            ),
            Format::OpenMetrics,
        ),
        (Some("application/openmetrics-text;q=0, */*"), Format::Classic),
        (
            Some("application/openmetrics-text;version=2.0.0,text/plain;q=0.1"),
            Format::Classic,
        ),
        (Some("text/html"), Format::Classic),
    ] {
        assert_eq!(Format::negotiate(accept), expected, "{accept:?}");
    }
    for (accept, expected) in [
        (None, Encoding::Identity),
        (Some("gzip"), Encoding::Gzip),
        (Some("deflate, gzip;q=0.8"), Encoding::Gzip),
        (Some("gzip;q=0, identity"), Encoding::Identity),
        (Some("br"), Encoding::Identity),
    ] {
        assert_eq!(Encoding::negotiate(accept), expected, "{accept:?}");
    }
}

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

proptest! {
    /// Whatever a device is called, each series comes back with the name it was given, made safe.
    #[test]
    fn any_name_reads_back(names in prop::collection::hash_set(any::<Vec<u8>>(), 1..6), value in any::<String>()) {
        let names: HashSet<LabelValue> =
            names.iter().map(|bytes| LabelValue::new(&String::from_utf8_lossy(bytes))).collect();
        let labels = BTreeMap::from([("note".to_owned(), LabelValue::new(&value))]);
        let targets: Vec<_> = names.iter().map(|name| target(name.as_str(), labels.clone())).collect();
        let snapshot = snapshot(&targets);
        for format in [Format::Classic, Format::OpenMetrics] {
            let (out, plan) = text(&snapshot, &Settings::default(), format);
            let all = samples(&out);
            prop_assert_eq!(plan.series, all.len());
            let distinct: HashSet<_> = all.iter().collect();
            prop_assert_eq!(distinct.len(), all.len(), "two series share a label set");
            let up: HashSet<_> =
                all.iter().filter(|(name, _)| name == "lanpulse_device_up").map(|(_, labels)| labels["device"].clone()).collect();
            prop_assert_eq!(up, names.iter().map(|name| name.as_str().to_owned()).collect());
            prop_assert!(all.iter().all(|(name, labels)| name != "lanpulse_device_info"
                || labels["note"] == LabelValue::new(&value).as_str()));
        }
    }
}
