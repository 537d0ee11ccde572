//! `http` and `https` URLs (RFC 3986), as far as a check needs them.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;
use serde::{Deserialize, Serialize};

use super::{Address, AddressError};

/// Where an HTTP request goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url {
    /// Over TLS.
    pub tls: bool,
    /// Where it is, for the resolver.
    pub address: Address,
    /// The host as written, an IPv6 address in brackets.
    pub host: String,
    /// The port, given or the scheme's.
    pub port: u16,
    /// Path and query, beginning with `/`.
    pub path: String,
}

/// Why a text is no URL for a check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL at all.
    #[error("not a URL: write http://host/ or https://host:8443/path, names outside ASCII in Punycode (xn--...)")]
    Malformed,
    /// A scheme other than the two.
    #[error("the scheme must be http or https")]
    Scheme,
    /// Password in the URL, which would show everywhere.
    #[error("no user or password in a URL: use basic_auth with a password_file")]
    UserInfo,
    /// No proper host.
    #[error("{0}")]
    Host(String),
}

impl Url {
    /// Reads a URL; a fragment is dropped.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) => return Err(UrlError::Scheme),
            None => return Err(UrlError::Malformed),
        };
        let authority = uri.authority().ok_or(UrlError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::UserInfo);
        }
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let address = match bare {
            Some(v6) => match v6.parse::<IpAddr>() {
                Ok(ip) => Address::Ip(ip),
                Err(_) => return Err(UrlError::Host(format!("{host} is no IPv6 address"))),
            },
            None => host
                .parse()
                .map_err(|error: AddressError| UrlError::Host(error.to_string()))?,
        };
        // "http://host:" and "http://host:99999" have no port that counts.
        let port = match authority.as_str().strip_prefix(host) {
            Some("") => {
                if tls {
                    443
                } else {
                    80
                }
            }
            _ => authority
                .port_u16()
                .filter(|port| *port > 0)
                .ok_or(UrlError::Malformed)?,
        };
        let path = uri.path_and_query().map_or("/", hyper::http::uri::PathAndQuery::as_str);
        let path = if path.starts_with('?') {
            format!("/{path}")
        } else if path.is_empty() {
            "/".to_owned()
        } else {
            path.to_owned()
        };
        Ok(Self {
            tls,
            address,
            host: host.to_owned(),
            port,
            path,
        })
    }

    /// Where a `Location` leads from here (RFC 3986 section 5, RFC 9110 section 10.2.2).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn join(&self, location: &str) -> Result<Self, UrlError> {
        let location = location.trim();
        let first = location.split(['/', '?', '#']).next().unwrap_or_default();
        if first.ends_with(':') {
            return Self::parse(location);
        }
        let scheme = if self.tls { "https" } else { "http" };
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        let here = self.path.split('?').next().unwrap_or("/");
        let path = match location.chars().next() {
            None | Some('#') => self.path.clone(),
            Some('/') => location.to_owned(),
            Some('?') => format!("{here}{location}"),
            Some(_) => {
                let directory = here.rsplit_once('/').map_or("", |(directory, _)| directory);
                format!("{directory}/{location}")
            }
        };
        let (path, query) = path.split_once('?').map_or((&*path, None), |(path, q)| (path, Some(q)));
        let query = query.map_or(String::new(), |query| format!("?{query}"));
        Self::parse(&format!("{scheme}://{}{}{query}", self.authority(), without_dots(path)))
    }

    /// Host and port, the port only where it is not the scheme's: the `Host` header.
    pub fn authority(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Whether credentials for the one may go to the other.
    pub fn same_origin(&self, other: &Self) -> bool {
        (self.tls, self.port) == (other.tls, other.port) && self.host.eq_ignore_ascii_case(&other.host)
    }
}

/// Removes `.` and `..` segments (RFC 3986 section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let last = path.rsplit('/').next();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let end = if matches!(last, Some("." | "..")) { "/" } else { "" };
    let joined = kept.join("/");
    format!("/{joined}{}", if joined.is_empty() { "" } else { end })
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        for (text, shown, port) in [
            ("http://nas.lan", "http://nas.lan/", 80),
            ("https://nas.lan:8443/a?b=c#d", "https://nas.lan:8443/a?b=c", 8443),
            ("https://[fd00::1]/x", "https://[fd00::1]/x", 443),
            ("http://10.0.0.1:80/", "http://10.0.0.1/", 80),
            ("http://nas?x=1", "http://nas/?x=1", 80),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.port), (shown, port), "{text}");
        }
        for (text, error) in [
            ("nas.lan/", UrlError::Malformed),
            ("ftp://nas/", UrlError::Scheme),
            ("http://me:secret@nas/", UrlError::UserInfo),
            ("http://nas:0/", UrlError::Malformed),
            ("http://nas:99999/", UrlError::Malformed),
            ("http:///", UrlError::Malformed),
            ("", UrlError::Malformed),
        ] {
            assert_eq!(Url::parse(text), Err(error), "{text}");
        }
        assert!(matches!(Url::parse("http://10.0.0.256/"), Err(UrlError::Host(_))));
    }

    #[test]
    fn redirects_lead_where_the_rfc_says() {
        let here = Url::parse("https://nas.lan:8443/a/b?c=d").unwrap();
        for (location, expected) in [
            ("/x", "https://nas.lan:8443/x"),
            ("x?y", "https://nas.lan:8443/a/x?y"),
            ("../x", "https://nas.lan:8443/x"),
            ("../../../x", "https://nas.lan:8443/x"),
            ("?e", "https://nas.lan:8443/a/b?e"),
            ("#f", "https://nas.lan:8443/a/b?c=d"),
            ("//other/y", "https://other/y"),
            ("http://other/z", "http://other/z"),
            ("login?to=http://o/", "https://nas.lan:8443/a/login?to=http://o/"),
            ("/login?to=http://other/", "https://nas.lan:8443/login?to=http://other/"),
        ] {
            assert_eq!(here.join(location).unwrap().to_string(), expected, "{location}");
        }
        assert_eq!(here.join("ftp://x/"), Err(UrlError::Scheme));
        assert!(!here.same_origin(&Url::parse("http://nas.lan:8443/").unwrap()));
        assert!(here.same_origin(&Url::parse("https://NAS.lan:8443/z").unwrap()));
    }
}
