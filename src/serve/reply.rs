//! Answers: the type of their body, and the usual ways to make one.

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};

/// The body of every answer.
pub type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// 200 with a body of this type.
pub fn bytes(content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).boxed_unsync());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// 200 with plain text.
pub fn text(body: &'static str) -> Response<Body> {
    bytes("text/plain; charset=utf-8", body)
}

/// Adds the headers that every answer has; with `close`, the connection ends after it.
pub fn seal(response: &mut Response<Body>, close: bool) {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if close {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}
