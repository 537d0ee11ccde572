//! What is exposed, with which values, and what is left out past the limit.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::reader::{SeriesName, samples, text};
use super::snapshots::{checked, snapshot, target};
use crate::metrics::{Format, Settings};
use crate::model::LabelValue;

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
        let of = |(name, labels): &&SeriesName| name == "lanpulse_probe_failures_total" && labels["probe"] == kind;
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
