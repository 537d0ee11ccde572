//! `/api/v1/heartbeats`: shows heartbeats, pauses and resumes them, and deletes those of clients.

use std::sync::Arc;

use hyper::Response;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;

use super::command::{carry_out, no_heartbeat};
use super::view;
use crate::api::app::App;
use crate::api::commands::{HeartbeatCommand, Outcome};
use crate::serve::{self, Body, Error, Request};

/// How many of the latest reports an answer shows.
const SIGNALS_SHOWN: usize = 20;

/// The body of `PATCH /api/v1/heartbeats/{name}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    paused: Option<bool>,
}

/// `GET /api/v1/heartbeats`.
pub async fn list(app: &Arc<App>) -> Result<Response<Body>, Error> {
    let snapshot = app.snapshot().await?;
    Ok(serve::json(&view::all(&snapshot)))
}

/// `GET /api/v1/heartbeats/{name}`.
pub async fn show(app: &Arc<App>, request: &Request) -> Result<Response<Body>, Error> {
    one(app, &request.parameter("name")?).await
}

/// `PATCH /api/v1/heartbeats/{name}`.
pub async fn change(app: &Arc<App>, request: &mut Request) -> Result<Response<Body>, Error> {
    let name = request.parameter("name")?;
    let body = request.body().await?;
    let change: Change = serde_json::from_slice(&body)
        .map_err(|error| Error::bad_request(format!("the body cannot be read: {error}")))?;
    let Some(paused) = change.paused else {
        return Err(Error::bad_request("write {\"paused\": true} or {\"paused\": false}"));
    };
    let command = |done| HeartbeatCommand::Pause {
        name: name.as_str().into(),
        paused,
        done,
    };
    match carry_out(app, command).await? {
        Outcome::Unknown => Err(no_heartbeat()),
        Outcome::Stored | Outcome::Created | Outcome::Configured | Outcome::Full => one(app, &name).await,
    }
}

/// `DELETE /api/v1/heartbeats/{name}`.
pub async fn delete(app: &Arc<App>, request: &Request) -> Result<Response<Body>, Error> {
    let name = request.parameter("name")?.as_str().into();
    match carry_out(app, |done| HeartbeatCommand::Delete { name, done }).await? {
        Outcome::Unknown => Err(no_heartbeat()),
        Outcome::Configured => Err(Error::bad_request(
            "it is in the configuration: take it out there, or pause it",
        )),
        Outcome::Stored | Outcome::Created | Outcome::Full => Ok(serve::json(&json!({ "status": "deleted" }))),
    }
}

async fn one(app: &App, name: &str) -> Result<Response<Body>, Error> {
    let snapshot = app.snapshot().await?;
    let heartbeat = snapshot
        .heartbeats
        .iter()
        .find(|view| view.heartbeat.name.as_str() == name)
        .ok_or_else(no_heartbeat)?;
    let (answer, signals) = oneshot::channel();
    (app.heartbeats.history)(heartbeat.heartbeat.name.clone(), SIGNALS_SHOWN, answer).await;
    let signals = signals
        .await
        .map_err(|_| Error::unavailable("the reports cannot be read from the store now; the log has more"))?;
    Ok(serve::json(&view::one(heartbeat, &signals)))
}
