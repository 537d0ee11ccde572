//! The table of routes: each row is a path, its methods, who may use it, its handler and its documentation.
//!
//! Everything that depends on the routes reads this table: which handler answers (`serve`), who is let in (`serve`) and
//! the OpenAPI document (`openapi`). To add a route, add a row and its handler.

use hyper::Method;

use super::app::App;
use super::{
    admin, audit, device, events, heartbeat, landing, openapi, outages, probe, scans, scrape, sd, status, targets,
};
use crate::serve::{Access, Content, Doc, QueryParameter, Route, optional, required};

const GET: &[Method] = &[Method::GET, Method::HEAD];
const TEXT: Content = Content::Text("text/plain");

/// The query with which a client creates a heartbeat.
const CREATE: &[QueryParameter] = &[CREATE_ONE, EVERY, GRACE];
/// The query of a ping.
const PING: &[QueryParameter] = &[optional("rid", "The run, a UUID"), CREATE_ONE, EVERY, GRACE];
const CREATE_ONE: QueryParameter = optional(
    "create",
    "1: make it if there is none, with the key of heartbeat_enrolment",
);
const EVERY: QueryParameter = optional("every", "How often the new one reports, as in 1h");
const GRACE: QueryParameter = optional("grace", "How late it may be");

/// The query of the audit.
const AUDIT: &[QueryParameter] = &[
    optional("device", "The id of a device: only what was changed of it"),
    optional("before", "Only rows with a lower id: the next of the page before"),
    optional("limit", "Rows on the page; 500 unless said otherwise"),
];

/// What may come of a report.
const RECORDED: &[(u16, &str)] = &[
    (200, "It is on disk"),
    (201, "It is on disk, and the heartbeat is new"),
    (404, "No such heartbeat, or the wrong token"),
    (503, "It could not be stored; try again"),
];

/// All routes.
pub static ROUTES: [Route<App>; 25] = [
    Route {
        methods: GET,
        path: "/",
        access: Access::Read,
        handler: |app, _| Box::pin(landing::page(app)),
        doc: Doc::new(
            "The landing page: what is down, at a glance",
            &[Content::Text("text/html")],
        ),
    },
    Route {
        methods: GET,
        path: "/metrics",
        access: Access::Read,
        handler: |app, request| Box::pin(scrape::metrics(app, request)),
        doc: Doc::new(
            "The exposition for Prometheus, in the format of the Accept header",
            &[TEXT, Content::Text("application/openmetrics-text")],
        ),
    },
    Route {
        methods: GET,
        path: "/-/healthy",
        access: Access::Anyone,
        handler: |_, _| Box::pin(async { Ok(admin::healthy()) }),
        doc: Doc::new("Whether lanpulse runs; never authenticated", &[TEXT]),
    },
    Route {
        methods: GET,
        path: "/-/ready",
        access: Access::Anyone,
        handler: |app, _| Box::pin(async { admin::ready(app) }),
        doc: Doc::new(
            "Whether the state is loaded and probes run; never authenticated",
            &[TEXT],
        ),
    },
    Route {
        methods: &[Method::POST, Method::PUT],
        path: "/-/reload",
        access: Access::Write,
        handler: |app, _| Box::pin(admin::reload(app)),
        doc: Doc::new("Reads the configuration again", &[Content::Json("Reloaded")])
            .statuses(&[(400, "The configuration has problems; the running one stays")]),
    },
    Route {
        methods: GET,
        path: "/api/v1/targets",
        access: Access::Read,
        handler: |app, _| Box::pin(targets::list(app)),
        doc: Doc::new("Every probe with its last reading", &[Content::Json("Targets")]),
    },
    Route {
        methods: GET,
        path: "/api/v1/status",
        access: Access::Read,
        handler: |app, _| Box::pin(status::show(app)),
        doc: Doc::new(
            "What is down, degraded or not measured, since when and why",
            &[Content::Json("Status")],
        ),
    },
    Route {
        methods: GET,
        path: "/api/v1/outages",
        access: Access::Read,
        handler: |app, _| Box::pin(outages::list(app)),
        doc: Doc::new(
            "Every outage of the internet that is remembered, newest first",
            &[Content::Json("Outages")],
        ),
    },
    Route {
        methods: GET,
        path: "/probe",
        access: Access::Read,
        handler: |app, request| Box::pin(probe::run(app, request)),
        doc: Doc::new(
            "Probes a target once, as blackbox_exporter does",
            &[TEXT, Content::Text("application/openmetrics-text")],
        )
        .query(&[
            required("target", "What to probe: an address, a name, a URL"),
            optional(
                "module",
                "How: one of the configuration's modules; http_2xx if none is named",
            ),
            optional("hostname", "The Host and TLS name to use"),
            optional("debug", "true: an explanation for people"),
        ])
        .statuses(&[(400, "No such module, or nothing it can probe")]),
    },
    Route {
        methods: GET,
        path: "/api/v1/heartbeats",
        access: Access::Read,
        handler: |app, _| Box::pin(heartbeat::list(app)),
        doc: Doc::new("Every heartbeat and its state", &[Content::Json("Heartbeats")]),
    },
    Route {
        methods: GET,
        path: "/api/v1/heartbeats/{name}",
        access: Access::Read,
        handler: |app, request| Box::pin(heartbeat::show(app, request)),
        doc: Doc::new("A heartbeat and its last reports", &[Content::Json("Heartbeat")])
            .statuses(&[(404, "No such heartbeat")]),
    },
    Route {
        methods: &[Method::PATCH],
        path: "/api/v1/heartbeats/{name}",
        access: Access::Write,
        handler: |app, request| Box::pin(heartbeat::change(app, request)),
        doc: Doc::new("Pauses a heartbeat, or ends its pause", &[Content::Json("Heartbeat")])
            .body("Pause")
            .statuses(&[(404, "No such heartbeat"), (503, "It could not be stored; try again")]),
    },
    Route {
        methods: &[Method::POST],
        path: "/api/v1/heartbeats/{name}",
        access: Access::OwnToken,
        handler: |app, request| Box::pin(heartbeat::by_name(app, request)),
        doc: Doc::new("Reports, with the heartbeat's own token", &[Content::Json("Done")])
            .query(CREATE)
            .body("Signal"),
    },
    Route {
        methods: &[Method::DELETE],
        path: "/api/v1/heartbeats/{name}",
        access: Access::Write,
        handler: |app, request| Box::pin(heartbeat::delete(app, request)),
        doc: Doc::new("Forgets a heartbeat that a client has made", &[Content::Json("Done")])
            .statuses(&[(404, "No such heartbeat"), (503, "It could not be stored; try again")]),
    },
    Route {
        methods: &[Method::GET, Method::HEAD, Method::POST],
        path: "/ping/{token}/{signal}",
        access: Access::OwnToken,
        handler: |app, request| Box::pin(heartbeat::by_ping(app, request)),
        doc: Doc::new(
            "Reports start, fail, log or an exit code",
            &[Content::Text("text/plain")],
        )
        .query(PING)
        .statuses(RECORDED),
    },
    Route {
        methods: &[Method::GET, Method::HEAD, Method::POST],
        path: "/ping/{token}",
        access: Access::OwnToken,
        handler: |app, request| Box::pin(heartbeat::by_ping(app, request)),
        doc: Doc::new("Reports as healthchecks.io takes it", &[Content::Text("text/plain")])
            .query(PING)
            .statuses(RECORDED),
    },
    Route {
        methods: GET,
        path: "/api/v1/devices",
        access: Access::Read,
        handler: |app, request| Box::pin(device::list(app, request)),
        doc: Doc::new("The inventory", &[Content::Json("Devices"), Content::Text("text/csv")]).query(&[
            optional("status", "new, approved, ignored or blocked; of several any"),
            optional("class", "A class, as in printer; of several any"),
            optional("online", "true or false"),
            optional("q", "Text in name, host name, vendor, model, notes or addresses"),
            optional(
                "sort",
                "name, id, first_seen, last_seen, address, vendor, class or status; - before it turns it round",
            ),
            optional("limit", "Devices on the page; 500 unless said otherwise"),
            optional("offset", "Devices to leave out: the next of the page before"),
            optional("format", "json or csv"),
        ]),
    },
    Route {
        methods: GET,
        path: "/api/v1/devices/{id}",
        access: Access::Read,
        handler: |app, request| Box::pin(device::show(app, request)),
        doc: Doc::new("One device", &[Content::Json("Device")]).statuses(&[(404, "No such device")]),
    },
    Route {
        methods: &[Method::PATCH],
        path: "/api/v1/devices/{id}",
        access: Access::Write,
        handler: |app, request| Box::pin(device::patch(app, request)),
        doc: Doc::new("Changes what people say of a device", &[Content::Json("Device")])
            .body("Change")
            .statuses(&[(404, "No such device"), (409, "Another device has the name")]),
    },
    Route {
        methods: GET,
        path: "/sd",
        access: Access::Read,
        handler: |app, request| Box::pin(sd::targets(app, request)),
        doc: Doc::new(
            "The inventory for Prometheus HTTP service discovery",
            &[Content::Json("Groups")],
        )
        .query(&[
            optional("port", "The port of the targets"),
            optional("class", "A class, as in printer"),
            optional("role", "A role of the configuration"),
            optional("site", "A site of the configuration"),
            optional(
                "status",
                "new, approved, ignored or blocked; approved unless said otherwise",
            ),
            optional("probe", "A kind or name of probe it has, as in snmp"),
        ]),
    },
    Route {
        methods: GET,
        path: "/api/v1/events",
        access: Access::Read,
        handler: |app, request| Box::pin(events::listen(app, request)),
        doc: Doc::new(
            "Server-sent events: hello, device_discovered, device_up, device_down, latency, heartbeat, scan",
            &[Content::Text("text/event-stream")],
        )
        .statuses(&[(503, "Too many listen")]),
    },
    Route {
        methods: GET,
        path: "/api/v1/audit",
        access: Access::Write,
        handler: |app, request| Box::pin(audit::list(app, request)),
        doc: Doc::new(
            "Who changed what in the inventory, the newest first",
            &[Content::Json("Audit")],
        )
        .query(AUDIT),
    },
    Route {
        methods: &[Method::POST],
        path: "/api/v1/discovery/scan",
        access: Access::Write,
        handler: |app, request| Box::pin(scans::start(app, request)),
        doc: Doc::new("Starts a scan", &[Content::Json("Started")])
            .body("Order")
            .statuses(&[(202, "It has begun"), (409, "One is under way")]),
    },
    Route {
        methods: GET,
        path: "/api/v1/discovery/scans/{id}",
        access: Access::Read,
        handler: |app, request| Box::pin(scans::look(app, request)),
        doc: Doc::new("How a scan does", &[Content::Json("Scan")]).statuses(&[(404, "No such scan")]),
    },
    Route {
        methods: GET,
        path: "/api/v1/openapi.json",
        access: Access::Read,
        handler: |_, _| Box::pin(async { Ok(openapi::document(&ROUTES)) }),
        doc: Doc::new("This document", &[Content::Json("Document")]),
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::serve::{Found, find};

    /// A path of this row, with something in place of its parameters.
    fn example(path: &str) -> String {
        ["{id}", "{name}", "{token}", "{signal}"]
            .iter()
            .fold(path.to_owned(), |path, parameter| path.replace(parameter, "1"))
    }

    #[test]
    fn every_row_answers_its_path_and_methods() {
        for route in &ROUTES {
            assert!(!route.methods.is_empty(), "{}", route.path);
            for method in route.methods {
                let (access, found) = find(&ROUTES, method, &example(route.path));
                let Found::Route(found, _) = found else {
                    panic!("{method} {} finds no row", route.path)
                };
                assert!(
                    std::ptr::eq(found, route),
                    "{method} {} finds {}",
                    route.path,
                    found.path
                );
                assert_eq!(access, route.access);
            }
        }
    }

    #[test]
    fn no_path_has_a_method_twice() {
        let mut seen = HashSet::new();
        for route in &ROUTES {
            for method in route.methods {
                assert!(seen.insert((route.path, method)), "{method} {}", route.path);
            }
        }
    }

    #[test]
    fn a_path_that_takes_get_takes_head() {
        for route in &ROUTES {
            let takes = |method| route.methods.contains(&method);
            assert_eq!(takes(Method::GET), takes(Method::HEAD), "{}", route.path);
        }
    }

    #[test]
    fn other_methods_are_refused_with_those_there_are() {
        let all = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ];
        for route in &ROUTES {
            let rows = ROUTES.iter().filter(|other| other.path == route.path);
            let taken: Vec<Method> = rows.flat_map(|row| row.methods).cloned().collect();
            for method in all.iter().filter(|method| !taken.contains(method)) {
                match find(&ROUTES, method, &example(route.path)).1 {
                    Found::OtherMethods(allowed) => assert_eq!(allowed, taken, "{method} {}", route.path),
                    _ => panic!("{method} {} is not refused", route.path),
                }
            }
        }
    }

    #[test]
    fn what_changes_something_is_for_those_who_may_write() {
        for route in &ROUTES {
            let reads = Access::of(&route.methods[0]) == Access::Read;
            match route.access {
                Access::Anyone | Access::Read => assert!(reads, "{}", route.path),
                Access::OwnToken | Access::Write => {}
            }
        }
    }

    #[test]
    fn every_path_has_its_access() {
        for (method, path, expected) in [
            ("GET", "/-/healthy", Access::Anyone),
            ("HEAD", "/-/ready", Access::Anyone),
            ("POST", "/-/ready", Access::Write),
            ("GET", "/-/ready/", Access::Read),
            ("GET", "/", Access::Read),
            ("GET", "/metrics", Access::Read),
            ("GET", "/api/v1/anything-new", Access::Read),
            ("POST", "/-/reload", Access::Write),
            ("PUT", "/-/reload", Access::Write),
            ("PATCH", "/api/v1/devices/7", Access::Write),
            ("DELETE", "/api/v1/anything-new", Access::Write),
            ("POST", "/api/v1/discovery/scan", Access::Write),
            ("GET", "/api/v1/heartbeats", Access::Read),
            ("GET", "/api/v1/heartbeats/x", Access::Read),
            ("POST", "/api/v1/heartbeats/x", Access::OwnToken),
            ("PATCH", "/api/v1/heartbeats/x", Access::Write),
            ("GET", "/ping/abc", Access::OwnToken),
            ("POST", "/ping/abc/fail", Access::OwnToken),
            ("PUT", "/ping/abc", Access::OwnToken),
            ("GET", "/ping/", Access::OwnToken),
            ("GET", "/ping", Access::Read),
            ("GET", "/api/v1/audit", Access::Write),
            ("POST", "/api/v1/audit", Access::Write),
        ] {
            let (access, _) = find(&ROUTES, &method.parse().unwrap(), path);
            assert_eq!(access, expected, "{method} {path}");
        }
    }
}
