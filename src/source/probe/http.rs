//! HTTP: does the server answer as expected (RFC 9110, RFC 9112), and where does the time go?
//!
//! 1. One connection a request, none kept: a kept one would measure another day's handshake.
//! 2. Redirects are followed up to a limit; credentials and the user's headers stay with the origin they were meant
//!    for.
//! 3. Of the body only so much is read as allowed, and only kept where it is looked at.
//! 4. The facts are those of the last answer; phases of all requests add up.

use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::attempt::{Attempt, Fault, fault};
use crate::model::{Failure, HttpAuth, HttpExpect, HttpFacts, HttpProbe, Phase, SecretSource, Timestamp, Url};
use crate::net::{basic, bearer, classify, handshake};
use crate::secret;

/// The largest head of an answer, in bytes.
const MAX_HEAD: usize = 128 * 1024;

/// Checks once.
pub(super) async fn run(settings: &HttpProbe, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
    let mut url = settings.url.clone();
    let Ok(mut method) = settings.method.parse::<Method>() else {
        return fault(Failure::Protocol, format!("{:?} is no method", settings.method));
    };
    let mut body = settings.body.clone();
    let mut redirects = 0;
    loop {
        let request = request(settings, &url, &method, body.as_deref()).await?;
        let (response, guard) = exchange(settings, &url, request, attempt).await?;
        let facts = facts(&response, url.tls, redirects);
        attempt.reading.facts_mut().http = Some(facts);
        let status = response.status().as_u16();
        let location = response.headers().get(header::LOCATION);
        if let (301 | 302 | 303 | 307 | 308, Some(location), true) = (status, location, settings.redirects > 0) {
            let next = url.join(location.to_str().unwrap_or_default());
            drop(guard);
            redirects += 1;
            if redirects > settings.redirects {
                return fault(Failure::Status, format!("more than {} redirects", settings.redirects));
            }
            url = match next {
                Ok(next) => next,
                Err(error) => return fault(Failure::Protocol, format!("a redirect to nowhere: {error}")),
            };
            // RFC 9110 section 15.4: 303 always becomes GET, 301 and 302 of a POST do in practice.
            if (status == 303 && method != Method::HEAD) || (status < 303 && method == Method::POST) {
                method = Method::GET;
                body = None;
            }
            continue;
        }
        attempt.enter(Phase::Transfer);
        let keep = settings.expect.body.is_some() || settings.expect.body_not.is_some();
        let read = read(response, settings.max_body, keep, attempt).await;
        drop(guard);
        return judge(&settings.expect, status, &read?);
    }
}

/// What the last answer says of itself.
fn facts(response: &Response<Incoming>, tls: bool, redirects: u32) -> HttpFacts {
    let text = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    HttpFacts {
        status: response.status().as_u16(),
        version: if response.version() == Version::HTTP_10 {
            1.0
        } else {
            1.1
        },
        tls,
        redirects,
        content_length: text(header::CONTENT_LENGTH).and_then(|text| text.parse().ok()),
        body_bytes: 0,
        last_modified: text(header::LAST_MODIFIED).and_then(http_date),
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    u64::try_from(at.as_second()).ok().map(Timestamp::from_secs)
}

/// Whether this is what was expected.
fn judge(expect: &HttpExpect, status: u16, body: &[u8]) -> Result<(), Fault> {
    let good = match &expect.status[..] {
        [] => (200..300).contains(&status),
        ranges => ranges.iter().any(|(from, to)| (*from..=*to).contains(&status)),
    };
    if !good {
        return fault(Failure::Status, format!("the status is {status}"));
    }
    if let Some(pattern) = expect.body.as_ref().filter(|pattern| !pattern.matches(body)) {
        return fault(Failure::Body, format!("the body does not match {:?}", pattern.as_str()));
    }
    if let Some(pattern) = expect.body_not.as_ref().filter(|pattern| pattern.matches(body)) {
        return fault(Failure::Body, format!("the body matches {:?}", pattern.as_str()));
    }
    Ok(())
}

async fn request(
    settings: &HttpProbe,
    url: &Url,
    method: &Method,
    body: Option<&str>,
) -> Result<Request<Full<Bytes>>, Fault> {
    // Through a plain proxy the whole URL is asked for (RFC 9112 section 3.2.2).
    let target = if settings.proxy.is_some() && !url.tls {
        url.to_string()
    } else {
        url.path.clone()
    };
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header(header::HOST, url.authority())
        .header(
            header::USER_AGENT,
            concat!("lanpulse/", env!("CARGO_PKG_VERSION"), " (probe)"),
        )
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Full::new(Bytes::from(body.unwrap_or_default().to_owned())))
        .map_err(|error| (Failure::Protocol, error.to_string().into()))?;
    // 2.
    if !url.same_origin(&settings.url) {
        return Ok(request);
    }
    for (name, value) in &settings.headers {
        match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            (Ok(name), Ok(value)) => drop(request.headers_mut().insert(name, value)),
            _ => return fault(Failure::Protocol, format!("{name:?} cannot be sent as a header")),
        }
    }
    let secret = |source: SecretSource| async move {
        let read = secret::read_text_async(&source).await;
        read.map_err(|error| (Failure::Denied, Arc::from(error.to_string())))
    };
    let authorization = match &settings.auth {
        None => return Ok(request),
        Some(HttpAuth::Bearer(source)) => bearer(&secret(source.clone()).await?),
        Some(HttpAuth::Basic(user, source)) => basic(user, &secret(source.clone()).await?),
    };
    match authorization {
        Ok(value) => {
            request.headers_mut().insert(header::AUTHORIZATION, value);
            Ok(request)
        }
        Err(_) => fault(Failure::Denied, "the secret cannot stand in a header"),
    }
}

/// Ends the connection's task when the answer has been read, or the time is up.
struct Guard(tokio::task::JoinHandle<()>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One request over a connection of its own.
async fn exchange(
    settings: &HttpProbe,
    url: &Url,
    request: Request<Full<Bytes>>,
    attempt: &mut Attempt<'_>,
) -> Result<(Response<Incoming>, Guard), Fault> {
    let first = settings.proxy.as_ref().unwrap_or(url);
    let mut stream = attempt.connect(&first.address, first.port).await?;
    if url.tls && settings.proxy.is_some() {
        tunnel(&mut stream, url).await?;
    }
    if !url.tls {
        return send(stream, request, attempt).await;
    }
    attempt.enter(Phase::Tls);
    let (outcome, facts) = handshake(&settings.tls, &url.host, stream).await;
    attempt.reading.facts_mut().tls = facts;
    match outcome {
        Ok(stream) => send(stream, request, attempt).await,
        Err(error) => fault(error.failure(), error.to_string()),
    }
}

/// Asks a proxy for a tunnel (RFC 9110 section 9.3.6).
async fn tunnel(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), url: &Url) -> Result<(), Fault> {
    let broken = |error: std::io::Error| (classify(&error), format!("the proxy: {error}").into());
    let to = format!("{}:{}", url.host, url.port);
    let ask = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.map_err(broken)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // Byte by byte: what follows the head belongs to the TLS handshake.
        head.push(stream.read_u8().await.map_err(broken)?);
        if head.len() > 16 * 1024 {
            return fault(Failure::Protocol, "the proxy's answer has no end");
        }
    }
    let line = String::from_utf8_lossy(&head);
    let line = line.lines().next().unwrap_or_default();
    let status = line.split(' ').nth(1).unwrap_or_default();
    if line.starts_with("HTTP/1.") && status.len() == 3 && status.starts_with('2') {
        return Ok(());
    }
    let line: String = line.chars().filter(|c| !c.is_control()).take(80).collect();
    fault(Failure::Status, format!("the proxy refuses: {line:?}"))
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    attempt: &mut Attempt<'_>,
) -> Result<(Response<Incoming>, Guard), Fault> {
    attempt.enter(Phase::Processing);
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let guard = Guard(tokio::spawn(async move {
        let _ = connection.await;
    }));
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    Ok((response, guard))
}

/// What hyper says, as a reason.
fn broken(error: &hyper::Error) -> Fault {
    let mut text = error.to_string();
    let mut failure = Failure::Protocol;
    let mut source = std::error::Error::source(error);
    if error.is_parse_too_large() {
        failure = Failure::TooLarge;
    }
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            failure = classify(io);
        }
        source = inner.source();
    }
    (failure, text.into())
}

/// Rule 3.
async fn read(
    response: Response<Incoming>,
    limit: u64,
    keep: bool,
    attempt: &mut Attempt<'_>,
) -> Result<Vec<u8>, Fault> {
    let mut kept = Vec::new();
    let mut body = response.into_body();
    let too_large = || fault(Failure::TooLarge, format!("the body is larger than {limit} bytes"));
    if body.size_hint().lower() > limit {
        return too_large();
    }
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        let facts = attempt.reading.facts_mut().http.get_or_insert_default();
        facts.body_bytes += data.len() as u64;
        if facts.body_bytes > limit {
            return too_large();
        }
        if keep {
            kept.extend_from_slice(data);
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pattern;

    fn verdict(expect: &HttpExpect, status: u16, body: &str) -> Option<Failure> {
        judge(expect, status, body.as_bytes()).err().map(|(failure, _)| failure)
    }

    #[test]
    fn statuses_and_bodies_are_judged() {
        let mut expect = HttpExpect::default();
        assert_eq!(verdict(&expect, 204, ""), None);
        assert_eq!(verdict(&expect, 302, ""), Some(Failure::Status));
        expect.status = vec![(200, 200), (300, 399)];
        assert_eq!(verdict(&expect, 302, ""), None);
        assert_eq!(verdict(&expect, 204, ""), Some(Failure::Status));
        expect.body = Some(Pattern::new("log.?in").unwrap());
        assert_eq!(verdict(&expect, 200, "please log in"), None);
        assert_eq!(verdict(&expect, 200, "go away"), Some(Failure::Body));
        expect.body_not = Some(Pattern::new("(?i)error").unwrap());
        assert_eq!(verdict(&expect, 200, "login Error"), Some(Failure::Body));
    }

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(
            http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Timestamp::from_secs(784_111_777))
        );
        assert_eq!(http_date("yesterday"), None);
    }

    #[tokio::test]
    async fn credentials_stay_with_their_origin() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        std::fs::write(&file, "s3cret\n").unwrap();
        let mut settings = HttpProbe::get(Url::parse("https://nas.lan/").unwrap());
        settings.auth = Some(HttpAuth::Basic("me".into(), SecretSource::File(file)));
        settings.headers = vec![("x-key".to_owned(), "k".to_owned())];
        for (url, sent) in [
            ("https://nas.lan/other", true),
            ("http://nas.lan/", false),
            ("https://evil.example/", false),
        ] {
            let url = Url::parse(url).unwrap();
            let request = request(&settings, &url, &Method::GET, None).await.unwrap();
            assert_eq!(request.headers().contains_key("authorization"), sent, "{url}");
            assert_eq!(request.headers().contains_key("x-key"), sent, "{url}");
            assert!(!format!("{request:?}").contains("czNjcmV0"), "not printed");
        }
        let request = request(&settings, &settings.url, &Method::GET, None).await.unwrap();
        assert_eq!(request.headers()["authorization"], "Basic bWU6czNjcmV0");
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
