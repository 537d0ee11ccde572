//! Who may change something. Reads are open; a write is taken from this host only.
//!
//! Three gates, because each alone can be walked around: a browser on this host can be made to send a request from
//! loopback by any page it shows (so: no foreign `Origin`), with a name that resolves to 127.0.0.1 (so: a loopback
//! `Host`), and without asking first if the body is a form (so: JSON or none).

use std::net::{IpAddr, SocketAddr};

use hyper::Request;
use hyper::body::Body;
use hyper::header::{self, HeaderName};

use super::reply::Error;

/// The largest body taken, in bytes.
const MAX_BODY: u64 = 64 * 1024;

/// Lets a write through, or says why not.
pub fn may_write<B: Body>(peer: SocketAddr, request: &Request<B>) -> Result<(), Error> {
    let text = |name: HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    if !peer.ip().to_canonical().is_loopback() {
        return Err(Error::forbidden(
            "changes are taken from this host only: call it on 127.0.0.1",
        ));
    }
    let host = request
        .uri()
        .authority()
        .map(hyper::http::uri::Authority::as_str)
        .or_else(|| text(header::HOST));
    let Some(host) = host.filter(|host| is_loopback(host)) else {
        return Err(Error::forbidden(
            "changes are taken under a loopback name only: call it on 127.0.0.1 or localhost",
        ));
    };
    if let Some(origin) = text(header::ORIGIN) {
        let same = origin
            .split_once("://")
            .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
        if !same {
            return Err(Error::forbidden("requests from other sites are refused"));
        }
    }
    let site = text(HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(Error::forbidden("requests from other sites are refused"));
    }
    if request.body().is_end_stream() {
        return Ok(());
    }
    if request.body().size_hint().lower() > MAX_BODY {
        return Err(Error::too_large(MAX_BODY));
    }
    let kind = text(header::CONTENT_TYPE)
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default();
    if kind.trim().eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Error::not_json())
    }
}

/// Whether a `Host` is this host, by name or address, with or without a port.
fn is_loopback(host: &str) -> bool {
    let bare = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use http_body_util::{Empty, Full};
    use hyper::body::Bytes;

    use super::*;

    fn status(peer: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method("POST").uri("/-/reload");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        may_write(peer.parse().unwrap(), &request)
            .map_or_else(|error| error.into_response().status().as_u16(), |()| 200)
    }

    #[test]
    fn only_this_host_under_a_loopback_name() {
        for (peer, host, expected) in [
            ("127.0.0.1:5", "localhost:10526", 200),
            ("127.0.0.1:5", "127.0.0.1:10526", 200),
            ("[::1]:5", "[::1]:10526", 200),
            ("[::ffff:127.0.0.1]:5", "LocalHost", 200),
            ("127.0.0.1:5", "evil.example:10526", 403),
            ("127.0.0.1:5", "127.0.0.1.evil.example", 403),
            ("127.0.0.1:5", "192.168.1.2:10526", 403),
            ("192.168.1.9:5", "127.0.0.1:10526", 403),
        ] {
            assert_eq!(status(peer, &[("host", host)]), expected, "{peer} {host}");
        }
        assert_eq!(status("127.0.0.1:5", &[]), 403, "no Host");
    }

    #[test]
    fn no_other_site() {
        for (header, value, expected) in [
            ("origin", "http://localhost:10526", 200),
            ("origin", "http://localhost:9090", 403),
            ("origin", "https://evil.example", 403),
            ("origin", "null", 403),
            ("sec-fetch-site", "cross-site", 403),
            ("sec-fetch-site", "same-origin", 200),
        ] {
            let got = status("127.0.0.1:5", &[("host", "localhost:10526"), (header, value)]);
            assert_eq!(got, expected, "{header}: {value}");
        }
    }

    #[test]
    fn a_body_is_json_and_small() {
        let with = |kind: &str, size: usize| {
            let request = Request::builder()
                .header("host", "localhost")
                .header("content-type", kind);
            let request = request.body(Full::new(Bytes::from(vec![b' '; size]))).unwrap();
            may_write("127.0.0.1:5".parse().unwrap(), &request)
                .map_or_else(|error| error.into_response().status().as_u16(), |()| 200)
        };
        assert_eq!(with("application/json; charset=utf-8", 2), 200);
        assert_eq!(with("application/x-www-form-urlencoded", 2), 415);
        assert_eq!(with("application/json", 64 * 1024 + 1), 413);
    }
}
