//! The text formats: prometheus-client encodes what the rows of the table emit.

use std::fmt::{self, Write};
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, LabelSetEncoder, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::classic::Classic;
use super::family::MetricKind;
use super::format::Format;
use super::plan::Plan;
use super::sink::{Labels, Sink};
use super::value::Value;
use crate::state::{Buckets, Snapshot};

/// Writes the whole exposition of this snapshot, as planned.
///
/// # Errors
/// Only what the writer returns.
pub fn render<W: Write>(snapshot: &Arc<Snapshot>, plan: &Plan, format: Format, writer: &mut W) -> fmt::Result {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Exposition {
        snapshot: snapshot.clone(),
        plan: plan.clone(),
    }));
    match format {
        Format::OpenMetrics => text::encode(writer, &registry),
        Format::Classic => text::encode_registry(&mut Classic::new(writer), &registry),
    }
}

#[derive(Debug)]
struct Exposition {
    snapshot: Arc<Snapshot>,
    plan: Plan,
}

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let scope = self.plan.scope(&self.snapshot);
        for family in self.plan.families() {
            let metric = encoder.encode_descriptor(family.name, family.help, None, family.kind.into())?;
            let kind = family.kind;
            family.emit(&scope, &mut TextFamily { metric, kind })?;
        }
        Ok(())
    }
}

impl From<MetricKind> for MetricType {
    fn from(kind: MetricKind) -> Self {
        match kind {
            MetricKind::Gauge => Self::Gauge,
            MetricKind::Counter => Self::Counter,
            MetricKind::Histogram => Self::Histogram,
            MetricKind::Info => Self::Info,
        }
    }
}

/// Writes the samples of one family.
struct TextFamily<'a> {
    metric: MetricEncoder<'a>,
    kind: MetricKind,
}

impl Sink for TextFamily<'_> {
    fn sample(&mut self, _: &'static str, labels: &Labels<'_>, value: Value) -> fmt::Result {
        match self.kind {
            MetricKind::Info => self.metric.encode_info(labels),
            // Braces without labels would be another text for the same series.
            kind if labels.is_empty() => encode_value(&mut self.metric, kind, value),
            kind => encode_value(&mut self.metric.encode_family(labels)?, kind, value),
        }
    }

    /// The encoder names and adds up the buckets itself.
    fn histogram(&mut self, labels: &Labels<'_>, buckets: &Buckets) -> fmt::Result {
        let bounds = buckets.bounds.iter().copied().chain([f64::INFINITY]);
        let pairs: Vec<(f64, u64)> = bounds.zip(buckets.counts.iter().copied()).collect();
        let (sum, count) = (buckets.sum, buckets.count());
        if labels.is_empty() {
            self.metric.encode_histogram::<NoLabelSet>(sum, count, &pairs, None)
        } else {
            let mut metric = self.metric.encode_family(labels)?;
            metric.encode_histogram::<NoLabelSet>(sum, count, &pairs, None)
        }
    }
}

fn encode_value(metric: &mut MetricEncoder<'_>, kind: MetricKind, value: Value) -> fmt::Result {
    match (kind, value) {
        (MetricKind::Counter, Value::Int(value)) => metric.encode_counter::<NoLabelSet, _, u64>(&value, None),
        (MetricKind::Counter, Value::Float(value)) => metric.encode_counter::<NoLabelSet, _, u64>(&value, None),
        (_, Value::Int(value)) => metric.encode_gauge(&value),
        (_, Value::Float(value)) => metric.encode_gauge(&value),
    }
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        self.try_for_each(|name, value| {
            let mut label = encoder.encode_label();
            let mut key = label.encode_label_key()?;
            key.write_str(name)?;
            let mut text = key.encode_label_value()?;
            EncodeLabelValue::encode(&value, &mut text)?;
            text.finish()
        })
    }
}
