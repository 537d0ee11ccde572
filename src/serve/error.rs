//! What goes wrong, as an answer. Every error has the same shape: `{"error": {"code": ..., "message": ...}}`.

use std::time::Duration;

use hyper::header::{self, HeaderValue};
use hyper::{Method, Response, StatusCode};

use super::reply::{self, Body};

/// The kinds of errors there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    BadRequest,
    InvalidConfiguration,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    TooLarge,
    UnsupportedMediaType,
    TooManyRequests,
    Internal,
    Unavailable,
}

impl Kind {
    const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::InvalidConfiguration => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The `code` of the JSON.
    const fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::InvalidConfiguration => "invalid_configuration",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::TooManyRequests => "too_many_requests",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }
}

/// An error that is sent as the answer to a request.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: Kind,
    message: String,
    /// All problems of a configuration.
    problems: Vec<String>,
    /// `Allow`.
    allow: Option<String>,
    /// `WWW-Authenticate`: whether a user may log in, and whether a token will do.
    challenge: (bool, bool),
    /// `Retry-After`.
    retry_after: Option<Duration>,
}

impl Error {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            problems: Vec::new(),
            allow: None,
            challenge: (false, false),
            retry_after: None,
        }
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Kind::BadRequest, message)
    }

    /// 400 with every problem of a configuration.
    pub fn invalid_configuration(message: impl Into<String>, problems: &[String]) -> Self {
        Self {
            problems: problems.to_vec(),
            ..Self::new(Kind::InvalidConfiguration, message)
        }
    }

    /// 401; says whether there are users and whether there are tokens to log in with.
    pub fn unauthorized(users: bool, tokens: bool) -> Self {
        let message = match (users, tokens) {
            (true, true) => "log in with a user of the web configuration or a token of api.tokens",
            (true, false) => "log in with a user of the web configuration",
            _ => "send a token of api.tokens: Authorization: Bearer ...",
        };
        Self {
            challenge: (users, tokens),
            ..Self::new(Kind::Unauthorized, message)
        }
    }

    /// 403.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, message)
    }

    /// 404 for a path without a route. The answer does not repeat the path, since a mistyped one may hold a token.
    pub fn not_found() -> Self {
        Self::missing("there is nothing at this path; see / for what there is")
    }

    /// 404 for a thing that does not exist.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// 405.
    pub fn method<'a>(allowed: impl IntoIterator<Item = &'a Method>) -> Self {
        let allow = allowed.into_iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let message = format!("this path takes {allow}");
        Self {
            allow: Some(allow),
            ..Self::new(Kind::MethodNotAllowed, message)
        }
    }

    /// 409.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    /// 413; the limit is in bytes.
    pub fn too_large(limit: usize) -> Self {
        Self::new(Kind::TooLarge, format!("a body may have {limit} bytes at most"))
    }

    /// 415.
    pub fn not_json() -> Self {
        let message = "a body must be application/json; send none, or set the Content-Type";
        Self::new(Kind::UnsupportedMediaType, message)
    }

    /// 429; the client may try again after this time.
    pub fn too_many(message: impl Into<String>, retry_after: Duration) -> Self {
        Self::new(Kind::TooManyRequests, message).retry_after(retry_after)
    }

    /// 500, for a mistake of our own.
    pub fn internal() -> Self {
        Self::new(Kind::Internal, "something went wrong; the log has more")
    }

    /// 503.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    /// Tells the client when to try again, in whole seconds, at least one.
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..self
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// The answer.
    pub fn into_response(self) -> Response<Body> {
        let mut error = serde_json::json!({ "code": self.kind.code(), "message": self.message });
        if !self.problems.is_empty() {
            error["problems"] = self.problems.into();
        }
        let body = serde_json::json!({ "error": error }).to_string();
        let mut response = reply::bytes("application/json", body);
        *response.status_mut() = self.kind.status();
        let headers = response.headers_mut();
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        let (basic, bearer) = self.challenge;
        let schemes = [
            (basic, "Basic realm=\"lanpulse\""),
            (bearer, "Bearer realm=\"lanpulse\""),
        ];
        for (_, scheme) in schemes.into_iter().filter(|(offered, _)| *offered) {
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs_f64().ceil().max(1.0) as u64;
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};

    use super::*;

    async fn body(error: Error) -> Value {
        let bytes = error.into_response().into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn every_error_has_the_same_shape() {
        let message = "there is nothing at this path; see / for what there is";
        let expected = json!({"error": {"code": "not_found", "message": message}});
        assert_eq!(body(Error::not_found()).await, expected);
        let problems = ["a".to_owned(), "b".to_owned()];
        let expected = json!({"error": {"code": "invalid_configuration", "message": "bad", "problems": ["a", "b"]}});
        assert_eq!(body(Error::invalid_configuration("bad", &problems)).await, expected);
    }

    #[test]
    fn headers_tell_the_client_what_to_do() {
        let header = |error: Error, name: header::HeaderName| -> Vec<String> {
            let response = error.into_response();
            let values = response.headers().get_all(name).iter();
            values.map(|value| value.to_str().unwrap().to_owned()).collect()
        };
        let both = header(Error::unauthorized(true, true), header::WWW_AUTHENTICATE);
        assert_eq!(both, ["Basic realm=\"lanpulse\"", "Bearer realm=\"lanpulse\""]);
        let methods = [Method::GET, Method::HEAD];
        assert_eq!(header(Error::method(&methods), header::ALLOW), ["GET, HEAD"]);
        for (millis, seconds) in [(0, "1"), (900, "1"), (1000, "1"), (1001, "2")] {
            let error = Error::too_many("slow down", Duration::from_millis(millis));
            assert_eq!(error.status(), StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(header(error, header::RETRY_AFTER), [seconds], "{millis}");
        }
    }
}
