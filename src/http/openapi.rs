//! `/api/v1/openapi.json`: what this server answers, in OpenAPI 3.1.
//!
//! Owns one table, a row for each path and method that `dispatch` knows; a test compares the two. Gives the document,
//! made from the table when it is asked for.

use hyper::{Method, Response};
use serde_json::{Map, Value, json};

use super::access::{self, Class};
use super::reply::{self, Body};
use super::schemas;

/// What an answer that is no error holds.
#[derive(Clone, Copy)]
enum Holds {
    /// JSON of this schema.
    Json(&'static str),
    /// Text of this type.
    Text(&'static str),
}

/// A path and a method, what they are for, and what comes back.
struct Route {
    path: &'static str,
    methods: &'static [&'static str],
    summary: &'static str,
    holds: &'static [Holds],
    /// What stands in the query: the name, whether it must, and what it is.
    query: &'static [(&'static str, bool, &'static str)],
    /// The schema of the body, if it takes one.
    body: Option<&'static str>,
    /// Statuses of its own. 200 goes without saying unless another success stands here without it.
    also: &'static [(u16, &'static str)],
}

const READ: &[&str] = &["get", "head"];
const WRITE: &[&str] = &["post", "put"];
const TEXT: Holds = Holds::Text("text/plain");
/// With what a client may make a heartbeat.
const CREATE: [(&str, bool, &str); 3] = [
    (
        "create",
        false,
        "1: make it if there is none, with the key of heartbeat_enrolment",
    ),
    ("every", false, "How often the new one reports, as in 1h"),
    ("grace", false, "How late it may be"),
];
const PING: [(&str, bool, &str); 4] = [("rid", false, "The run, a UUID"), CREATE[0], CREATE[1], CREATE[2]];

/// What may come of a report.
const RECORDED: &[(u16, &str)] = &[
    (200, "It is on disk"),
    (201, "It is on disk, and the heartbeat is new"),
    (404, "No such heartbeat, or the wrong token"),
    (503, "It could not be stored; try again"),
];
/// What most are.
const PLAIN: Route = Route {
    path: "/",
    methods: READ,
    summary: "",
    holds: &[],
    query: &[],
    body: None,
    also: &[],
};

/// The paths.
const ROUTES: [Route; 25] = [
    Route {
        path: "/",
        summary: "The landing page: what is down, at a glance",
        holds: &[Holds::Text("text/html")],
        ..PLAIN
    },
    Route {
        path: "/metrics",
        summary: "The exposition for Prometheus, in the format of the Accept header",
        holds: &[TEXT, Holds::Text("application/openmetrics-text")],
        ..PLAIN
    },
    Route {
        path: "/-/healthy",
        summary: "Whether lanpulse runs; never authenticated",
        holds: &[TEXT],
        ..PLAIN
    },
    Route {
        path: "/-/ready",
        summary: "Whether the state is loaded and probes run; never authenticated",
        holds: &[TEXT],
        ..PLAIN
    },
    Route {
        path: "/-/reload",
        methods: WRITE,
        summary: "Reads the configuration again",
        holds: &[Holds::Json("Reloaded")],
        also: &[(400, "The configuration has problems; the running one stays")],
        ..PLAIN
    },
    Route {
        path: "/api/v1/targets",
        summary: "Every probe with its last reading",
        holds: &[Holds::Json("Targets")],
        ..PLAIN
    },
    Route {
        path: "/api/v1/status",
        summary: "What is down, degraded or not measured, since when and why",
        holds: &[Holds::Json("Status")],
        ..PLAIN
    },
    Route {
        path: "/api/v1/outages",
        summary: "Every outage of the internet that is remembered, newest first",
        holds: &[Holds::Json("Outages")],
        ..PLAIN
    },
    Route {
        path: "/probe",
        summary: "Probes a target once, as blackbox_exporter does",
        holds: &[TEXT, Holds::Text("application/openmetrics-text")],
        query: &[
            ("target", true, "What to probe: an address, a name, a URL"),
            (
                "module",
                false,
                "How: one of the configuration's modules; http_2xx if none is named",
            ),
            ("hostname", false, "The Host and TLS name to use"),
            ("debug", false, "true: an explanation for people"),
        ],
        also: &[(400, "No such module, or nothing it can probe")],
        ..PLAIN
    },
    Route {
        path: "/api/v1/heartbeats",
        summary: "Every heartbeat and its state",
        holds: &[Holds::Json("Heartbeats")],
        ..PLAIN
    },
    Route {
        path: "/api/v1/heartbeats/{name}",
        summary: "A heartbeat and its last reports",
        holds: &[Holds::Json("Heartbeat")],
        also: &[(404, "No such heartbeat")],
        ..PLAIN
    },
    Route {
        path: "/api/v1/heartbeats/{name}",
        methods: &["patch"],
        summary: "Pauses a heartbeat, or ends its pause",
        holds: &[Holds::Json("Heartbeat")],
        body: Some("Pause"),
        also: &[(404, "No such heartbeat"), (503, "It could not be stored; try again")],
        ..PLAIN
    },
    Route {
        path: "/api/v1/heartbeats/{name}",
        methods: &["delete"],
        summary: "Forgets a heartbeat that a client has made",
        holds: &[Holds::Json("Done")],
        also: &[(404, "No such heartbeat"), (503, "It could not be stored; try again")],
        ..PLAIN
    },
    Route {
        path: "/api/v1/heartbeats/{name}",
        methods: &["post"],
        summary: "Reports, with the heartbeat's own token",
        holds: &[Holds::Json("Done")],
        query: &CREATE,
        body: Some("Signal"),
        also: RECORDED,
    },
    Route {
        path: "/ping/{token}",
        methods: &["get", "head", "post"],
        summary: "Reports as healthchecks.io takes it",
        holds: &[Holds::Text("text/plain")],
        query: &PING,
        also: RECORDED,
        ..PLAIN
    },
    Route {
        path: "/ping/{token}/{signal}",
        methods: &["get", "head", "post"],
        summary: "Reports start, fail, log or an exit code",
        holds: &[Holds::Text("text/plain")],
        query: &PING,
        also: RECORDED,
        ..PLAIN
    },
    Route {
        path: "/api/v1/devices",
        summary: "The inventory",
        holds: &[Holds::Json("Devices"), Holds::Text("text/csv")],
        query: &[
            ("status", false, "new, approved, ignored or blocked; of several any"),
            ("class", false, "A class, as in printer; of several any"),
            ("online", false, "true or false"),
            ("q", false, "Text in name, host name, vendor, model, notes or addresses"),
            (
                "sort",
                false,
                "name, id, first_seen, last_seen, address, vendor, class or status; - before it turns it round",
            ),
            ("limit", false, "Devices on the page; 500 unless said otherwise"),
            ("offset", false, "Devices to leave out: the next of the page before"),
            ("format", false, "json or csv"),
        ],
        ..PLAIN
    },
    Route {
        path: "/api/v1/devices/{id}",
        summary: "One device",
        holds: &[Holds::Json("Device")],
        also: &[(404, "No such device")],
        ..PLAIN
    },
    Route {
        path: "/api/v1/devices/{id}",
        methods: &["patch"],
        summary: "Changes what people say of a device",
        holds: &[Holds::Json("Device")],
        body: Some("Change"),
        also: &[(404, "No such device"), (409, "Another device has the name")],
        ..PLAIN
    },
    Route {
        path: "/sd",
        summary: "The inventory for Prometheus HTTP service discovery",
        holds: &[Holds::Json("Groups")],
        query: &[
            ("port", false, "The port of the targets"),
            ("class", false, "A class, as in printer"),
            ("role", false, "A role of the configuration"),
            ("site", false, "A site of the configuration"),
            (
                "status",
                false,
                "new, approved, ignored or blocked; approved unless said otherwise",
            ),
            ("probe", false, "A kind or name of probe it has, as in snmp"),
        ],
        ..PLAIN
    },
    Route {
        path: "/api/v1/events",
        summary: "Server-sent events: hello, device_discovered, device_up, device_down, latency, heartbeat, scan",
        holds: &[Holds::Text("text/event-stream")],
        also: &[(503, "Too many listen")],
        ..PLAIN
    },
    Route {
        path: "/api/v1/audit",
        summary: "Who changed what in the inventory, the newest first",
        holds: &[Holds::Json("Audit")],
        query: &schemas::AUDIT,
        ..PLAIN
    },
    Route {
        path: "/api/v1/discovery/scan",
        methods: &["post"],
        summary: "Starts a scan",
        holds: &[Holds::Json("Started")],
        body: Some("Order"),
        also: &[(202, "It has begun"), (409, "One is under way")],
        ..PLAIN
    },
    Route {
        path: "/api/v1/discovery/scans/{id}",
        summary: "How a scan does",
        holds: &[Holds::Json("Scan")],
        also: &[(404, "No such scan")],
        ..PLAIN
    },
    Route {
        path: "/api/v1/openapi.json",
        summary: "This document",
        holds: &[Holds::Json("Document")],
        ..PLAIN
    },
];

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
