//! The collectors: walks the table over the snapshot and hands each sample to prometheus-client.

use std::fmt::{self, Write};
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric, LabelSetEncoder, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::budget::Plan;
use super::device::{self, Value};
use super::own::{self, Scene};
use super::text::{Classic, Format};
use super::{Family, Settings};
use crate::model::{Address, Failure, LOCAL_AGENT, Status};
use crate::state::{Buckets, DeviceView, Snapshot};

/// Writes the whole exposition as planned for this snapshot and these settings.
///
/// # Errors
/// Only what the writer returns.
pub fn render<W: Write>(
    snapshot: &Arc<Snapshot>,
    settings: &Settings,
    plan: &Plan,
    format: Format,
    writer: &mut W,
) -> fmt::Result {
    let mut registry = Registry::default();
    let scrape = Scrape {
        snapshot: snapshot.clone(),
        settings: settings.clone(),
        plan: plan.clone(),
    };
    registry.register_collector(Box::new(scrape));
    match format {
        Format::OpenMetrics => text::encode(writer, &registry),
        Format::Classic => text::encode_registry(&mut Classic::new(writer), &registry),
    }
}

#[derive(Debug)]
struct Scrape {
    snapshot: Arc<Snapshot>,
    settings: Settings,
    plan: Plan,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for family in device::FAMILIES {
            if self.plan.includes(family.worth, &self.settings) {
                encode_devices(&mut encoder, family, &self.snapshot.devices)?;
            }
        }
        let scene = Scene {
            snapshot: &self.snapshot,
            series: self.plan.series,
        };
        for family in own::FAMILIES {
            encode_own(&mut encoder, family, &scene)?;
        }
        Ok(())
    }
}

fn metric_type(kind: &str) -> MetricType {
    match kind {
        "counter" => MetricType::Counter,
        "histogram" => MetricType::Histogram,
        "info" => MetricType::Info,
        _ => MetricType::Gauge,
    }
}

/// One family over all devices. OpenMetrics wants a family's samples in one piece.
fn encode_devices(
    encoder: &mut DescriptorEncoder,
    family: &Family<device::Source>,
    devices: &[DeviceView],
) -> fmt::Result {
    use device::Source;
    let kind = metric_type(family.source.kind());
    let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
    for view in devices {
        let device = view.target.name.as_str();
        match &family.source {
            Source::Info => {
                metric.encode_info(&Info(view))?;
            }
            Source::Status => {
                for status in Status::ALL {
                    let labels = Labels {
                        device,
                        more: &[("status", status.as_str())],
                    };
                    gauge(&mut metric, &labels, (status == view.status).into())?;
                }
            }
            Source::Gauge(value) => {
                if let Some(value) = value(view) {
                    gauge(&mut metric, &Labels { device, more: &[] }, value)?;
                }
            }
            Source::Counter(value) => {
                if let Some(value) = value(view) {
                    counter(&mut metric, &Labels { device, more: &[] }, Value::Int(value))?;
                }
            }
            Source::Failures(values) => {
                for (failure, value) in Failure::ICMP.iter().zip(values(view).into_iter().flatten()) {
                    let labels = Labels {
                        device,
                        more: &[("reason", failure.as_str())],
                    };
                    counter(&mut metric, &labels, Value::Int(value))?;
                }
            }
            Source::Histogram(buckets) => {
                if let Some(buckets) = buckets(view) {
                    histogram(&mut metric.encode_family(&Labels { device, more: &[] })?, buckets)?;
                }
            }
            Source::PerProbe(value) => {
                for probe in &view.target.probes {
                    if let Some(value) = value(view, probe.kind.as_str()) {
                        let more = [("probe", &*probe.probe), ("kind", probe.kind.as_str())];
                        gauge(&mut metric, &Labels { device, more: &more }, value)?;
                    }
                }
            }
        }
    }
    Ok(())
}

fn encode_own(encoder: &mut DescriptorEncoder, family: &Family<own::Source>, scene: &Scene) -> fmt::Result {
    use own::Source;
    let kind = metric_type(family.source.kind());
    let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
    match &family.source {
        Source::Gauge(value) => encode_value(metric, value(scene)),
        Source::Counter(value) => match value(scene) {
            Value::Int(value) => ConstCounter::new(value).encode(metric),
            Value::Float(value) => ConstCounter::new(value).encode(metric),
        },
        Source::ByReason(values) => {
            for (reason, value) in values(scene) {
                counter(&mut metric, &[("reason", reason)], Value::Int(value))?;
            }
            Ok(())
        }
        Source::Histogram(buckets) => histogram(&mut metric, buckets(scene)),
        Source::Info(labels) => metric.encode_info(labels),
    }
}

fn encode_value(metric: MetricEncoder, value: Value) -> fmt::Result {
    match value {
        Value::Int(value) => ConstGauge::new(value).encode(metric),
        Value::Float(value) => ConstGauge::new(value).encode(metric),
    }
}

fn gauge<L: EncodeLabelSet>(metric: &mut MetricEncoder, labels: &L, value: Value) -> fmt::Result {
    encode_value(metric.encode_family(labels)?, value)
}

fn counter<L: EncodeLabelSet>(metric: &mut MetricEncoder, labels: &L, value: Value) -> fmt::Result {
    let metric = metric.encode_family(labels)?;
    match value {
        Value::Int(value) => ConstCounter::new(value).encode(metric),
        Value::Float(value) => ConstCounter::new(value).encode(metric),
    }
}

fn histogram(metric: &mut MetricEncoder, buckets: &Buckets) -> fmt::Result {
    let bounds = buckets.bounds.iter().copied().chain([f64::INFINITY]);
    let pairs: Vec<(f64, u64)> = bounds.zip(buckets.counts.iter().copied()).collect();
    metric.encode_histogram::<NoLabelSet>(buckets.sum, buckets.count(), &pairs, None)
}

/// `device`, `agent` and what a family adds.
struct Labels<'a> {
    device: &'a str,
    more: &'a [(&'a str, &'a str)],
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        label(encoder, "device", self.device)?;
        label(encoder, "agent", LOCAL_AGENT)?;
        self.more
            .iter()
            .try_for_each(|(name, value)| label(encoder, name, value))
    }
}

/// The labels of `lanpulse_device_info`; empty ones are left out, which is the same to Prometheus.
struct Info<'a>(&'a DeviceView);

impl EncodeLabelSet for Info<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        let target = &self.0.target;
        label(encoder, "device", target.name.as_str())?;
        label(encoder, "agent", LOCAL_AGENT)?;
        if let Some(address) = self.0.address {
            label(encoder, "address", &address.to_string())?;
        }
        if let Address::Name(name) = &target.address {
            label(encoder, "hostname", name)?;
        }
        for (name, value) in [
            ("role", &target.role),
            ("site", &target.site),
            ("parent", &target.parent),
        ] {
            if let Some(value) = value {
                label(encoder, name, value.as_str())?;
            }
        }
        label(encoder, "source", "config")?;
        target
            .labels
            .iter()
            .try_for_each(|(name, value)| label(encoder, name, value.as_str()))
    }
}

fn label(encoder: &mut LabelSetEncoder, name: &str, value: &str) -> fmt::Result {
    let mut label = encoder.encode_label();
    let mut key = label.encode_label_key()?;
    key.write_str(name)?;
    let mut text = key.encode_label_value()?;
    EncodeLabelValue::encode(&value, &mut text)?;
    text.finish()
}
