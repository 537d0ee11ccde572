//! Answers a request: finds its route, lets it in, and runs the route's handler.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::Response;
use hyper::body::Incoming;

use super::error::Error;
use super::guard::Guard;
use super::reply::Body;
use super::request::Request;
use super::route::{self, Found, Table};

/// What answers requests.
pub struct Server<A: 'static> {
    /// The state that the handlers share.
    pub state: Arc<A>,
    /// The table of routes.
    pub routes: Table<A>,
    /// Decides who gets in.
    pub guard: Guard,
}

impl<A> Server<A> {
    /// Answers one request. Whatever goes wrong is an answer too.
    pub(super) async fn answer(&self, peer: SocketAddr, request: hyper::Request<Incoming>) -> Response<Body> {
        let config = self.guard.config().await;
        let (access, found) = route::find(self.routes, request.method(), request.uri().path());
        let admitted = self.guard.admit(access, &config, peer, &request).await;
        let mut request = Request::new(peer, request);
        let answer = match (admitted, found) {
            (Err(error), _) => Err(error),
            (Ok(caller), Found::Route(route, parameters)) => {
                request.admitted(caller, parameters);
                (route.handler)(&self.state, &mut request).await
            }
            (Ok(_), Found::OtherMethods(allowed)) => Err(Error::method(&allowed)),
            (Ok(_), Found::Nothing) => Err(Error::not_found()),
        };
        let mut answer = answer.unwrap_or_else(Error::into_response);
        request.finish(&mut answer).await;
        for (name, value) in &config.headers {
            answer.headers_mut().insert(name, value.clone());
        }
        answer
    }
}
