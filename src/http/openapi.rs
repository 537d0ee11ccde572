//! `/api/v1/openapi.json`: what this server answers, in OpenAPI 3.1.
//!
//! Owns one table, a row for each path and method that `dispatch` knows; a test compares the two. Gives the document,
//! made from the table when it is asked for.

use hyper::Response;
use serde_json::{Map, Value, json};

use super::reply::{self, Body};

/// What an answer with status 200 holds.
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
    /// Statuses other than 200 that are no error of the client's.
    also: &'static [(u16, &'static str)],
}

const READ: &[&str] = &["get", "head"];
const WRITE: &[&str] = &["post", "put"];
const TEXT: Holds = Holds::Text("text/plain");

/// The paths, in the order of docs/api.
const ROUTES: [Route; 25] = [
    Route {
        path: "/",
        methods: READ,
        summary: "The landing page: what is down, at a glance",
        holds: &[Holds::Text("text/html")],
        query: &[],
        also: &[],
    },
    Route {
        path: "/metrics",
        methods: READ,
        summary: "The exposition for Prometheus, in the format of the Accept header",
        holds: &[TEXT, Holds::Text("application/openmetrics-text")],
        query: &[],
        also: &[],
    },
    Route {
        path: "/-/healthy",
        methods: READ,
        summary: "Whether lanpulse runs; never authenticated",
        holds: &[TEXT],
        query: &[],
        also: &[],
    },
    Route {
        path: "/-/ready",
        methods: READ,
        summary: "Whether the state is loaded and probes run; never authenticated",
        holds: &[TEXT],
        query: &[],
        also: &[],
    },
    Route {
        path: "/-/reload",
        methods: WRITE,
        summary: "Reads the configuration again",
        holds: &[Holds::Json("Reloaded")],
        query: &[],
        also: &[(400, "The configuration has problems; the running one stays")],
    },
    Route {
        path: "/api/v1/targets",
        methods: READ,
        summary: "Every probe with its last reading",
        holds: &[Holds::Json("Targets")],
        query: &[],
        also: &[],
    },
    Route {
        path: "/api/v1/status",
        methods: READ,
        summary: "What is down, degraded or not measured, since when and why",
        holds: &[Holds::Json("Status")],
        query: &[],
        also: &[],
    },
    Route {
        path: "/api/v1/outages",
        methods: READ,
        summary: "Every outage of the internet that is remembered, newest first",
        holds: &[Holds::Json("Outages")],
        query: &[],
        also: &[],
    },
    Route {
        path: "/probe",
        methods: READ,
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
    },
    Route {
        path: "/api/v1/heartbeats",
        methods: READ,
        summary: "Every heartbeat and its state",
        holds: &[Holds::Json("Heartbeats")],
        query: &[],
        also: &[],
    },
    Route {
        path: "/api/v1/heartbeats/{name}",
        methods: READ,
        summary: "A heartbeat and its last reports",
        holds: &[Holds::Json("Heartbeat")],
        query: &[],
        also: &[(404, "No such heartbeat")],
    },
    Route {
        path: "/api/v1/heartbeats/{name}",
        methods: &["patch"],
        summary: "Pauses a heartbeat, or ends its pause",
        holds: &[Holds::Json("Heartbeat")],
        query: &[],
        also: &[(404, "No such heartbeat")],
    },
    Route {
        path: "/api/v1/heartbeats/{name}",
        methods: &["delete"],
        summary: "Forgets a heartbeat that a client has made",
        holds: &[Holds::Json("Done")],
        query: &[],
        also: &[(404, "No such heartbeat")],
    },
    Route {
        path: "/api/v1/heartbeats/{name}",
        methods: &["post"],
        summary: "Reports, with the heartbeat's own token",
        holds: &[Holds::Json("Done")],
        query: &[],
        also: &[(404, "No such heartbeat, or the wrong token")],
    },
    Route {
        path: "/ping/{token}",
        methods: &["get", "head", "post"],
        summary: "Reports as healthchecks.io takes it",
        holds: &[Holds::Text("text/plain")],
        query: &[],
        also: &[(404, "No heartbeat has this token")],
    },
    Route {
        path: "/ping/{token}/{signal}",
        methods: &["get", "head", "post"],
        summary: "Reports start, fail, log or an exit code",
        holds: &[Holds::Text("text/plain")],
        query: &[],
        also: &[(404, "No heartbeat has this token")],
    },
    Route {
        path: "/api/v1/devices",
        methods: READ,
        summary: "The inventory",
        holds: &[Holds::Json("Devices"), Holds::Text("text/csv")],
        query: &[],
        also: &[],
    },
    Route {
        path: "/api/v1/devices/{id}",
        methods: READ,
        summary: "One device",
        holds: &[Holds::Json("Device")],
        query: &[],
        also: &[(404, "No such device")],
    },
    Route {
        path: "/api/v1/devices/{id}",
        methods: &["patch"],
        summary: "Changes what people say of a device",
        holds: &[Holds::Json("Device")],
        query: &[],
        also: &[(404, "No such device")],
    },
    Route {
        path: "/sd",
        methods: READ,
        summary: "The inventory for Prometheus HTTP service discovery",
        holds: &[Holds::Json("Groups")],
        query: &[],
        also: &[],
    },
    Route {
        path: "/api/v1/events",
        methods: READ,
        summary: "Server-sent events",
        holds: &[Holds::Text("text/event-stream")],
        query: &[],
        also: &[],
    },
    Route {
        path: "/api/v1/audit",
        methods: READ,
        summary: "Who changed what in the inventory, the newest first; for who may write",
        holds: &[Holds::Json("Audit")],
        query: &[
            ("device", false, "The id of a device: only what was changed of it"),
            ("before", false, "Only rows with a lower id: next of the page before"),
            ("limit", false, "Rows on a page, 1 to 10000; 500 if not given"),
        ],
        also: &[],
    },
    Route {
        path: "/api/v1/discovery/scan",
        methods: &["post"],
        summary: "Starts a scan",
        holds: &[Holds::Json("Scan")],
        query: &[],
        also: &[(202, "It has begun"), (409, "One is under way")],
    },
    Route {
        path: "/api/v1/discovery/scans/{id}",
        methods: READ,
        summary: "How a scan does",
        holds: &[Holds::Json("Scan")],
        query: &[],
        also: &[(404, "No such scan")],
    },
    Route {
        path: "/api/v1/openapi.json",
        methods: READ,
        summary: "This document",
        holds: &[Holds::Json("Document")],
        query: &[],
        also: &[],
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
        // Which of them a path takes depends on the configuration: docs/security.md.
        "security": [{}, {"basic": []}, {"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "A user of --web.config.file"},
                "token": {"type": "http", "scheme": "bearer", "description": "A token of api.tokens"},
            },
            "schemas": schemas(),
        },
    })
}

fn operation(route: &Route, method: &str) -> Value {
    let name: String = route
        .path
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let error = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
    let mut content = Map::new();
    for holds in route.holds {
        let (kind, schema) = match holds {
            Holds::Json(name) => (
                "application/json",
                json!({"$ref": format!("#/components/schemas/{name}")}),
            ),
            // Of each event, as readers of such a stream have it.
            Holds::Text(kind @ "text/event-stream") => {
                (*kind, json!({"type": "object", "required": ["event", "data"]}))
            }
            Holds::Text(kind) => (*kind, json!({"type": "string"})),
        };
        content.insert(kind.to_owned(), json!({"schema": schema}));
    }
    let mut responses = Map::new();
    responses.insert(
        "200".into(),
        json!({"description": route.summary, "content": content.clone()}),
    );
    for (status, description) in route.also {
        responses.insert(
            status.to_string(),
            json!({"description": description, "content": error}),
        );
    }
    responses.insert(
        "default".into(),
        json!({"description": "What went wrong", "content": error}),
    );
    let parameter = |(name, required, description): &(&str, bool, &str)| {
        json!({
            "name": name, "in": "query", "required": required, "description": description,
            "schema": {"type": "string"},
        })
    };
    let mut parameters: Vec<Value> = route.query.iter().map(parameter).collect();
    let named = route.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    parameters
        .extend(named.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})));
    let mut operation = json!({
        "operationId": format!("{method}{name}"),
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses,
    });
    if matches!(method, "patch" | "post") && route.path.starts_with("/api/v1/heartbeats/") {
        let schema = json!({"$ref": "#/components/schemas/Signal"});
        operation["requestBody"] = json!({"content": {"application/json": {"schema": schema}}});
    }
    operation
}

fn schemas() -> Value {
    let text = json!({"type": "string"});
    let count = json!({"type": "integer", "minimum": 0});
    let number = json!({"type": "number", "minimum": 0});
    let time = json!({"type": "string", "format": "date-time"});
    let maybe = |kind: &str| json!({"type": [kind, "null"]});
    let reason = json!({
        "type": "object",
        "required": ["reason", "message"],
        "properties": {"reason": text, "message": text},
    });
    let list = |name: &str| json!({"type": "array", "items": {"$ref": format!("#/components/schemas/{name}")}});
    json!({
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": {"error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {"code": text, "message": text, "problems": {"type": "array", "items": text}},
            }},
        },
        "Reloaded": {
            "type": "object",
            "required": ["status", "message"],
            "properties": {"status": {"const": "reloaded"}, "message": text},
        },
        "Targets": {
            "type": "object",
            "required": ["total", "targets"],
            "properties": {"total": count, "targets": list("Target")},
        },
        "Target": {
            "type": "object",
            "required": ["device", "address", "probe", "kind", "interval_seconds", "timeout_seconds", "status"],
            "properties": {
                "device": text, "address": text, "resolved": text, "probe": text, "kind": text,
                "interval_seconds": number, "timeout_seconds": number, "status": text, "up": maybe("boolean"),
                "last_run": maybe("string"), "success": maybe("boolean"), "duration_seconds": maybe("number"),
                "failure": reason,
            },
        },
        "Status": {
            "type": "object",
            "required": ["at", "version", "ready", "devices", "down", "degraded", "unknown", "maintenance", "config"],
            "properties": {
                "at": time, "version": text, "started": time, "ready": {"type": "boolean"},
                "devices": {"type": "object", "additionalProperties": count},
                "down": list("Trouble"), "degraded": list("Trouble"), "unknown": list("Trouble"),
                "maintenance": list("Trouble"), "config": {"type": "object"}, "icmp": {"type": "object"},
                "store": {"type": "object"}, "observations_dropped": count,
            },
        },
        "Trouble": {
            "type": "object",
            "required": ["device", "address", "since", "for_seconds"],
            "properties": {
                "device": text, "address": text, "since": time, "for_seconds": count, "parent": text,
                "failure": reason,
            },
        },
        "Outages": {
            "type": "object",
            "required": ["total", "outages"],
            "properties": {"total": count, "outages": {"type": "array", "items": {
                "type": "object",
                "required": ["start", "end", "duration_seconds"],
                "properties": {"start": time, "end": maybe("string"), "duration_seconds": number},
            }}},
        },
        "Heartbeats": {"type": "object", "required": ["heartbeats"]},
        "Heartbeat": {"type": "object", "required": ["name"]},
        "Signal": {
            "type": "object",
            "properties": {
                "paused": {"type": "boolean"}, "status": {"enum": ["ok", "fail", "start", "log"]}, "exit": {"type": "integer"},
                "run_id": text, "duration_s": number, "message": text,
            },
        },
        "Done": {"type": "object", "required": ["status"]},
        "Devices": {"type": "object", "required": ["devices", "total"]},
        "Device": {"type": "object", "required": ["id", "snmp"], "properties": {"snmp": {"type": ["object", "null"]}}},
        "Audit": {
            "type": "object",
            "required": ["audit", "next"],
            "properties": {"next": maybe("integer"), "audit": {"type": "array", "items": {
                "type": "object",
                "required": ["id", "at", "by", "device", "change"],
                "properties": {"id": count, "at": time, "by": text, "device": count, "change": {"type": "object"}},
            }}},
        },
        "Groups": {"type": "array", "items": {"type": "object", "required": ["targets", "labels"]}},
        "Scan": {"type": "object"},
        "Document": {"type": "object", "required": ["openapi", "info", "paths"]},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths that `dispatch` names.
    fn dispatched() -> Vec<&'static str> {
        let source = include_str!("mod.rs");
        let start = source.find("async fn dispatch").unwrap();
        let body = &source[start..start + source[start..].find("\n}").unwrap()];
        let mut paths: Vec<&str> = body
            .split('"')
            .skip(1)
            .step_by(2)
            .filter(|text| text.starts_with('/'))
            .collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    #[test]
    fn every_route_is_in_the_document_and_nothing_else_is() {
        let dispatched = dispatched();
        assert!(
            dispatched.contains(&"/metrics") && dispatched.len() > 5,
            "{dispatched:?}"
        );
        // a path with a parameter is matched by its stem
        let is = |route: &Route, path: &str| route.path == path || route.path.starts_with(&format!("{path}/{{"));
        for path in &dispatched {
            assert!(ROUTES.iter().any(|route| is(route, path)), "{path} is not in ROUTES");
        }
        for route in &ROUTES {
            let claimed = super::super::heartbeats::claim(route.path).is_some();
            assert!(
                claimed || dispatched.iter().any(|path| is(route, path)),
                "{} is not dispatched",
                route.path
            );
        }
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
