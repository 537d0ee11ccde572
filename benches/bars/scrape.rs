//! Bar 5: what a scrape of many series takes, while the probes keep their schedule. Beside it: prometheus-client, the
//! library that writes the text, when it is asked for as many gauges from its own registry, without HTTP.

use std::sync::atomic::AtomicU64;
use std::thread::sleep;
use std::time::{Duration, Instant};

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::measure::{lag_p99, targets};
use crate::support::{Daemon, Home, Lan, median};
use crate::table::Row;

const DEVICES: u32 = 10_000;
const SCRAPES: u32 = 9;

pub fn bar() {
    let Some(_lan) = Lan::new("scrapes") else { return };
    let daemon = Daemon::start(&Home::exactly(&targets(DEVICES, "global: {interval: 5s}")));
    sleep(Duration::from_secs(12));
    let before = daemon.metrics();
    let time = |header: Option<(&str, &str)>| {
        let scrape = || {
            let mut request = daemon.request("GET", "/metrics");
            if let Some((name, value)) = header {
                request = request.header(name, value);
            }
            let start = Instant::now();
            let reply = request.send();
            (start.elapsed().as_secs_f64() * 1e3, reply.raw.len())
        };
        let scrapes: Vec<(f64, usize)> = (0..SCRAPES).map(|_| scrape()).collect();
        let mebibytes = scrapes[0].1 as f64 / f64::from(1 << 20);
        (median(scrapes.iter().map(|scrape| scrape.0).collect()), mebibytes)
    };
    let (plain, mebibytes) = time(None);
    let (packed, packed_mebibytes) = time(Some(("Accept-Encoding", "gzip")));
    let after = daemon.metrics();
    drop(daemon);
    let series = after.value("lanpulse_series", &[]).unwrap();
    let peer = library(series as u32 / DEVICES);
    Row::new(5, format!("/metrics, {series} series, {mebibytes:.1} MiB"), plain, "ms")
        .at_most(150.0)
        .peer("prometheus-client, as many gauges", Some(peer))
        .record();
    Row::new(5, format!("with gzip, {packed_mebibytes:.1} MiB"), packed, "ms")
        .at_most(150.0)
        .record();
    Row::new(5, "send lag meanwhile, p99", lag_p99(&before, &after), "ms")
        .at_most(50.0)
        .record();
}

/// Milliseconds for so many gauges of each device.
fn library(gauges: u32) -> f64 {
    let mut registry = Registry::default();
    for gauge in 0..gauges {
        let family = Family::<Vec<(String, String)>, Gauge<f64, AtomicU64>>::default();
        for n in 0..DEVICES {
            let labels = vec![("device".to_owned(), format!("d{n}"))];
            family.get_or_create(&labels).set(f64::from(n) / 1e3);
        }
        registry.register(format!("a_gauge_of_a_device_{gauge}"), "A gauge", family);
    }
    let encode = || {
        let start = Instant::now();
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        start.elapsed().as_secs_f64() * 1e3
    };
    median((0..SCRAPES).map(|_| encode()).collect())
}
