//! The body of a request as JSON.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::reply::Error;

/// The largest body, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A JSON body, where there is one.
pub async fn body<T: DeserializeOwned>(request: &mut hyper::Request<Incoming>) -> Result<Option<T>, Error> {
    let limited = Limited::new(request.body_mut(), MAX_BODY);
    let bytes = tokio::time::timeout(PATIENCE, limited.collect())
        .await
        .map_err(|_| Error::bad_request("the body took too long"))?
        .map_err(|error| {
            if error.is::<LengthLimitError>() {
                Error::too_large(MAX_BODY as u64)
            } else {
                Error::bad_request("the body broke off")
            }
        })?
        .to_bytes();
    if bytes.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Error::bad_request(format!("the body is not as it must be: {error}")))
}
