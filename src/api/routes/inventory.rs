//! The routes of the inventory: devices, scans, service discovery and the audit.

use hyper::Method;

use crate::api::app::App;
use crate::api::{audit, device, scans, sd};
use crate::serve::{Access, Content, Doc, GET, QueryParameter, Route, optional};

/// The query of the audit.
const AUDIT: &[QueryParameter] = &[
    optional("device", "The id of a device: only what was changed of it"),
    optional("before", "Only rows with a lower id: the next of the page before"),
    optional("limit", "Rows on the page; 500 unless said otherwise"),
];

/// The rows.
pub const ROUTES: &[Route<App>] = &[
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
];
