//! The routes of heartbeats.

use hyper::Method;

use crate::api::app::App;
use crate::api::heartbeat;
use crate::serve::{Access, Content, Doc, GET, QueryParameter, Route, optional};

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

/// What may come of a report.
const RECORDED: &[(u16, &str)] = &[
    (200, "It is on disk"),
    (201, "It is on disk, and the heartbeat is new"),
    (404, "No such heartbeat, or the wrong token"),
    (503, "It could not be stored; try again"),
];

/// The rows.
pub const ROUTES: &[Route<App>] = &[
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
            .body("Signal")
            .statuses(RECORDED),
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
];
