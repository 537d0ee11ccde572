//! The table of routes: its rows, and how a request finds its row.
//!
//! 1. A path is literal text with `{parameters}` in place of whole segments. `{id}` is a number, any other parameter
//!    is text. The last parameter takes the rest of the path, slashes included, and may be empty.
//! 2. The first row whose path and method fit answers. A row for a longer path therefore stands before the row whose
//!    last parameter would take it, too.
//! 3. A request without a row is let in by its method (`Access::of`) before the answer says that there is no such path
//!    or method. If all rows of a path check tokens of their own, that holds for its other methods, too.

use std::pin::Pin;
use std::sync::Arc;

use hyper::{Method, Response};

use super::access::Access;
use super::error::Error;
use super::parameters::{Parameters, fits};
use super::reply::Body;
use super::request::Request;

/// The methods of a route that only shows something.
pub const GET: &[Method] = &[Method::GET, Method::HEAD];

/// One route: what it answers, to whom, how, and what the documentation says of it.
pub struct Route<A> {
    /// The methods. GET comes with HEAD, whose answer is the same without its body.
    pub methods: &'static [Method],
    /// The path.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// Makes the answer.
    pub handler: Handler<A>,
    /// For the OpenAPI document.
    pub doc: Doc,
}

/// All routes, in one or more lists of rows.
pub type Table<A> = &'static [&'static [Route<A>]];

/// Answers a request with the state that all handlers share.
pub type Handler<A> = for<'a> fn(&'a Arc<A>, &'a mut Request) -> Answering<'a>;
/// A handler at work.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send + 'a>>;

/// What the documentation says of a route.
pub struct Doc {
    /// What it is for, in one line.
    pub summary: &'static str,
    /// What a success may hold.
    pub content: &'static [Content],
    /// The parameters of the query.
    pub query: &'static [QueryParameter],
    /// The schema of the request's body, if it takes one.
    pub body: Option<&'static str>,
    /// The statuses that other routes do not have, and what they mean. 200 goes without saying, unless another success
    /// is listed.
    pub statuses: &'static [(u16, &'static str)],
}

impl Doc {
    /// A route without parameters and body.
    pub const fn new(summary: &'static str, content: &'static [Content]) -> Self {
        Self {
            summary,
            content,
            query: &[],
            body: None,
            statuses: &[],
        }
    }

    /// With these parameters of the query.
    #[must_use]
    pub const fn query(self, query: &'static [QueryParameter]) -> Self {
        Self { query, ..self }
    }

    /// With a body of this schema.
    #[must_use]
    pub const fn body(self, schema: &'static str) -> Self {
        Self {
            body: Some(schema),
            ..self
        }
    }

    /// With these statuses.
    #[must_use]
    pub const fn statuses(self, statuses: &'static [(u16, &'static str)]) -> Self {
        Self { statuses, ..self }
    }
}

/// What an answer holds.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// JSON of this schema.
    Json(&'static str),
    /// Text of this media type.
    Text(&'static str),
}

/// A parameter of a query.
#[derive(Clone, Copy, Debug)]
pub struct QueryParameter {
    /// Its name.
    pub name: &'static str,
    /// Whether the request must have it.
    pub required: bool,
    /// What it is.
    pub about: &'static str,
}

/// A parameter that a query may have.
pub const fn optional(name: &'static str, about: &'static str) -> QueryParameter {
    QueryParameter {
        name,
        required: false,
        about,
    }
}

/// A parameter that a query must have.
pub const fn required(name: &'static str, about: &'static str) -> QueryParameter {
    QueryParameter {
        name,
        required: true,
        about,
    }
}

/// What a request has found in the table.
pub enum Found<A: 'static> {
    /// Its row.
    Route(&'static Route<A>, Parameters),
    /// Its path, but not its method.
    OtherMethods(Vec<Method>),
    /// Nothing.
    Nothing,
}

/// Looks for the row of a request, and says who may send it.
pub fn find<A>(table: Table<A>, method: &Method, path: &str) -> (Access, Found<A>) {
    let mut other = None;
    for route in table.iter().copied().flatten() {
        let Some(parameters) = fits(route.path, path) else {
            continue;
        };
        if route.methods.contains(method) {
            return (route.access, Found::Route(route, parameters));
        }
        other = other.or(Some(route.path));
    }
    let Some(path) = other else {
        return (Access::of(method), Found::Nothing);
    };
    let access = if rows(table, path).all(|route| route.access.is_own_token()) {
        Access::OwnToken
    } else {
        Access::of(method)
    };
    let allowed = rows(table, path).flat_map(|route| route.methods).cloned().collect();
    (access, Found::OtherMethods(allowed))
}

fn rows<A>(table: Table<A>, path: &str) -> impl Iterator<Item = &'static Route<A>> {
    table.iter().copied().flatten().filter(move |route| route.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn row(methods: &'static [Method], path: &'static str, access: Access) -> Route<()> {
        Route {
            methods,
            path,
            access,
            handler: |_, _| nothing(),
            doc: Doc::new("", &[]),
        }
    }

    fn nothing<'a>() -> Answering<'a> {
        Box::pin(async { Err(Error::internal()) })
    }

    static ROUTES: Table<()> = &[
        &[
            row(GET, "/", Access::Read),
            row(GET, "/live", Access::Anyone),
            row(GET, "/things/{id}", Access::Read),
            row(&[Method::PATCH], "/things/{id}", Access::Write),
            row(&[Method::POST], "/things/{id}/stop", Access::Write),
        ],
        &[
            row(&[Method::POST], "/in/{token}/{signal}", Access::OwnToken),
            row(&[Method::POST], "/in/{token}", Access::OwnToken),
        ],
    ];

    /// The access, and what was found: the path of the row with its parameters, or the methods there are.
    fn found(method: &str, path: &str) -> (Access, String) {
        let (access, found) = find(ROUTES, &method.parse().unwrap(), path);
        let found = match found {
            Found::Route(route, parameters) => format!("{}{parameters}", route.path),
            Found::OtherMethods(methods) => format!("{methods:?}"),
            Found::Nothing => String::new(),
        };
        (access, found)
    }

    #[test]
    fn a_request_finds_its_row() {
        for (method, path, access, expected) in [
            ("GET", "/", Access::Read, "/"),
            ("HEAD", "/live", Access::Anyone, "/live"),
            ("GET", "/things/7", Access::Read, "/things/{id} id=7"),
            ("PATCH", "/things/7", Access::Write, "/things/{id} id=7"),
            ("POST", "/things/7/stop", Access::Write, "/things/{id}/stop id=7"),
            ("POST", "/in/a", Access::OwnToken, "/in/{token} token=a"),
            ("POST", "/in/a%2F", Access::OwnToken, "/in/{token} token=a%2F"),
            ("POST", "/in/", Access::OwnToken, "/in/{token} token="),
            (
                "POST",
                "/in/a/b",
                Access::OwnToken,
                "/in/{token}/{signal} token=a signal=b",
            ),
            (
                "POST",
                "/in/a/b/c",
                Access::OwnToken,
                "/in/{token}/{signal} token=a signal=b/c",
            ),
            ("POST", "/in//b", Access::OwnToken, "/in/{token} token=/b"),
        ] {
            assert_eq!(found(method, path), (access, expected.to_owned()), "{method} {path}");
        }
    }

    #[test]
    fn a_request_without_a_row_is_let_in_by_its_method() {
        for (method, path, access, expected) in [
            ("GET", "/nothing", Access::Read, ""),
            ("POST", "/nothing", Access::Write, ""),
            ("GET", "/things/x", Access::Read, ""),
            ("GET", "/things/-1", Access::Read, ""),
            ("GET", "/things/18446744073709551616", Access::Read, ""),
            ("GET", "/things/", Access::Read, ""),
            ("POST", "/things//stop", Access::Write, ""),
            ("GET", "/things/7/", Access::Read, ""),
            ("GET", "/live/", Access::Read, ""),
            ("GET", "/in", Access::Read, ""),
            ("POST", "/", Access::Write, "[GET, HEAD]"),
            ("POST", "/live", Access::Write, "[GET, HEAD]"),
            ("DELETE", "/things/7", Access::Write, "[GET, HEAD, PATCH]"),
            ("GET", "/things/7/stop", Access::Read, "[POST]"),
            ("GET", "/in/a", Access::OwnToken, "[POST]"),
            ("OPTIONS", "/in/a/b", Access::OwnToken, "[POST]"),
        ] {
            assert_eq!(found(method, path), (access, expected.to_owned()), "{method} {path}");
        }
    }
}
