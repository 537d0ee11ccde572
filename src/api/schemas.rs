//! The schemas of `/api/v1/openapi.json`: the shapes of bodies and parameters.

use serde_json::{Value, json};

use super::query;
use crate::model::{Approval, Class, Method};

/// The schema of a parameter in a path or a query.
pub fn of_parameter(path: &str, name: &str) -> Value {
    let devices = path.starts_with("/api/v1/devices");
    match name {
        "id" | "offset" => json!({"type": "integer", "minimum": 0}),
        "device" | "before" if path == "/api/v1/audit" => json!({"type": "integer", "minimum": 0}),
        "limit" => {
            json!({"type": "integer", "minimum": 1, "maximum": query::LARGEST_PAGE, "default": query::PAGE})
        }
        "port" => json!({"type": "integer", "minimum": 1, "maximum": 65535}),
        "online" => json!({"type": "boolean"}),
        "format" => json!({"enum": ["json", "csv"]}),
        "status" => json!({"enum": Approval::ALL.map(Approval::as_str)}),
        "class" if devices => json!({"enum": Class::ALL.map(|(_, word)| word)}),
        "sort" => {
            json!({"type": "string", "pattern": "^-?(name|id|first_seen|last_seen|address|vendor|class|status)$"})
        }
        "rid" => json!({"type": "string", "format": "uuid"}),
        _ => json!({"type": "string"}),
    }
}

/// All schemas, by name.
pub fn all() -> Value {
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
    let things = json!({"type": "array", "items": {"type": "object"}});
    let classes = Class::ALL.map(|(_, word)| word);
    let methods = Method::ALL.map(Method::as_str);
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
                "maintenance": list("Trouble"), "internet": maybe("object"), "failing_checks": things,
                "config": {"type": "object"}, "heartbeats": {"type": "object"}, "icmp": {"type": "object"},
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
        "Heartbeats": {
            "type": "object",
            "required": ["total", "heartbeats"],
            "properties": {"total": count, "heartbeats": list("Heartbeat")},
        },
        "Heartbeat": {
            "type": "object",
            "required": ["name", "source", "state", "paused", "running", "schedule", "grace_seconds"],
            "properties": {
                "name": text, "source": {"enum": ["auto", "config"]}, "state": text, "paused": {"type": "boolean"},
                "running": {"type": "boolean"}, "in_hours": {"type": "boolean"}, "schedule": {"type": "object"},
                "grace_seconds": number, "start_within_seconds": number, "max_runtime_seconds": number,
                "hours": maybe("string"), "expected": maybe("string"), "deadline": maybe("string"),
                "last_success": maybe("string"), "last_failure": maybe("string"), "last_start": maybe("string"),
                "last_signal": maybe("string"), "last_duration_seconds": maybe("number"),
                "last_exit_code": maybe("integer"), "consecutive_failures": count,
                "signals": {"type": "array", "items": {"type": "object", "required": ["at", "kind"]}},
            },
        },
        "Pause": {
            "type": "object",
            "additionalProperties": false,
            "required": ["paused"],
            "properties": {"paused": {"type": "boolean"}},
        },
        "Signal": {
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "status": {"enum": ["ok", "fail", "start", "log", null]}, "exit": maybe("integer"),
                "run_id": maybe("string"), "duration_s": maybe("number"), "message": maybe("string"),
            },
        },
        "Done": {"type": "object", "required": ["status"], "properties": {"status": text}},
        "Devices": {
            "type": "object",
            "required": ["devices", "total", "next"],
            "properties": {"devices": list("Device"), "total": count, "next": maybe("integer")},
        },
        "Device": {
            "type": "object",
            "required": ["id", "name", "status", "online", "addresses", "macs", "class", "first_seen", "last_seen"],
            "properties": {
                "id": count, "name": text, "status": {"enum": ["new", "approved", "ignored", "blocked"]},
                "online": {"type": "boolean"}, "addresses": things, "macs": things, "vendor": maybe("string"),
                "hostname": maybe("string"), "model": maybe("string"), "class": {"enum": classes},
                "first_seen": time, "last_seen": time, "notes": text, "labels": {"type": "object"}, "facts": things,
                "snmp": {"type": ["object", "null"]},
            },
        },
        "Audit": {
            "type": "object",
            "required": ["audit", "next"],
            "properties": {"next": maybe("integer"), "audit": {"type": "array", "items": {
                "type": "object",
                "required": ["id", "at", "by", "device", "change"],
                "properties": {"id": count, "at": time, "by": text, "device": count, "change": {"type": "object"}},
            }}},
        },
        "Change": {
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "status": {"enum": ["new", "approved", "ignored", "blocked", null]}, "name": maybe("string"),
                "class": {"anyOf": [{"enum": classes}, {"type": "null"}]},
                "labels": {"type": ["object", "null"], "additionalProperties": text},
                "notes": maybe("string"), "same_as": {"type": ["integer", "null"], "minimum": 0},
            },
        },
        "Groups": {"type": "array", "items": {
            "type": "object",
            "required": ["targets", "labels"],
            "properties": {
                "targets": {"type": "array", "items": text},
                "labels": {"type": "object", "additionalProperties": text},
            },
        }},
        "Order": {
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "networks": {"type": ["array", "null"], "items": text},
                "interfaces": {"type": ["array", "null"], "items": text},
                "methods": {"type": ["array", "null"], "items": {"enum": methods}},
                "timeout": maybe("string"),
            },
        },
        "Started": {"type": "object", "required": ["id"], "properties": {"id": count}},
        "Scan": {
            "type": "object",
            "required": ["id", "state", "started", "asked", "answered", "left", "passes"],
            "properties": {
                "id": count, "state": {"enum": ["running", "complete", "partial", "failed"]}, "started": time,
                "ended": maybe("string"), "asked": count, "answered": count, "left": count, "passes": things,
                "notes": {"type": "array", "items": text},
            },
        },
        "Document": {"type": "object", "required": ["openapi", "info", "paths"]},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_model() {
        let schemas = all();
        assert_eq!(
            schemas["Device"]["properties"]["status"]["enum"],
            json!(Approval::ALL.map(Approval::as_str))
        );
        assert_eq!(of_parameter("/api/v1/devices/{id}", "id")["type"], "integer");
    }
}
