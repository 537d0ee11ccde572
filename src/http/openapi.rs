//! `/api/v1/openapi.json`: what this server answers, in OpenAPI 3.1.
//!
//! Gives the document, made from the table of `routes` and the `schemas` when it is asked for.

use hyper::{Method, Response};
use serde_json::{Map, Value, json};

use super::access::{self, Class};
use super::reply::{self, Body};
use super::routes::{Holds, ROUTES, Route};
use super::schemas;

/// The document.
pub fn document() -> Response<Body> {
    reply::json(&build())
}

fn build() -> Value {
    let mut paths = Map::new();
    for route in &ROUTES {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        for method in route.methods {
            methods[*method] = operation(route, method);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "lanpulse",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A Prometheus-native network monitor. Errors are {\"error\": {\"code\", \"message\"}}.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "A user of --web.config.file"},
                "token": {"type": "http", "scheme": "bearer", "description": "A token of api.tokens"},
                "heartbeat": {"type": "http", "scheme": "bearer", "description": "The heartbeat's own token"},
            },
            "schemas": schemas::all(),
        },
    })
}

fn operation(route: &Route, method: &str) -> Value {
    let name: String = route
        .path
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let parameter = |(name, required, description): &(&str, bool, &str)| {
        json!({
            "name": name, "in": "query", "required": required, "description": description,
            "schema": schemas::of_parameter(route.path, name),
        })
    };
    let mut parameters: Vec<Value> = route.query.iter().map(parameter).collect();
    let named = route.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    parameters.extend(named.map(|name| {
        json!({
            "name": name, "in": "path", "required": true, "schema": schemas::of_parameter(route.path, name),
        })
    }));
    let class = class_of(method, route.path);
    let mut operation = json!({
        "operationId": format!("{method}{name}"),
        "summary": route.summary,
        "parameters": parameters,
        "security": security(class, route.path),
        "x-access": format!("{class:?}").to_lowercase(),
        "responses": responses(route, class),
    });
    if let Some(body) = route.body {
        let schema = json!({"$ref": format!("#/components/schemas/{body}")});
        operation["requestBody"] = json!({"content": {"application/json": {"schema": schema}}});
    }
    operation
}

/// Who may: as the gate has it.
fn class_of(method: &str, path: &str) -> Class {
    let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap_or_default();
    access::class(&method, path)
}

/// Whether users and tokens are asked for depends on the configuration: docs/security.md.
fn security(class: Class, path: &str) -> Value {
    match class {
        Class::Anyone => json!([]),
        Class::Token if path.starts_with("/ping/") => json!([]),
        Class::Token => json!([{"heartbeat": []}]),
        Class::Read | Class::Write => json!([{}, {"basic": []}, {"token": []}]),
    }
}

fn responses(route: &Route, class: Class) -> Value {
    let error = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
    let content: Map<String, Value> = route
        .holds
        .iter()
        .map(|holds| match holds {
            Holds::Json(name) => (
                "application/json".to_owned(),
                json!({"schema": {"$ref": format!("#/components/schemas/{name}")}}),
            ),
            // A schema would be about each event, and each kind has its own.
            Holds::Text("text/event-stream") => ("text/event-stream".to_owned(), json!({})),
            Holds::Text(kind) => ((*kind).to_owned(), json!({"schema": {"type": "string"}})),
        })
        .collect();
    let mut all: Vec<(u16, &str)> = match class {
        Class::Anyone => Vec::new(),
        Class::Token => vec![(429, "Too many; wait as Retry-After says")],
        Class::Read => vec![(401, "Log in"), (403, "Not with this scope, or not from there")],
        Class::Write => vec![
            (401, "Log in"),
            (403, "Not with this scope, or not from there"),
            (415, "The body is not JSON"),
        ],
    };
    if route.body.is_some() {
        all.push((413, "The body is too large"));
    }
    if route.body.is_some() || !route.query.is_empty() {
        all.push((400, "Something in the query or the body cannot be"));
    }
    if !route.also.iter().any(|(status, _)| *status < 300) {
        all.push((200, route.summary));
    }
    // The route's own words come last, and win.
    all.extend(route.also);
    let mut responses = Map::new();
    for (status, description) in all {
        let content = if status < 300 { json!(content) } else { error.clone() };
        responses.insert(
            status.to_string(),
            json!({"description": description, "content": content}),
        );
    }
    responses.insert(
        "default".into(),
        json!({"description": "What went wrong", "content": error}),
    );
    Value::Object(responses)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths that a function of this source names.
    fn named(source: &'static str, function: &str) -> Vec<&'static str> {
        let start = source.find(function).unwrap();
        let body = &source[start..start + source[start..].find("\n}").unwrap()];
        let quoted = body.split('"').skip(1).step_by(2);
        quoted
            .filter(|text| text.len() > 1 || *text == "/")
            .filter(|text| text.starts_with('/'))
            .collect()
    }

    #[test]
    fn every_route_is_in_the_document_and_nothing_else_is() {
        let mut dispatched = named(include_str!("mod.rs"), "async fn dispatch");
        dispatched.extend(
            named(include_str!("heartbeats.rs"), "pub fn claim")
                .into_iter()
                .filter(|path| path.len() > 1),
        );
        assert!(
            ["/metrics", "/ping/", "/api/v1/heartbeats"]
                .iter()
                .all(|path| dispatched.contains(path)),
            "{dispatched:?}"
        );
        // a path with a parameter is matched by its stem
        let is = |route: &Route, path: &str| {
            route.path == path || route.path.starts_with(&format!("{}/{{", path.trim_end_matches('/')))
        };
        for path in &dispatched {
            assert!(ROUTES.iter().any(|route| is(route, path)), "{path} is not in ROUTES");
        }
        for route in &ROUTES {
            let dispatched = dispatched.iter().any(|path| is(route, path));
            assert!(dispatched, "{} is not dispatched", route.path);
        }
    }

    #[test]
    fn the_document_says_who_may() {
        let paths = &build()["paths"];
        for (path, method, class) in [
            ("/-/healthy", "get", "anyone"),
            ("/metrics", "get", "read"),
            ("/-/reload", "post", "write"),
            ("/api/v1/devices/{id}", "patch", "write"),
            ("/api/v1/heartbeats/{name}", "post", "token"),
            ("/api/v1/heartbeats/{name}", "delete", "write"),
            ("/ping/{token}/{signal}", "head", "token"),
        ] {
            assert_eq!(paths[path][method]["x-access"], class, "{method} {path}");
        }
        assert_eq!(paths["/-/ready"]["get"]["security"], json!([]));
        let scan = &paths["/api/v1/discovery/scan"]["post"]["responses"];
        assert!(
            scan["202"]["content"]["application/json"]["schema"]["$ref"]
                .as_str()
                .unwrap()
                .ends_with("Started")
        );
        assert!(scan["200"].is_null() && scan["409"].is_object() && scan["415"].is_object());
    }

    #[test]
    fn every_schema_that_is_named_exists() {
        let document = build();
        let text = document.to_string();
        for (at, _) in text.match_indices("#/components/schemas/") {
            let name = text[at + 21..].split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
        assert_eq!(document["paths"]["/-/reload"]["put"]["operationId"], "put___reload");
    }
}
