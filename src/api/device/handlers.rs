//! The handlers of `/api/v1/devices`.

use std::sync::Arc;

use hyper::{Response, header};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::filter::Filter;
use super::view::{csv, row, walked};
use crate::api::app::App;
use crate::api::commands::DiscoveryCommand;
use crate::model::{Patch, Record};
use crate::serve::{self, Body, Error, Request};
use crate::state::PatchError;

/// `GET /api/v1/devices`.
pub async fn list(app: &Arc<App>, request: &Request) -> Result<Response<Body>, Error> {
    let filter = Filter::read(request.query(), request.header(header::ACCEPT))?;
    let snapshot = app.snapshot().await?;
    let records = snapshot.inventory.records.iter();
    let mut records: Vec<&Arc<Record>> = records.filter(|record| filter.passes(record)).collect();
    records.sort_by(|a, b| filter.order(a, b));
    let total = records.len();
    let page: Vec<&Arc<Record>> = records.into_iter().skip(filter.offset).take(filter.limit).collect();
    if filter.csv {
        return Ok(serve::bytes("text/csv; charset=utf-8; header=present", csv(&page)));
    }
    let end = filter.offset + page.len();
    let next = (end < total).then_some(end);
    let walked = walked(&snapshot);
    let of = |record: &Arc<Record>| row(record, walked.get(&record.name).copied());
    let devices: Vec<Value> = page.into_iter().map(of).collect();
    Ok(serve::json(
        &json!({ "devices": devices, "total": total, "next": next }),
    ))
}

/// `GET /api/v1/devices/{id}`.
pub async fn show(app: &Arc<App>, request: &Request) -> Result<Response<Body>, Error> {
    let id = request.id()?;
    let snapshot = app.snapshot().await?;
    let found = snapshot.inventory.records.iter().find(|record| record.id == id);
    found
        .map(|record| serve::json(&row(record, walked(&snapshot).get(&record.name).copied())))
        .ok_or_else(Error::not_found)
}

/// `PATCH /api/v1/devices/{id}`.
pub async fn patch(app: &Arc<App>, request: &mut Request) -> Result<Response<Body>, Error> {
    let id = request.id()?;
    let patch: Option<Patch> = request.json().await?;
    let patch = patch.ok_or_else(|| Error::bad_request("send what to change, as in {\"status\": \"approved\"}"))?;
    let (answer, patched) = oneshot::channel();
    let command = DiscoveryCommand::Patch(id, Box::new(patch), author(request), answer);
    let _ = app.discovery.send(command).await;
    match patched.await {
        Ok(Ok(record)) => Ok(serve::json(&row(&record, None))),
        Ok(Err(PatchError::Unknown(_))) => Err(Error::not_found()),
        Ok(Err(error @ PatchError::Taken(_))) => Err(Error::conflict(error.to_string())),
        Ok(Err(PatchError::Invalid(problem))) => Err(Error::bad_request(problem)),
        Err(_) => Err(Error::unavailable("lanpulse is stopping")),
    }
}

/// Who sent the request, for the audit: `token:ops from 192.168.1.7`.
fn author(request: &Request) -> String {
    let address = request.peer().ip().to_canonical();
    let name = &request.caller().0;
    if name.is_empty() {
        address.to_string()
    } else {
        format!("{name} from {address}")
    }
}
