//! What an HTTP probe asks, and what an answer tells.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::TlsSettings;
use crate::model::{Pattern, SecretSource, Timestamp, Url};

/// An HTTP request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpProbe {
    /// Where to begin.
    pub url: Url,
    /// The method: a token (RFC 9110 section 5.6.2).
    pub method: String,
    /// Headers beside `Host`, `User-Agent` and `Accept`; they replace these. Names and values were checked.
    pub headers: Vec<(String, String)>,
    /// What to send.
    pub body: Option<Arc<str>>,
    /// How many redirects to follow; none: a redirect is the answer.
    pub redirects: u32,
    /// The largest body, in bytes.
    pub max_body: u64,
    /// How to be let in.
    pub auth: Option<HttpAuth>,
    /// How to make TLS connections.
    pub tls: TlsSettings,
    /// An HTTP proxy to go through.
    pub proxy: Option<Url>,
    /// What counts as success.
    pub expect: HttpExpect,
}

/// What to send in `Authorization`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpAuth {
    /// User and password (RFC 7617).
    Basic(String, SecretSource),
    /// A token (RFC 6750).
    Bearer(SecretSource),
}

/// What counts as success.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HttpExpect {
    /// Status codes, from and to; none means 200 to 299.
    pub status: Vec<(u16, u16)>,
    /// What the body must contain.
    pub body: Option<Pattern>,
    /// What the body must not contain.
    pub body_not: Option<Pattern>,
}

impl HttpProbe {
    /// A plain GET.
    pub fn get(url: Url) -> Self {
        Self {
            url,
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: None,
            redirects: 10,
            max_body: 10 << 20,
            auth: None,
            tls: TlsSettings::default(),
            proxy: None,
            expect: HttpExpect::default(),
        }
    }

    /// Where the first connection goes: the proxy, else the URL's server.
    pub fn first_hop(&self) -> &Url {
        self.proxy.as_ref().unwrap_or(&self.url)
    }
}

/// The last answer of an HTTP check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HttpFacts {
    /// The status code.
    pub status: u16,
    /// 1.0 or 1.1.
    pub version: f64,
    /// Whether the last request went over TLS.
    pub tls: bool,
    /// Redirects followed.
    pub redirects: u32,
    /// `Content-Length`, if the server gave it.
    pub content_length: Option<u64>,
    /// Bytes of the body read.
    pub body_bytes: u64,
    /// `Last-Modified`, if the server gave it.
    pub last_modified: Option<Timestamp>,
}
