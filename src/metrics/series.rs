//! What a row of the table writes the series of one subject with.

use std::fmt;

use super::sink::{Label, Labels, Sink, Texts};
use super::value::Value;
use crate::model::FailureCounts;
use crate::state::Buckets;

/// The series that one family has for one subject: a device, a check, a heartbeat and so on.
pub struct Series<'a> {
    sink: &'a mut dyn Sink,
    subject: &'a [Label<'a>],
}

impl<'a> Series<'a> {
    /// Series with the labels of this subject, to be written to this sink.
    pub const fn new(sink: &'a mut dyn Sink, subject: &'a [Label<'a>]) -> Self {
        Self { sink, subject }
    }

    /// The only series of the subject; none while the value is unknown.
    pub fn value(&mut self, value: Option<impl Into<Value>>) -> fmt::Result {
        self.labelled(&[], value)
    }

    /// The series with these labels; none while the value is unknown.
    pub fn labelled(&mut self, labels: &[Label<'_>], value: Option<impl Into<Value>>) -> fmt::Result {
        match value {
            Some(value) => self.sink.sample("", &Labels::new(self.subject, labels), value.into()),
            None => Ok(()),
        }
    }

    /// A series for each value of a label.
    pub fn by<'v>(
        &mut self,
        label: &str,
        values: impl IntoIterator<Item = (&'v str, impl Into<Value>)>,
    ) -> fmt::Result {
        values
            .into_iter()
            .try_for_each(|(text, value)| self.labelled(&[(label, text)], Some(value)))
    }

    /// A series for each reason that a probe can fail for.
    pub fn failures(&mut self, counts: &FailureCounts) -> fmt::Result {
        self.by(
            "reason",
            counts.iter().map(|(failure, count)| (failure.as_str(), count)),
        )
    }

    /// The series of a histogram.
    pub fn histogram(&mut self, buckets: &Buckets) -> fmt::Result {
        self.sink.histogram(&Labels::new(self.subject, &[]), buckets)
    }

    /// The series of an info: 1, with texts as labels.
    pub fn info(&mut self, texts: &Texts<'_>) -> fmt::Result {
        self.sink
            .sample("", &Labels::with_texts(self.subject, texts), Value::Int(1))
    }
}
