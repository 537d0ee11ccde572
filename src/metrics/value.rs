//! The value of a sample.

use std::time::Duration;

use crate::model::Timestamp;

/// The value of a sample, in the unit that its family's name ends in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A whole number, printed without a decimal point.
    Int(u64),
    /// Any other number.
    Float(f64),
}

/// 1 or 0.
impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

/// Seconds.
impl From<Duration> for Value {
    fn from(value: Duration) -> Self {
        Self::Float(value.as_secs_f64())
    }
}

/// Seconds since the Unix epoch.
impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Float(value.seconds())
    }
}
