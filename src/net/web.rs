//! A small HTTP/1.1 client (RFC 9112), over `tls` for https: one request and one answer on one connection.
//!
//! It sends lanpulse's own reports to a heartbeat service, and the requests of commands. URLs can hold secrets, so an error
//! repeats no more of a URL than its host and port.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{TlsError, handshake};
use crate::model::{Secret, TlsSettings};

/// The largest answer that is read unless the caller says otherwise, in bytes.
const MAX_ANSWER: usize = 16 << 20;

/// A request.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// `http://` or `https://`.
    pub url: String,
    /// `Authorization`, from [`bearer`] or [`basic`].
    pub authorization: Option<HeaderValue>,
    /// How to make the TLS connection of https.
    pub tls: TlsSettings,
    /// The body; an empty one is sent without its type.
    pub body: Vec<u8>,
    /// The media type of the body.
    pub body_type: &'static str,
    /// How long everything may take.
    pub timeout: Duration,
    /// The largest answer that is read, in bytes.
    pub max_answer: usize,
}

impl Call {
    /// A request without a body and without credentials.
    pub fn new(method: Method, url: impl Into<String>, timeout: Duration) -> Self {
        Self {
            method,
            url: url.into(),
            authorization: None,
            tls: TlsSettings::default(),
            body: Vec::new(),
            body_type: "text/plain; charset=utf-8",
            timeout,
            max_answer: MAX_ANSWER,
        }
    }
}

/// A token as the value of `Authorization` (RFC 6750), which is not printed.
///
/// # Errors
/// The token cannot stand in a header.
pub fn bearer(token: &Secret) -> Result<HeaderValue, WebError> {
    sensitive(&[b"Bearer ", token.expose()].concat())
}

/// User and password as the value of `Authorization` (RFC 7617), which is not printed.
///
/// # Errors
/// The user's name has a colon.
pub fn basic(user: &str, password: &Secret) -> Result<HeaderValue, WebError> {
    if user.contains(':') {
        return Err(WebError::Secret);
    }
    let pair = [user.as_bytes(), b":", password.expose()].concat();
    sensitive(format!("Basic {}", BASE64_STANDARD.encode(pair)).as_bytes())
}

/// A header's value that is not printed.
fn sensitive(bytes: &[u8]) -> Result<HeaderValue, WebError> {
    let mut value = HeaderValue::from_bytes(bytes).map_err(|_| WebError::Secret)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// After what time to try again, if the answer says so in seconds.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The URL is neither http nor https.
    #[error("this is no URL to ask: write http://HOST/... or https://HOST/...")]
    Url,
    /// A token or user name that cannot stand in a header.
    #[error("this token or user name cannot stand in a header")]
    Secret,
    /// No answer in time.
    #[error("{0} did not answer within {1:?}")]
    Timeout(String, Duration),
    /// The connection could not be made.
    #[error("cannot connect to {0}: {1}")]
    Connect(String, std::io::Error),
    /// The TLS connection could not be made.
    #[error("no TLS with {0}: {1}")]
    Tls(String, TlsError),
    /// The answer is no HTTP, or broke off.
    #[error("{0} did not answer: {1}")]
    Http(String, String),
}

/// Sends a request and reads the answer. Redirects are not followed, because they would send the secret elsewhere.
///
/// # Errors
/// See [`WebError`]. An answer is no error, whatever its status.
pub async fn call(call: &Call) -> Result<Answer, WebError> {
    let uri: Uri = call.url.trim().parse().map_err(|_| WebError::Url)?;
    let authority = uri.authority().ok_or(WebError::Url)?.as_str();
    // Before an @ there is a password, which no error may repeat.
    let host = authority.rsplit('@').next().unwrap_or(authority);
    match tokio::time::timeout(call.timeout, exchange(call, &uri, host)).await {
        Ok(answer) => answer,
        Err(_) => Err(WebError::Timeout(host.to_owned(), call.timeout)),
    }
}

/// Connects and sends. `host` may have a port.
async fn exchange(call: &Call, uri: &Uri, host: &str) -> Result<Answer, WebError> {
    let (tls, usual) = match uri.scheme_str() {
        Some("http") => (false, 80),
        Some("https") => (true, 443),
        _ => return Err(WebError::Url),
    };
    let failed = |error| WebError::Connect(host.to_owned(), error);
    let bare = uri.host().unwrap_or(host);
    let bare = bare.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((bare, uri.port_u16().unwrap_or(usual)))
        .await
        .map_err(failed)?;
    if !tls {
        return send(stream, call, uri, host).await;
    }
    let (stream, _) = handshake(&call.tls, bare, stream).await;
    let stream = stream.map_err(|error| WebError::Tls(host.to_owned(), error))?;
    send(stream, call, uri, host).await
}

/// Sends the request over a connection.
async fn send<S>(stream: S, call: &Call, uri: &Uri, host: &str) -> Result<Answer, WebError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: &dyn std::fmt::Display| WebError::Http(host.to_owned(), error.to_string());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(path)
        .header(HOST, host)
        .header(USER_AGENT, concat!("lanpulse/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close");
    if let Some(authorization) = &call.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    if !call.body.is_empty() {
        request = request.header(CONTENT_TYPE, call.body_type);
    }
    let request = request
        .body(Full::new(Bytes::from(call.body.clone())))
        .map_err(|_| WebError::Url)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed(&error))?;
    let driver = tokio::spawn(connection);
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let body = Limited::new(response.into_body(), call.max_answer).collect().await;
        Ok(Answer {
            status,
            retry_after,
            body: body.map_err(|error| failed(&error))?.to_bytes(),
        })
    };
    let answer = answer.await;
    driver.abort();
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn secrets_in_urls_stay_out_of_errors() {
        for url in [
            "ftp://host/secret",
            "/ping/secret",
            "http:///secret",
            "nonsense secret",
            "http://127.0.0.1:1/secret",
            "http://secret@127.0.0.1:1/",
        ] {
            let get = Call::new(Method::GET, url, Duration::from_secs(5));
            let error = call(&get).await.unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn credentials_are_not_printed() {
        assert_eq!(basic("me", &"s3cret".into()).unwrap(), "Basic bWU6czNjcmV0");
        let mut get = Call::new(Method::GET, "http://nas.lan/", Duration::from_secs(5));
        get.authorization = Some(bearer(&"s3cret".into()).unwrap());
        assert!(!format!("{get:?}").contains("s3cret"));
        assert!(bearer(&"a\nb".into()).is_err() && basic("a:b", &"c".into()).is_err());
    }
}
