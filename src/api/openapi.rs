//! `/api/v1/openapi.json`: the API in OpenAPI 3.1.
//!
//! Gets the table of routes; makes the document from it and from the `schemas`.

use hyper::Response;
use serde_json::{Map, Value, json};

use super::app::App;
use super::schemas;
use crate::serve::{self, Access, Body, Content, QueryParameter, Route, Table};

/// The document of these routes.
pub fn document(routes: Table<App>) -> Response<Body> {
    serve::json(&build(routes))
}

fn build(routes: Table<App>) -> Value {
    let mut paths = Map::new();
    for route in routes.iter().copied().flatten() {
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        for method in route.methods {
            let method = method.as_str().to_ascii_lowercase();
            operations[&method] = operation(route, &method);
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

fn operation(route: &Route<App>, method: &str) -> Value {
    let name: String = route
        .path
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let parameter = |parameter: &QueryParameter| {
        json!({
            "name": parameter.name, "in": "query", "required": parameter.required, "description": parameter.about,
            "schema": schemas::of_parameter(route.path, parameter.name),
        })
    };
    let mut parameters: Vec<Value> = route.doc.query.iter().map(parameter).collect();
    let named = route.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    parameters.extend(named.map(|name| {
        json!({
            "name": name, "in": "path", "required": true, "schema": schemas::of_parameter(route.path, name),
        })
    }));
    let mut operation = json!({
        "operationId": format!("{method}{name}"),
        "summary": route.doc.summary,
        "parameters": parameters,
        "security": security(route),
        "x-access": route.access.as_str(),
        "responses": responses(route),
    });
    if let Some(body) = route.doc.body {
        let schema = json!({"$ref": format!("#/components/schemas/{body}")});
        operation["requestBody"] = json!({"content": {"application/json": {"schema": schema}}});
    }
    operation
}

/// What every route may answer that not everybody may use.
const LOG_IN: (u16, &str) = (401, "Log in");
const FORBIDDEN: (u16, &str) = (403, "Not with this scope, or not from there");

/// How a client proves that it may. Whether users and tokens are needed depends on the configuration: docs/security.md.
fn security(route: &Route<App>) -> Value {
    match route.access {
        Access::Anyone => json!([]),
        // The token is a part of the path.
        Access::OwnToken if route.path.contains("{token}") => json!([]),
        Access::OwnToken => json!([{"heartbeat": []}]),
        Access::Read | Access::Write => json!([{}, {"basic": []}, {"token": []}]),
    }
}

fn responses(route: &Route<App>) -> Value {
    let doc = &route.doc;
    let error = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
    let content: Map<String, Value> = doc
        .content
        .iter()
        .map(|content| match content {
            Content::Json(name) => (
                "application/json".to_owned(),
                json!({"schema": {"$ref": format!("#/components/schemas/{name}")}}),
            ),
            // A schema would describe one event, and each kind of event has another.
            Content::Text("text/event-stream") => ("text/event-stream".to_owned(), json!({})),
            Content::Text(kind) => ((*kind).to_owned(), json!({"schema": {"type": "string"}})),
        })
        .collect();
    let mut all: Vec<(u16, &str)> = match route.access {
        Access::Anyone => Vec::new(),
        Access::OwnToken => vec![(429, "Too many; wait as Retry-After says")],
        Access::Read => vec![LOG_IN, FORBIDDEN],
        Access::Write => vec![LOG_IN, FORBIDDEN, (415, "The body is not JSON")],
    };
    if doc.body.is_some() {
        all.push((413, "The body is too large"));
    }
    if doc.body.is_some() || !doc.query.is_empty() {
        all.push((400, "Something in the query or the body cannot be"));
    }
    if !doc.statuses.iter().any(|(status, _)| *status < 300) {
        all.push((200, doc.summary));
    }
    // The route's own words come last, so they replace the others.
    all.extend(doc.statuses);
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
    use crate::api::routes::ROUTES;

    #[test]
    fn every_route_is_in_the_document_and_nothing_else_is() {
        let document = build(ROUTES);
        let mut left = document["paths"].as_object().unwrap().clone();
        for route in ROUTES.iter().copied().flatten() {
            for method in route.methods {
                let operations = left[route.path].as_object_mut().unwrap();
                let operation = operations.remove(&method.as_str().to_ascii_lowercase()).unwrap();
                assert_eq!(operation["summary"], route.doc.summary);
                assert_eq!(operation["x-access"], route.access.as_str());
                assert!(
                    !route.doc.summary.is_empty() && !route.doc.content.is_empty(),
                    "{}",
                    route.path
                );
            }
        }
        assert!(
            left.values()
                .all(|operations| operations.as_object().unwrap().is_empty()),
            "{left:?}"
        );
    }

    #[test]
    fn the_document_says_who_may() {
        let paths = &build(ROUTES)["paths"];
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
        let document = build(ROUTES);
        let text = document.to_string();
        for (at, _) in text.match_indices("#/components/schemas/") {
            let name = text[at + 21..].split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
        assert_eq!(document["paths"]["/-/reload"]["put"]["operationId"], "put___reload");
    }
}
