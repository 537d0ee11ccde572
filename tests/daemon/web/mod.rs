//! The web configuration and API tokens, with a real Prometheus, curl and openssl.

mod access;
mod tls;
mod tools;
