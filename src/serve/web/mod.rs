//! The web configuration: exporter-toolkit's file, with TLS, users, headers and a rate limit.

mod ciphers;
mod client_auth;
mod config;
mod current;
mod file;
mod go_yaml;
mod passwords;
mod pem;
mod rate;
mod tls;
mod watched;

pub use config::WebConfig;
pub use current::Web;
pub use file::{check, problems_of};
pub use passwords::{Password, Verdict};
