//! The families that every device has, and the texts of `lanpulse_device_info`.

use std::fmt;

use super::emit::Emit;
use super::family::Family;
use super::family::MetricKind::{Counter, Gauge, Info};
use super::family::Priority::{Core, Detail, Facts};
use super::sink::EachLabel;
use crate::model::{Address, Class, LabelValue, Record, Status, Topic};
use crate::state::DeviceView;

/// In the order of the exposition.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "lanpulse_device",
        help: "Texts about the device, to be joined with group_left",
        kind: Info,
        labels: "address, mac, vendor, hostname, class, model, role, site, gateway, parent, \
                 source (config, discovery) and its own labels",
        priority: Facts,
        emit: Emit::Device(|device, out| out.info(&|each| texts(device, each))),
    },
    Family {
        name: "lanpulse_device_up",
        help: "Whether the device answers, after hysteresis: 1 up, 0 down, absent while unknown",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Device(|device, out| out.value(device.up)),
    },
    Family {
        name: "lanpulse_device_status",
        help: "The status of the device: exactly one is 1",
        kind: Gauge,
        labels: "status (up, degraded, down, unknown, maintenance)",
        priority: Core,
        emit: Emit::Device(|device, out| {
            let is = |status: Status| (status.as_str(), status == device.status);
            out.by("status", Status::ALL.map(is))
        }),
    },
    Family {
        name: "lanpulse_device_status_since_timestamp_seconds",
        help: "When the status last changed, in seconds since the Unix epoch",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Device(|device, out| out.value(Some(device.status_since))),
    },
    Family {
        name: "lanpulse_device_status_changes",
        help: "How often the status changed",
        kind: Counter,
        labels: "",
        priority: Detail,
        emit: Emit::Device(|device, out| out.value(Some(device.changes))),
    },
    Family {
        name: "lanpulse_device_first_seen_timestamp_seconds",
        help: "The first evidence of the device, in seconds since the Unix epoch",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Device(|device, out| out.value(device.first_seen)),
    },
    Family {
        name: "lanpulse_device_last_seen_timestamp_seconds",
        help: "The latest evidence of the device, in seconds since the Unix epoch",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Device(|device, out| out.value(device.last_seen)),
    },
    Family {
        name: "lanpulse_device_authorized",
        help: "Whether the device is configured or approved: 1, or 0 for a new or blocked one",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Device(|device, out| out.value(Some(device.target.authorized))),
    },
    Family {
        name: "lanpulse_device_latency_threshold_seconds",
        help: "The mean round-trip time above which the device is degraded",
        kind: Gauge,
        labels: "",
        priority: Facts,
        emit: Emit::Device(|device, out| out.value(Some(device.target.limits.latency))),
    },
    Family {
        name: "lanpulse_device_loss_threshold_ratio",
        help: "The loss above which the device is degraded, 0 to 1",
        kind: Gauge,
        labels: "",
        priority: Facts,
        emit: Emit::Device(|device, out| out.value(Some(device.target.limits.loss))),
    },
];

/// The texts about a device. Empty ones are left out: to Prometheus that is the same.
fn texts(device: &DeviceView, each: EachLabel<'_>) -> fmt::Result {
    let target = &device.target;
    let record = device.record.as_deref();
    let fact = |topic| {
        record
            .and_then(|record| record.fact(topic))
            .map(|fact| fact.value.as_str())
    };
    if let Some(address) = device.address {
        each("address", &address.to_string())?;
    }
    if let Some(hostname) = hostname(device).or_else(|| fact(Topic::Hostname)) {
        each("hostname", hostname)?;
    }
    if let Some(mac) = record.and_then(Record::mac) {
        each("mac", &mac.to_string())?;
    }
    let class = record.map(Record::class).filter(|class| *class != Class::default());
    for (name, text) in [
        ("vendor", fact(Topic::Vendor)),
        ("model", fact(Topic::Model)),
        ("class", class.map(Class::as_str)),
        ("role", target.role.as_ref().map(LabelValue::as_str)),
        ("site", target.site.as_ref().map(LabelValue::as_str)),
        ("parent", target.parent.as_ref().map(LabelValue::as_str)),
    ] {
        if let Some(text) = text {
            each(name, text)?;
        }
    }
    if let Some(gateway) = device.gateway {
        each("gateway", &gateway.to_string())?;
    }
    each("source", if device.discovered { "discovery" } else { "config" })?;
    target
        .labels
        .iter()
        .try_for_each(|(name, value)| each(name, value.as_str()))
}

/// What the device calls itself, else the name that it is configured by.
fn hostname(device: &DeviceView) -> Option<&str> {
    let system = device.snmp.as_ref().and_then(|snmp| snmp.system.as_ref());
    match (system.and_then(|system| system.name.as_ref()), &device.target.address) {
        (Some(name), _) => Some(name.as_str()),
        (None, Address::Name(name)) => Some(name.as_str()),
        (None, _) => None,
    }
}
