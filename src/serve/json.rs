//! Answers in JSON.

use hyper::Response;
use serde::Serialize;

use super::error::Error;
use super::reply::{self, Body};

/// 200 with this as JSON.
pub fn json(body: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(body) {
        Ok(body) => reply::bytes("application/json", body),
        Err(_) => Error::internal().into_response(),
    }
}
