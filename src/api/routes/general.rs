//! The routes of lanpulse as a whole: pages, metrics, probes, events and what an administrator needs.

use hyper::Method;

use crate::api::app::App;
use crate::api::{admin, events, landing, outages, probe, scrape, status, targets};
use crate::serve::{Access, Content, Doc, GET, Route, optional, required};

const TEXT: Content = Content::Text("text/plain");

/// The rows.
pub const ROUTES: &[Route<App>] = &[
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
        path: "/api/v1/events",
        access: Access::Read,
        handler: |app, request| Box::pin(events::listen(app, request)),
        doc: Doc::new(
            "Server-sent events: hello, device_discovered, device_up, device_down, latency, heartbeat, scan",
            &[Content::Text("text/event-stream")],
        )
        .statuses(&[(503, "Too many listen")]),
    },
];
