//! How answers are made: bodies, headers that all of them carry, and errors in one shape.

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use serde::Serialize;

/// What every answer's body is.
pub type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// An answer that says what went wrong: `{"error": {"code": ..., "message": ...}}`.
#[derive(Debug)]
pub struct Error {
    status: StatusCode,
    code: &'static str,
    message: String,
    problems: Vec<String>,
    allow: Option<String>,
    /// `WWW-Authenticate`: whether basic, and whether bearer.
    challenge: (bool, bool),
    /// `Retry-After`, in seconds.
    retry_after: Option<u32>,
}

impl Error {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            problems: Vec::new(),
            allow: None,
            challenge: (false, false),
            retry_after: None,
        }
    }

    /// 401, with the ways there are.
    pub fn unauthorized(users: bool, tokens: bool) -> Self {
        let message = match (users, tokens) {
            (true, true) => "log in with a user of the web configuration or a token of api.tokens",
            (true, false) => "log in with a user of the web configuration",
            _ => "send a token of api.tokens: Authorization: Bearer ...",
        };
        Self {
            challenge: (users, tokens),
            ..Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
        }
    }

    /// 429.
    pub fn limited(message: impl Into<String>, retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message)
        }
    }

    /// 404. The path is not repeated: a mistyped one may hold a token.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is nothing at this path; see / for what there is",
        )
    }

    /// 405.
    pub fn method(allowed: &[Method]) -> Self {
        let allow = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let message = format!("this path takes {allow}");
        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
        }
    }

    /// 503.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    /// 500, for what cannot happen.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong; the log has more",
        )
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// 404, for a heartbeat that is unknown and for a wrong token alike.
    pub fn no_heartbeat() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is no such heartbeat, or the token is not its token",
        )
    }

    /// 429.
    pub fn too_many() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "too many requests: wait as Retry-After says",
        )
    }

    /// The status it will have.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// 403.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 409.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// 413.
    pub fn too_large(limit: u64) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("a body may have {limit} bytes at most"),
        )
    }

    /// 415.
    pub fn not_json() -> Self {
        let message = "a body must be application/json; send none, or set the Content-Type";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    }

    /// 400 with every problem of the configuration.
    pub fn configuration(problems: &[String]) -> Self {
        let message = format!(
            "the configuration has {} problem{} and was not loaded; the running one stays:\n{}",
            problems.len(),
            if problems.len() == 1 { "" } else { "s" },
            problems.join("\n")
        );
        let error = Self::new(StatusCode::BAD_REQUEST, "invalid_configuration", message);
        Self {
            problems: problems.to_vec(),
            ..error
        }
    }

    /// The answer.
    pub fn into_response(self) -> Response<Body> {
        let mut error = serde_json::json!({ "code": self.code, "message": self.message });
        if !self.problems.is_empty() {
            error["problems"] = self.problems.into();
        }
        let mut response = json(&serde_json::json!({ "error": error }));
        *response.status_mut() = self.status;
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        let (basic, bearer) = self.challenge;
        let schemes = [
            (basic, "Basic realm=\"lanpulse\""),
            (bearer, "Bearer realm=\"lanpulse\""),
        ];
        for (_, scheme) in schemes.into_iter().filter(|(given, _)| *given) {
            let challenge = HeaderValue::from_static(scheme);
            response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

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

/// 200 with JSON.
pub fn json(body: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(body) {
        Ok(body) => bytes("application/json", body),
        Err(_) => Error::internal().into_response(),
    }
}

/// What all answers have in common.
pub fn finish<B>(request: &Request<B>, response: Response<Body>) -> Response<Body>
where
    B: hyper::body::Body,
{
    // An unread body must not be taken for the next request: close after a request that has one, or may have.
    seal(
        response,
        !request.body().is_end_stream() && request.version() == Version::HTTP_11,
    )
}

/// The same where it is known whether the connection must end.
pub fn seal(mut response: Response<Body>, close: bool) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if close {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Takes in what is left of a request's body, within limits: a client that is still sending would otherwise get a reset
/// connection in place of the answer.
pub async fn drain(mut request: Request<hyper::body::Incoming>) {
    use http_body_util::BodyExt as _;
    // A client that asked first will not send what it was not told to.
    if hyper::body::Body::is_end_stream(request.body()) || request.headers().contains_key(header::EXPECT) {
        return;
    }
    let taking = async {
        let mut left: usize = 1 << 20;
        while let Some(Ok(frame)) = request.body_mut().frame().await {
            let size = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(size) {
                Some(less) => left = less,
                None => return,
            }
        }
    };
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), taking).await;
}

/// RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(at: crate::model::Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.micros().cast_signed())
        .map_or_else(|_| "unknown".to_owned(), |at| format!("{at:.3}"))
}
