//! Serving HTTP: listeners, TLS, users and tokens, limits, request bodies and answers.
//!
//! This room does not know what lanpulse monitors. It gets a table of routes with the state that their handlers share
//! (`Server`), the web configuration file and the API tokens. It answers each request: `listen` accepts the connection,
//! `guard` lets the request in, `route` finds its row in the table, and the row's handler makes the answer.

mod access;
mod bind;
mod body;
mod clock;
mod connections;
mod credentials;
mod error;
mod guard;
mod json;
mod listen;
mod logins;
mod parameters;
mod percent;
mod reply;
mod request;
mod route;
mod server;
mod tokens;
mod web;

pub use access::Access;
pub use bind::{BindError, bind};
pub use body::MAX_BODY;
pub use clock::now;
pub use error::Error;
pub use guard::{Caller, Guard};
pub use json::json;
pub use listen::{PLAIN_HTTP, serve};
pub use percent::percent_decode;
pub use reply::{Body, bytes, text};
pub use request::Request;
pub use route::{Answering, Content, Doc, Found, GET, Handler, QueryParameter, Route, Table, find, optional, required};
pub use server::Server;
pub use tokens::{Scope, Settings, Token, TokenSource, new_token};
pub use web::{Web, check as check_web, problems_of as web_problems_of};
