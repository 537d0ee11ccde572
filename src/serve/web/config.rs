//! What the web configuration says, ready to be used.

use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use tokio_rustls::rustls::ServerConfig;

use super::passwords::Users;
use super::watched::WatchedFiles;
use crate::pace::Rate;
use crate::yaml::problem::Problem;

/// The web configuration. Without a file it is empty: plain HTTP, no users, no limit.
#[derive(Default)]
pub struct WebConfig {
    /// How TLS is spoken; none means plain HTTP.
    pub tls: Option<Arc<ServerConfig>>,
    /// Headers for every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Names and bcrypt hashes; if there are none, reading is open.
    pub users: Users,
    /// The rate limit, for all clients together.
    pub rate: Option<Rate>,
}

/// What came of reading the file once.
pub struct Outcome {
    /// The configuration, or every problem of it.
    pub result: Result<WebConfig, Vec<Problem>>,
    /// The files that were read.
    pub files: WatchedFiles,
    /// Settings that are accepted but have no effect here.
    pub notes: Vec<String>,
}
