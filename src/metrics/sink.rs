//! What the rows of the table write their samples to.

use std::fmt;

use super::value::Value;
use crate::state::Buckets;

/// The name and value of a label. The value is not escaped yet.
pub type Label<'a> = (&'a str, &'a str);

/// Is called with the name and value of each label.
pub type EachLabel<'f> = &'f mut dyn FnMut(&str, &str) -> fmt::Result;

/// Passes labels on that exist only as code, because their values must be formatted first.
pub type Texts<'f> = dyn Fn(EachLabel<'_>) -> fmt::Result + 'f;

/// Receives the samples of one family.
///
/// A sink that only counts never looks at the labels, so text that must be formatted is made only by a sink that does.
pub trait Sink {
    /// Takes one sample. `suffix` is `_bucket`, `_sum` or `_count` for a series of a histogram and empty for any other;
    /// the suffix of the type (`_total`, `_info`) is not in it.
    ///
    /// # Errors
    /// Only what the sink writes to can fail.
    fn sample(&mut self, suffix: &'static str, labels: &Labels<'_>, value: Value) -> fmt::Result;

    /// Takes a histogram. Unless a sink does it in its own way, these are the samples of its sum, its count and its
    /// cumulative buckets.
    ///
    /// # Errors
    /// Only what the sink writes to can fail.
    fn histogram(&mut self, labels: &Labels<'_>, buckets: &Buckets) -> fmt::Result {
        self.sample("_sum", labels, buckets.sum.into())?;
        self.sample("_count", labels, buckets.count().into())?;
        let mut below = 0;
        let bounds = buckets.bounds.iter().copied().chain([f64::INFINITY]);
        for (bound, count) in bounds.zip(&buckets.counts) {
            below += count;
            self.sample("_bucket", &labels.up_to(bound), below.into())?;
        }
        Ok(())
    }
}

/// The labels of one series.
#[derive(Clone, Copy)]
pub struct Labels<'a> {
    /// The upper bound of a bucket, in the unit of the histogram.
    bound: Option<f64>,
    /// Labels that tell what the series is about, such as `device` and `agent`.
    subject: &'a [Label<'a>],
    /// Labels that the family adds.
    own: &'a [Label<'a>],
    /// More labels of the family, formatted on demand.
    texts: Option<&'a Texts<'a>>,
}

impl<'a> Labels<'a> {
    /// The labels of the subject and those that the family adds.
    pub const fn new(subject: &'a [Label<'a>], own: &'a [Label<'a>]) -> Self {
        Self {
            bound: None,
            subject,
            own,
            texts: None,
        }
    }

    /// The labels of the subject and texts about it.
    pub const fn with_texts(subject: &'a [Label<'a>], texts: &'a Texts<'a>) -> Self {
        Self {
            bound: None,
            subject,
            own: &[],
            texts: Some(texts),
        }
    }

    /// The same labels and `le`.
    const fn up_to(self, bound: f64) -> Self {
        Self {
            bound: Some(bound),
            ..self
        }
    }

    /// Whether there is no label.
    pub const fn is_empty(&self) -> bool {
        self.bound.is_none() && self.subject.is_empty() && self.own.is_empty() && self.texts.is_none()
    }

    /// Calls `each` with the name and value of each label, in the order of the exposition.
    ///
    /// # Errors
    /// The first error of `each`.
    pub fn try_for_each(&self, mut each: impl FnMut(&str, &str) -> fmt::Result) -> fmt::Result {
        match self.bound {
            Some(f64::INFINITY) => each("le", "+Inf")?,
            Some(bound) => each("le", &format!("{bound:?}"))?,
            None => {}
        }
        for labels in [self.subject, self.own] {
            for (name, value) in labels {
                each(name, value)?;
            }
        }
        self.texts.map_or(Ok(()), |texts| texts(&mut each))
    }
}
