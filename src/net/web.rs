//! A small HTTP/1.1 client (RFC 9112), over `tls` for https: one request, one answer, one connection.
//!
//! For lanpulse's own reports to a heartbeat service. URLs hold secrets: no error repeats more of one than its host.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{TlsError, TlsSettings, handshake};

/// The largest answer read, in bytes.
const MAX_ANSWER: usize = 16 << 20;

/// A request.
#[derive(Clone, Debug)]
pub struct Call {
    /// GET or POST.
    pub method: Method,
    /// `http://` or `https://`.
    pub url: String,
    /// The token for `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// Sent as `text/plain`.
    pub body: Vec<u8>,
    /// How long all of it may take.
    pub patience: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// When to try again, if it says so in seconds.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// No URL of ours.
    #[error("this is no URL to report to: write http://HOST/... or https://HOST/...")]
    Url,
    /// Not in time.
    #[error("{0} did not answer within {1:?}")]
    Timeout(String, Duration),
    /// The connection could not be made.
    #[error("cannot connect to {0}: {1}")]
    Connect(String, std::io::Error),
    /// It is not who it should be, or does not speak TLS.
    #[error("no TLS with {0}: {1}")]
    Tls(String, TlsError),
    /// What was said is no HTTP, or broke off.
    #[error("{0} did not answer: {1}")]
    Http(String, String),
}

/// Sends a request and reads the answer. Redirects are not followed: they would carry the secret elsewhere.
///
/// # Errors
/// See [`WebError`]. An answer with any status is none.
pub async fn call(call: &Call) -> Result<Answer, WebError> {
    let uri: Uri = call.url.trim().parse().map_err(|_| WebError::Url)?;
    let host = uri.host().ok_or(WebError::Url)?.to_owned();
    match tokio::time::timeout(call.patience, exchange(call, &uri, &host)).await {
        Ok(answer) => answer,
        Err(_) => Err(WebError::Timeout(host, call.patience)),
    }
}

async fn exchange(call: &Call, uri: &Uri, host: &str) -> Result<Answer, WebError> {
    let (tls, usual) = match uri.scheme_str() {
        Some("http") => (false, 80),
        Some("https") => (true, 443),
        _ => return Err(WebError::Url),
    };
    let failed = |error| WebError::Connect(host.to_owned(), error);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((bare, uri.port_u16().unwrap_or(usual)))
        .await
        .map_err(failed)?;
    if !tls {
        return speak(stream, call, uri, host).await;
    }
    let (stream, _) = handshake(&TlsSettings::default(), bare, stream).await;
    let stream = stream.map_err(|error| WebError::Tls(host.to_owned(), error))?;
    speak(stream, call, uri, host).await
}

async fn speak<S>(stream: S, call: &Call, uri: &Uri, host: &str) -> Result<Answer, WebError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: &dyn std::fmt::Display| WebError::Http(host.to_owned(), error.to_string());
    let authority = uri.authority().ok_or(WebError::Url)?.as_str();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(path)
        // What stands before an @ is a password, and no part of the name.
        .header(HOST, authority.rsplit('@').next().unwrap_or(authority))
        .header(USER_AGENT, concat!("lanpulse/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close");
    if let Some(token) = &call.bearer {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    if !call.body.is_empty() {
        request = request.header(CONTENT_TYPE, "text/plain; charset=utf-8");
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
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
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

    fn call_to(url: &str) -> Call {
        Call {
            method: Method::GET,
            url: url.to_owned(),
            bearer: None,
            body: vec![],
            patience: Duration::from_secs(5),
        }
    }

    #[tokio::test]
    async fn secrets_in_urls_stay_out_of_errors() {
        for url in [
            "ftp://host/secret",
            "/ping/secret",
            "http:///secret",
            "nonsense secret",
            "http://127.0.0.1:1/secret",
        ] {
            let error = call(&call_to(url)).await.unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
