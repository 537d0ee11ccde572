//! The table of the API's routes: a row for each path and method that `dispatch` knows (a test of `openapi` compares the
//! two), with what it is for and what comes back.

use super::schemas;

/// What an answer that is no error holds.
#[derive(Clone, Copy)]
pub enum Holds {
    /// JSON of this schema.
    Json(&'static str),
    /// Text of this type.
    Text(&'static str),
}

/// A path and a method, what they are for, and what comes back.
pub struct Route {
    /// As `dispatch` has it; what varies stands in braces.
    pub path: &'static str,
    /// In lower case.
    pub methods: &'static [&'static str],
    /// What it is for, a line.
    pub summary: &'static str,
    /// What a success may hold.
    pub holds: &'static [Holds],
    /// What stands in the query: the name, whether it must, and what it is.
    pub query: &'static [(&'static str, bool, &'static str)],
    /// The schema of the body, if it takes one.
    pub body: Option<&'static str>,
    /// Statuses of its own. 200 goes without saying unless another success stands here without it.
    pub also: &'static [(u16, &'static str)],
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
pub const ROUTES: [Route; 25] = [
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
