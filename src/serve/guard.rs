//! Lets requests in, or refuses them.
//!
//! Owns the rules of docs/security.md. Gets a request and who may use its route; gives the caller, or the refusal.
//!
//! 1. Reading is open until there are users. Then it takes a user, or a token with scope `read`.
//! 2. Writing takes a user, or a token with scope `write`. If there is neither, writing is taken from this host only:
//!    from a loopback address, under a loopback `Host`. The address alone would not do, since a web page may bring its
//!    visitor here under a name that resolves to 127.0.0.1.
//! 3. Any web page can make its visitor's browser send a request. So no write is taken with the `Origin` of another
//!    site, nor with a body that is not JSON: that is what a form can send without asking first.
//! 4. Wrong credentials use up the allowance of their network (`logins`). Credentials that were right before are let in
//!    even then.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Body;
use hyper::header::{self, HeaderName};
use tokio::sync::watch;

use super::access::Access;
use super::body::MAX_BODY;
use super::clock::now;
use super::credentials::Credentials;
use super::error::Error;
use super::logins::FailedLogins;
use super::tokens::{self, Found, Scope, Settings};
use super::web::{Verdict, Web, WebConfig};
use crate::pace::ClientNetwork;
use crate::secret::TokenDigest;

/// The `Retry-After` of a client that has sent too many requests.
const WAIT: Duration = Duration::from_secs(1);

/// Who sent a request, as the audit shows it: `user:alice`, `token:ops`, `loopback`, or empty if it was not
/// checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller(pub String);

/// Decides who gets in.
pub struct Guard {
    web: Arc<Web>,
    tokens: watch::Receiver<Arc<Settings>>,
    logins: FailedLogins,
}

impl Guard {
    /// A guard that goes by the web configuration and the API tokens, as they are when a request comes.
    pub fn new(web: Arc<Web>, tokens: watch::Receiver<Arc<Settings>>) -> Self {
        Self {
            web,
            tokens,
            logins: FailedLogins::default(),
        }
    }

    /// The web configuration for a new connection or request.
    pub(super) async fn config(&self) -> Arc<WebConfig> {
        self.web.now().await
    }

    /// Lets a request in and says who sent it.
    ///
    /// # Errors
    /// Why it is refused.
    pub(super) async fn admit<B: Body>(
        &self,
        access: Access,
        config: &WebConfig,
        peer: SocketAddr,
        request: &Request<B>,
    ) -> Result<Caller, Error> {
        if access.is_limited() && !self.web.admits(config) {
            let message = "too many requests: rate_limit of the web configuration";
            return Err(Error::too_many(message, WAIT));
        }
        let tokens = self.tokens.borrow().clone();
        match access {
            Access::Anyone | Access::OwnToken => Ok(Caller::default()),
            Access::Read if config.users.is_empty() => Ok(Caller::default()),
            Access::Read => self.authenticate(config, &tokens, peer, request, Scope::Read).await,
            Access::Write => {
                same_site(request)?;
                let caller = if config.users.is_empty() && tokens.tokens.is_empty() {
                    from_this_host(peer, request)?;
                    Caller("loopback".to_owned())
                } else {
                    self.authenticate(config, &tokens, peer, request, Scope::Write).await?
                };
                no_body_but_json(request)?;
                Ok(caller)
            }
        }
    }

    async fn authenticate<B>(
        &self,
        config: &WebConfig,
        settings: &Settings,
        peer: SocketAddr,
        request: &Request<B>,
        scope: Scope,
    ) -> Result<Caller, Error> {
        let challenge = || Error::unauthorized(!config.users.is_empty(), !settings.tokens.is_empty());
        let header = request.headers().get(header::AUTHORIZATION);
        let Some(credentials) = header.and_then(|value| Credentials::parse(value.as_bytes())) else {
            return Err(challenge());
        };
        let network = ClientNetwork::of(peer.ip());
        // Taken before the credentials are checked, so that many tries at once get no more than one after the other.
        let may_try = self.logins.take(network, now());
        match credentials {
            Credentials::Basic(password) => match self.web.verify(config, &password, may_try).await {
                Verdict::Right => {
                    self.logins.give_back(network, may_try);
                    Ok(Caller(format!("user:{}", password.user)))
                }
                Verdict::Wrong => Err(challenge()),
                Verdict::Busy => Err(too_many_logins()),
            },
            Credentials::Bearer(token) => {
                let digest = TokenDigest::of(&token);
                if !may_try && !self.logins.knows(network, digest) {
                    return Err(too_many_logins());
                }
                match tokens::find(settings, digest, scope).await {
                    Found::Allowed(name) => {
                        self.logins.give_back(network, may_try);
                        self.logins.remember(network, digest);
                        Ok(Caller(format!("token:{name}")))
                    }
                    Found::Scope => {
                        self.logins.give_back(network, may_try);
                        let scope = scope.as_str();
                        let message = format!("this needs a token with scope {scope}; yours has it not");
                        Err(Error::forbidden(message))
                    }
                    Found::Unknown => Err(challenge()),
                }
            }
        }
    }
}

fn too_many_logins() -> Error {
    Error::too_many("too many wrong credentials from this address; wait a moment", WAIT)
}

fn text<B>(request: &Request<B>, name: HeaderName) -> Option<&str> {
    request.headers().get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn host<B>(request: &Request<B>) -> Option<&str> {
    let authority = request.uri().authority().map(hyper::http::uri::Authority::as_str);
    authority.or_else(|| text(request, header::HOST))
}

/// Rule 2.
fn from_this_host<B>(peer: SocketAddr, request: &Request<B>) -> Result<(), Error> {
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

/// Rule 3, the origin.
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

/// Rule 3, the body.
fn no_body_but_json<B: Body>(request: &Request<B>) -> Result<(), Error> {
    if request.body().is_end_stream() {
        return Ok(());
    }
    if request.body().size_hint().lower() > MAX_BODY as u64 {
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

/// Whether a `Host` names this host, with or without a port.
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
            let got = code(from_this_host(peer.parse().unwrap(), &request(&[("host", host)])));
            assert_eq!(got, expected, "{peer} {host}");
        }
        assert_eq!(
            code(from_this_host("127.0.0.1:5".parse().unwrap(), &request(&[]))),
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
            code(no_body_but_json(
                &request.body(Full::new(Bytes::from(vec![b' '; size]))).unwrap(),
            ))
        };
        assert_eq!(with("application/json; charset=utf-8", 2), 200);
        assert_eq!(with("application/x-www-form-urlencoded", 2), 415);
        assert_eq!(with("application/json", 64 * 1024 + 1), 413);
    }
}
