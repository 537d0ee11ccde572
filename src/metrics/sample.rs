//! Single samples: values, labels, and how prometheus-client is handed them.

use std::fmt::{self, Write};
use std::time::Duration;

use prometheus_client::encoding::{
    EncodeLabelSet, EncodeLabelValue, EncodeMetric, LabelSetEncoder, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::model::Timestamp;
use crate::state::Buckets;

/// A sample's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Whole numbers, printed without a point.
    Int(u64),
    /// Anything else.
    Float(f64),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Duration> for Value {
    fn from(value: Duration) -> Self {
        Self::Float(value.as_secs_f64())
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Float(value.seconds())
    }
}

/// Labels and a value.
pub type Row = (Vec<(&'static str, String)>, Value);

/// A type by its name in the exposition.
pub(super) fn metric_type(kind: &str) -> MetricType {
    match kind {
        "counter" => MetricType::Counter,
        "histogram" => MetricType::Histogram,
        "info" => MetricType::Info,
        _ => MetricType::Gauge,
    }
}

/// A gauge without labels, or with those it was made with.
pub(super) fn encode_value(metric: MetricEncoder, value: Value) -> fmt::Result {
    match value {
        Value::Int(value) => ConstGauge::new(value).encode(metric),
        Value::Float(value) => ConstGauge::new(value).encode(metric),
    }
}

/// One sample of a gauge.
pub(super) fn gauge<L: EncodeLabelSet>(metric: &mut MetricEncoder, labels: &L, value: Value) -> fmt::Result {
    encode_value(metric.encode_family(labels)?, value)
}

/// One sample of a counter.
pub(super) fn counter<L: EncodeLabelSet>(metric: &mut MetricEncoder, labels: &L, value: Value) -> fmt::Result {
    let metric = metric.encode_family(labels)?;
    match value {
        Value::Int(value) => ConstCounter::new(value).encode(metric),
        Value::Float(value) => ConstCounter::new(value).encode(metric),
    }
}

/// Cumulative buckets.
pub(super) fn histogram(metric: &mut MetricEncoder, buckets: &Buckets) -> fmt::Result {
    let bounds = buckets.bounds.iter().copied().chain([f64::INFINITY]);
    let pairs: Vec<(f64, u64)> = bounds.zip(buckets.counts.iter().copied()).collect();
    metric.encode_histogram::<NoLabelSet>(buckets.sum, buckets.count(), &pairs, None)
}

/// One label.
pub(super) fn label(encoder: &mut LabelSetEncoder, name: &str, value: &str) -> fmt::Result {
    let mut label = encoder.encode_label();
    let mut key = label.encode_label_key()?;
    key.write_str(name)?;
    let mut text = key.encode_label_value()?;
    EncodeLabelValue::encode(&value, &mut text)?;
    text.finish()
}
