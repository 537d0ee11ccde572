//! `/api/v1/outages`: the outages of the internet.

use std::sync::Arc;

use hyper::Response;
use serde_json::json;

use super::app::App;
use super::time::rfc3339;
use crate::serve::{self, Body, Error};

/// `GET /api/v1/outages`: every outage that is kept, the newest first.
pub async fn list(app: &Arc<App>) -> Result<Response<Body>, Error> {
    let snapshot = app.snapshot().await?;
    let rows: Vec<_> = snapshot
        .outages
        .iter()
        .map(|outage| {
            json!({
                "start": rfc3339(outage.start),
                "end": outage.end.map(rfc3339),
                "duration_seconds": outage.end.unwrap_or(snapshot.at).since(outage.start).as_secs_f64(),
                "fault": outage.fault,
                "failed_checks": outage.failed_checks,
                "gateway_reachable": outage.gateway_reachable,
            })
        })
        .collect();
    Ok(serve::json(&json!({ "total": rows.len(), "outages": rows })))
}
