//! Reports: `/ping/...` and `POST /api/v1/heartbeats/{name}`.
//!
//! `auth` says who may report, `ping` reads paths and `body` reads bodies. A report goes to the daemon and is
//! acknowledged once it is on disk. Paths that hold tokens are never logged.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::json;

use super::auth::{Grant, Rejection, ReportAuth, is_provisioned};
use super::body::{self, KEPT_BYTES};
use super::command::{carry_out, no_heartbeat, unavailable};
use super::ping::{self, Create, NoPing, Ping};
use crate::api::app::App;
use crate::api::commands::{HeartbeatCommand, Outcome};
use crate::model::{Enrolment, Heartbeat, Methods, Signal};
use crate::serve::{self, Body, Error, Request, now};

/// `/ping/{token}` and its like.
pub async fn by_ping(app: &Arc<App>, request: &mut Request) -> Result<Response<Body>, Error> {
    ready(app)?;
    let auth = &app.heartbeats.auth;
    let path = request.path().strip_prefix("/ping/").unwrap_or_default();
    let ping = match ping::read(path, request.query()) {
        Ok(ping) => ping,
        Err(NoPing::Unknown) => return Err(refused(auth, request)),
        Err(NoPing::Wrong(why)) => {
            auth.reject("".into(), Rejection::Malformed);
            return Err(Error::bad_request(why));
        }
    };
    let Ping {
        token,
        name,
        kind,
        run_id,
        create,
    } = ping;
    let grant = match &name {
        Some(name) => auth.by_name(name, &token),
        None => auth.by_token(&token),
    };
    // A key and a name are for heartbeats of clients; configured ones have a token of their own.
    let grant = match grant {
        Grant::Known(heartbeat) if name.is_some() && !is_provisioned(&heartbeat) => Grant::Denied,
        grant => grant,
    };
    let (heartbeat, new) = admit(auth, request, grant, name.as_deref(), create)?;
    let methods = methods(heartbeat.methods);
    if !methods.contains(request.method()) {
        auth.reject(heartbeat.name.clone(), Rejection::Method);
        return Err(Error::method(&methods));
    }
    let body = request
        .body_end(KEPT_BYTES)
        .await
        .inspect_err(|error| auth.reject(heartbeat.name.clone(), Rejection::of(error)))?;
    let signal = Signal {
        kind,
        run_id,
        duration: None,
        source: Some(request.peer().ip().to_canonical()),
        message: body::message(&body),
    };
    let (status, text) = if record(app, &heartbeat, signal, new).await? {
        (StatusCode::CREATED, "Created")
    } else {
        (StatusCode::OK, "OK")
    };
    let mut response = serve::text(text);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(HeaderName::from_static("ping-body-limit"), KEPT_BYTES.into());
    Ok(response)
}

/// `POST /api/v1/heartbeats/{name}`.
pub async fn by_name(app: &Arc<App>, request: &mut Request) -> Result<Response<Body>, Error> {
    let name = request.parameter("name")?;
    ready(app)?;
    let auth = &app.heartbeats.auth;
    let grant = match request.bearer() {
        Some(token) => auth.by_name(&name, token),
        None => Grant::Denied,
    };
    let create = match &grant {
        Grant::Denied => None,
        Grant::Known(_) | Grant::Enrols(_) => ping::create(request.query()).map_err(Error::bad_request)?,
    };
    let (heartbeat, new) = admit(auth, request, grant, Some(&name), create)?;
    let signal = body::signal(request)
        .await
        .inspect_err(|error| auth.reject(heartbeat.name.clone(), Rejection::of(error)))?;
    let created = record(app, &heartbeat, signal, new).await?;
    let mut response = serve::json(&json!({
        "status": "recorded",
        "heartbeat": heartbeat.name.as_str(),
        "created": created,
    }));
    if created {
        *response.status_mut() = StatusCode::CREATED;
    }
    Ok(response)
}

/// Lets a report in. Also says whether to create its heartbeat if there is none.
fn admit(
    auth: &ReportAuth,
    request: &Request,
    grant: Grant,
    name: Option<&str>,
    create: Option<Create>,
) -> Result<(Arc<Heartbeat>, bool), Error> {
    let (heartbeat, new) = match (grant, name, create) {
        (Grant::Known(heartbeat), _, _) => (heartbeat, false),
        (Grant::Enrols(enrolment), Some(name), create) => {
            let name = ping::slug(name).map_err(|_| {
                auth.reject("".into(), Rejection::Malformed);
                Error::bad_request("a new name has lower-case letters, digits, - and _, 64 at most")
            })?;
            // Without `create` the heartbeat may still have been created a moment ago, which only the state knows.
            let heartbeat = provisioned(&name, create.unwrap_or_default(), &enrolment);
            (Arc::new(heartbeat), create.is_some())
        }
        _ => return Err(refused(auth, request)),
    };
    auth.report(&heartbeat, request.peer().ip(), now()).map_err(too_many)?;
    Ok((heartbeat, new))
}

/// A heartbeat as a client asks for it.
fn provisioned(name: &str, create: Create, enrolment: &Enrolment) -> Heartbeat {
    Heartbeat::provisioned(
        name.into(),
        create.every.unwrap_or(enrolment.every),
        create.grace.unwrap_or(enrolment.grace),
    )
}

/// The same for an unknown heartbeat and a wrong token.
fn refused(auth: &ReportAuth, request: &Request) -> Error {
    match auth.wrong_token(request.peer().ip(), now()) {
        Ok(()) => no_heartbeat(),
        Err(after) => too_many(after),
    }
}

fn too_many(after: Duration) -> Error {
    Error::too_many("too many requests: wait as Retry-After says", after)
}

/// The methods that a heartbeat takes.
fn methods(methods: Methods) -> Vec<Method> {
    [
        (methods.get, Method::GET),
        (methods.head, Method::HEAD),
        (methods.post, Method::POST),
    ]
    .into_iter()
    .filter_map(|(on, method)| on.then_some(method))
    .collect()
}

/// Until the configuration is loaded, every token looks wrong, so reports have to wait.
fn ready(app: &App) -> Result<(), Error> {
    if app.is_ready() {
        return Ok(());
    }
    Err(unavailable("lanpulse is starting or stopping; try again in a moment"))
}

/// Waits until a report is on disk. True if that has created the heartbeat.
async fn record(app: &App, heartbeat: &Arc<Heartbeat>, signal: Signal, new: bool) -> Result<bool, Error> {
    let command = |done| HeartbeatCommand::Report {
        name: heartbeat.name.clone(),
        signal: Box::new(signal),
        create: new.then(|| heartbeat.clone()),
        done,
    };
    let outcome = carry_out(app, command).await.inspect_err(|_| {
        app.heartbeats.auth.reject(heartbeat.name.clone(), Rejection::Store);
    })?;
    match outcome {
        Outcome::Unknown => Err(no_heartbeat()),
        Outcome::Full => Err(Error::forbidden("there are as many provisioned heartbeats as may be")),
        Outcome::Created => Ok(true),
        Outcome::Stored | Outcome::Configured => Ok(false),
    }
}
