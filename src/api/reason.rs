//! Why a probe failed, as the API shows it.

use std::sync::Arc;

use serde::Serialize;

use crate::model::Failure;
use crate::state::DeviceView;

/// Why a probe failed.
#[derive(Serialize)]
pub struct Reason {
    reason: &'static str,
    message: String,
}

/// Why a device was not reached; none if it was.
pub fn of_device(view: &DeviceView) -> Option<Reason> {
    explain(view.last_failure.as_ref())
}

/// A failure, in words; the probe's own words if it has any.
pub fn explain(failure: Option<&(Failure, Option<Arc<str>>)>) -> Option<Reason> {
    let (failure, detail) = failure?;
    let message = detail.as_deref().unwrap_or(failure.explain()).to_owned();
    Some(Reason {
        reason: failure.as_str(),
        message,
    })
}
