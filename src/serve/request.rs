//! A request as handlers get it.
//!
//! Owns the body and what happens to it: a handler may read it once; what no handler has read is discarded before the
//! answer goes out. A body that was not read to its end, or came in chunks, ends the connection (HTTP/1), so that what
//! follows it is never taken for a request.

use std::net::SocketAddr;

use hyper::body::{Body as _, Incoming};
use hyper::header::{self, AsHeaderName};
use hyper::http::request::Parts;
use hyper::{Method, Response, Version};
use serde::de::DeserializeOwned;

use super::body::{self, MAX_BODY};
use super::error::Error;
use super::guard::Caller;
use super::parameters::Parameters;
use super::percent::percent_decode;
use super::reply::{self, Body};

/// A request on its way through a handler.
pub struct Request {
    head: Parts,
    /// What has not been read yet.
    body: Option<Incoming>,
    /// Whether the connection must end with the answer.
    close: bool,
    peer: SocketAddr,
    caller: Caller,
    parameters: Parameters,
}

impl Request {
    /// A request from this address, not yet let in.
    pub(super) fn new(peer: SocketAddr, request: hyper::Request<Incoming>) -> Self {
        let (head, body) = request.into_parts();
        let body = (!body.is_end_stream()).then_some(body);
        Self {
            close: body.is_some() && head.version != Version::HTTP_2,
            head,
            body,
            peer,
            caller: Caller::default(),
            parameters: Parameters::default(),
        }
    }

    /// Notes who sent it and what its path names.
    pub(super) fn admitted(&mut self, caller: Caller, parameters: Parameters) {
        self.caller = caller;
        self.parameters = parameters;
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The path, as sent.
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The query, as sent; empty if there is none.
    pub fn query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    /// A header, unless it is missing or holds bytes that are not visible ASCII.
    pub fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The token in `Authorization: Bearer` (RFC 6750).
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header(header::AUTHORIZATION)?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    /// The address it came from.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Who sent it.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The number in place of the path's `{id}`.
    ///
    /// # Errors
    /// 404 if the route has no such parameter.
    pub fn id(&self) -> Result<u64, Error> {
        let id = self.parameters.get("id").and_then(|id| id.parse().ok());
        id.ok_or_else(Error::not_found)
    }

    /// The text in place of a parameter of the path, percent-decoded.
    ///
    /// # Errors
    /// 404 if it is empty or not UTF-8.
    pub fn parameter(&self, name: &str) -> Result<String, Error> {
        let text = self.parameters.get(name).and_then(percent_decode);
        text.filter(|text| !text.is_empty()).ok_or_else(Error::not_found)
    }

    /// The body.
    ///
    /// # Errors
    /// 413 for more than [`MAX_BODY`] bytes; 400 for a body that breaks off or takes too long.
    pub async fn body(&mut self) -> Result<Vec<u8>, Error> {
        self.body_end(MAX_BODY).await
    }

    /// The last `keep` bytes of the body.
    ///
    /// # Errors
    /// As [`Request::body`].
    pub async fn body_end(&mut self, keep: usize) -> Result<Vec<u8>, Error> {
        let Some(body) = &mut self.body else {
            return Ok(Vec::new());
        };
        let read = body::read(body, keep).await?;
        self.body = None;
        self.close &= self.head.headers.contains_key(header::TRANSFER_ENCODING);
        Ok(read)
    }

    /// The body as JSON; none if there is no body.
    ///
    /// # Errors
    /// As [`Request::body`], and 400 for what is not the JSON that is expected.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        let bytes = self.body().await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Error::bad_request(format!("the body is not as it must be: {error}")))
    }

    /// Ends the request: completes the answer and discards what is left of the body.
    pub(super) async fn finish(mut self, answer: &mut Response<Body>) {
        reply::seal(answer, self.close);
        // A client that waits for "100 Continue" does not send its body until a handler reads it.
        if let Some(body) = self
            .body
            .as_mut()
            .filter(|_| !self.head.headers.contains_key(header::EXPECT))
        {
            body::discard(body).await;
        }
    }
}
