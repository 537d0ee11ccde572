//! Who may do what: one table of paths, and the gates each request passes.
//!
//! Owns the rules of docs/security.md. Gets a request, the web configuration and the API tokens; gives the caller's name,
//! or the refusal.
//!
//! 1. Some paths are for anyone, and some check a token of their own. All others are read with GET and HEAD, and
//!    written with every other method, so that a new route is right by default.
//! 2. Reading is open until there are users; then it takes one of them, or a token with scope `read`.
//! 3. Writing takes a user or a token with scope `write`. Where there is neither, it is taken from this host only: from
//!    a loopback address (nobody else), under a loopback `Host` (a name that resolves to 127.0.0.1 is not enough).
//! 4. A browser on an allowed host can be made to send a request by any page it shows. So no write is taken with a
//!    foreign `Origin`, nor with a body that is not JSON, which is what a form can send without asking.
//! 5. Wrong credentials cost the address that sends them (`failures`). Those that were right before are let in.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Body;
use hyper::header::{self, HeaderName};
use hyper::{Method, Request};

use super::Desk;
use super::failures::Place;
use super::reply::Error;
use super::tokens::{self, Found, Scope};
use super::web::{Live, Password, Verdict};

/// The largest body taken, in bytes.
pub const MAX_BODY: u64 = 64 * 1024;

/// Who may use a path with a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Anyone, never authenticated, never limited: what watches lanpulse itself.
    Anyone,
    /// Whoever has the path's own token; the route checks it.
    Token,
    /// Whoever may read.
    Read,
    /// Whoever may write.
    Write,
}

/// What is not as rule 1 says: a path, or a prefix where it ends in `/` (other than a whole path of the table), the
/// methods it is about (none means all), and the class.
const TABLE: [(&str, &[Method], Class); 5] = [
    ("/-/healthy", &[Method::GET, Method::HEAD], Class::Anyone),
    ("/-/ready", &[Method::GET, Method::HEAD], Class::Anyone),
    ("/ping/", &[], Class::Token),
    ("/api/v1/heartbeats/", &[Method::POST], Class::Token),
    ("/api/v1/audit", &[], Class::Write),
];

/// Which rule a request falls under.
pub fn class(method: &Method, path: &str) -> Class {
    let row = TABLE.iter().find(|(row, methods, _)| {
        let named = if row.ends_with('/') {
            path.starts_with(row)
        } else {
            path == *row
        };
        named && (methods.is_empty() || methods.contains(method))
    });
    match row {
        Some((_, _, class)) => *class,
        None if method == Method::GET || method == Method::HEAD => Class::Read,
        None => Class::Write,
    }
}

/// Who a request comes from, as the audit shows it: `user:alice`, `token:ops`, `loopback`, or nothing for who was not
/// asked. It travels in the request's extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller(pub String);

/// Lets a request through, or says why not.
pub async fn admit<B: Body>(desk: &Desk, live: &Live, peer: SocketAddr, request: &Request<B>) -> Result<Caller, Error> {
    let class = class(request.method(), request.uri().path());
    if class != Class::Anyone && !desk.web.admits(live) {
        return Err(Error::limited(
            "too many requests: rate_limit of the web configuration",
            1,
        ));
    }
    let tokens = desk.api.borrow().clone();
    match class {
        Class::Anyone | Class::Token => Ok(Caller::default()),
        Class::Read if live.users.is_empty() => Ok(Caller::default()),
        Class::Read => authenticate(desk, live, &tokens, peer, request, Scope::Read).await,
        Class::Write => {
            same_site(request)?;
            let caller = if live.users.is_empty() && tokens.tokens.is_empty() {
                from_here(peer, request)?;
                Caller("loopback".to_owned())
            } else {
                authenticate(desk, live, &tokens, peer, request, Scope::Write).await?
            };
            json(request)?;
            Ok(caller)
        }
    }
}

/// For routes that change something: whether the request has passed [`admit`] as a write. One that has not, because the
/// table calls its path something else, is taken from this host only.
pub fn may_write<B: Body>(peer: SocketAddr, request: &Request<B>) -> Result<(), Error> {
    let caller = request.extensions().get::<Caller>();
    if caller.is_some_and(|caller| !caller.0.is_empty()) {
        return Ok(());
    }
    same_site(request)?;
    from_here(peer, request)?;
    json(request)
}

async fn authenticate<B>(
    desk: &Desk,
    live: &Live,
    settings: &tokens::Settings,
    peer: SocketAddr,
    request: &Request<B>,
    scope: Scope,
) -> Result<Caller, Error> {
    let challenge = || Error::unauthorized(!live.users.is_empty(), !settings.tokens.is_empty());
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(header::HeaderValue::as_bytes);
    let Some(credentials) = given.and_then(Credentials::parse) else {
        return Err(challenge());
    };
    let place = Place::of(peer);
    // Taken before it is known whether it is a failure, so that many tries at once are no way around.
    let may_try = desk.failures.take(place);
    let refused = || Error::limited("too many wrong credentials from this address; wait a moment", 1);
    match credentials {
        Credentials::Basic(password) => match desk.web.verify(live, &password, may_try).await {
            Verdict::Right => {
                desk.failures.give_back(place, may_try);
                Ok(Caller(format!("user:{}", password.user)))
            }
            Verdict::Wrong => Err(challenge()),
            Verdict::Busy => Err(refused()),
        },
        Credentials::Bearer(token) => {
            let digest = tokens::digest(&token);
            if !may_try && !desk.failures.knows(place, &digest) {
                return Err(refused());
            }
            match tokens::find(settings, digest, scope).await {
                Found::Allowed(name) => {
                    desk.failures.give_back(place, may_try);
                    desk.failures.remember(place, digest);
                    Ok(Caller(format!("token:{name}")))
                }
                Found::Scope => {
                    desk.failures.give_back(place, may_try);
                    let scope = scope.as_str();
                    Err(Error::forbidden(format!(
                        "this needs a token with scope {scope}; yours has it not"
                    )))
                }
                Found::Unknown => Err(challenge()),
            }
        }
    }
}

/// What stands in an `Authorization` header (RFC 7617, RFC 6750).
enum Credentials {
    Basic(Password),
    Bearer(Vec<u8>),
}

impl Credentials {
    fn parse(value: &[u8]) -> Option<Self> {
        let split = value.iter().position(|byte| *byte == b' ')?;
        let (scheme, rest) = value.split_at(split);
        let rest = rest.trim_ascii();
        if scheme.eq_ignore_ascii_case(b"bearer") && !rest.is_empty() {
            return Some(Self::Bearer(rest.to_vec()));
        }
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return None;
        }
        let decoded = STANDARD.decode(rest).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        Some(Self::Basic(Password {
            user: String::from_utf8(decoded[..colon].to_vec()).ok()?,
            password: decoded[colon + 1..].to_vec(),
        }))
    }
}

fn text<B>(request: &Request<B>, name: HeaderName) -> Option<&str> {
    request.headers().get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn host<B>(request: &Request<B>) -> Option<&str> {
    let authority = request.uri().authority().map(hyper::http::uri::Authority::as_str);
    authority.or_else(|| text(request, header::HOST))
}

/// Rule 3.
fn from_here<B>(peer: SocketAddr, request: &Request<B>) -> Result<(), Error> {
    if !peer.ip().to_canonical().is_loopback() {
        return Err(Error::forbidden(
            "changes are taken from this host only: call it on 127.0.0.1, or configure api.tokens",
        ));
    }
    if host(request).is_some_and(is_loopback) {
        return Ok(());
    }
    Err(Error::forbidden(
        "changes are taken under a loopback name only: call it on 127.0.0.1 or localhost, or configure api.tokens",
    ))
}

/// Rule 4, the origin.
fn same_site<B>(request: &Request<B>) -> Result<(), Error> {
    let refused = || Err(Error::forbidden("requests from other sites are refused"));
    if let Some(origin) = text(request, header::ORIGIN) {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        let same = authority.is_some_and(|origin| host(request).is_some_and(|host| origin.eq_ignore_ascii_case(host)));
        if !same {
            return refused();
        }
    }
    let site = text(request, HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return refused();
    }
    Ok(())
}

/// Rule 4, the body.
fn json<B: Body>(request: &Request<B>) -> Result<(), Error> {
    if request.body().is_end_stream() {
        return Ok(());
    }
    if request.body().size_hint().lower() > MAX_BODY {
        return Err(Error::too_large(MAX_BODY));
    }
    let kind = text(request, header::CONTENT_TYPE)
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

    fn code(outcome: Result<(), Error>) -> u16 {
        outcome.map_or_else(|error| error.into_response().status().as_u16(), |()| 200)
    }

    fn request(headers: &[(&str, &str)]) -> Request<Empty<Bytes>> {
        let mut request = Request::builder().method("POST").uri("/-/reload");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Empty::new()).unwrap()
    }

    #[test]
    fn every_path_has_its_class() {
        for (method, path, expected) in [
            ("GET", "/-/healthy", Class::Anyone),
            ("HEAD", "/-/ready", Class::Anyone),
            ("POST", "/-/ready", Class::Write),
            ("GET", "/-/ready/", Class::Read),
            ("GET", "/", Class::Read),
            ("GET", "/metrics", Class::Read),
            ("GET", "/api/v1/anything-new", Class::Read),
            ("POST", "/-/reload", Class::Write),
            ("PUT", "/-/reload", Class::Write),
            ("PATCH", "/api/v1/devices/7", Class::Write),
            ("DELETE", "/api/v1/anything-new", Class::Write),
            ("POST", "/api/v1/discovery/scan", Class::Write),
            ("GET", "/api/v1/heartbeats", Class::Read),
            ("GET", "/api/v1/heartbeats/x", Class::Read),
            ("POST", "/api/v1/heartbeats/x", Class::Token),
            ("PATCH", "/api/v1/heartbeats/x", Class::Write),
            ("GET", "/ping/abc", Class::Token),
            ("POST", "/ping/abc/fail", Class::Token),
            ("GET", "/ping", Class::Read),
            ("GET", "/api/v1/audit", Class::Write),
        ] {
            assert_eq!(class(&method.parse().unwrap(), path), expected, "{method} {path}");
        }
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
            let got = code(from_here(peer.parse().unwrap(), &request(&[("host", host)])));
            assert_eq!(got, expected, "{peer} {host}");
        }
        assert_eq!(
            code(from_here("127.0.0.1:5".parse().unwrap(), &request(&[]))),
            403,
            "no Host"
        );
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
            let got = code(same_site(&request(&[("host", "localhost:10526"), (header, value)])));
            assert_eq!(got, expected, "{header}: {value}");
        }
        assert_eq!(
            code(same_site(&request(&[("origin", "http://localhost")]))),
            403,
            "no Host"
        );
    }

    #[test]
    fn a_body_is_json_and_small() {
        let with = |kind: &str, size: usize| {
            let request = Request::builder().header("content-type", kind);
            code(json(&request.body(Full::new(Bytes::from(vec![b' '; size]))).unwrap()))
        };
        assert_eq!(with("application/json; charset=utf-8", 2), 200);
        assert_eq!(with("application/x-www-form-urlencoded", 2), 415);
        assert_eq!(with("application/json", 64 * 1024 + 1), 413);
    }

    #[test]
    fn credentials_are_read_as_they_are_written() {
        let basic = |text: &[u8]| match Credentials::parse(text) {
            Some(Credentials::Basic(given)) => {
                Some((given.user, String::from_utf8_lossy(&given.password).into_owned()))
            }
            _ => None,
        };
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(basic(b"Basic YWxpY2U6YTpi"), pair("alice", "a:b"));
        assert_eq!(basic(b"basic  Og=="), pair("", ""));
        for bad in [
            &b"Basic"[..],
            b"Basic !",
            b"Basic YWxpY2U=",
            b"Digest x",
            b"",
            b" ",
            b"\xff \xff",
        ] {
            assert!(Credentials::parse(bad).is_none(), "{bad:?}");
        }
        assert!(matches!(Credentials::parse(b"BEARER  abc "), Some(Credentials::Bearer(token)) if token == b"abc"));
        assert!(Credentials::parse(b"Bearer ").is_none());
    }
}
