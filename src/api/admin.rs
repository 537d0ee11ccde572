//! `/-/healthy`, `/-/ready` and `/-/reload`.

use std::sync::Arc;

use hyper::Response;
use serde_json::json;
use tokio::sync::oneshot;

use super::app::App;
use crate::serve::{self, Body, Error};

/// `GET /-/healthy`.
pub fn healthy() -> Response<Body> {
    serve::text("lanpulse is healthy.\n")
}

/// `GET /-/ready`.
pub fn ready(app: &App) -> Result<Response<Body>, Error> {
    if app.is_ready() {
        Ok(serve::text("lanpulse is ready.\n"))
    } else {
        Err(Error::unavailable("lanpulse is starting; try again in a moment"))
    }
}

/// `POST /-/reload`.
pub async fn reload(app: &Arc<App>) -> Result<Response<Body>, Error> {
    let (answer, outcome) = oneshot::channel();
    let _ = app.reloads.send(answer).await;
    match outcome.await {
        Ok(Ok(summary)) => Ok(serve::json(&json!({ "status": "reloaded", "message": summary }))),
        Ok(Err(problems)) => Err(refused(&problems)),
        Err(_) => Err(Error::unavailable("lanpulse is stopping")),
    }
}

fn refused(problems: &[String]) -> Error {
    let (count, s) = (problems.len(), if problems.len() == 1 { "" } else { "s" });
    let message = format!(
        "the configuration has {count} problem{s} and was not loaded; the running one stays:\n{}",
        problems.join("\n")
    );
    Error::invalid_configuration(message, problems)
}
