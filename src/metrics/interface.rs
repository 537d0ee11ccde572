//! The families of interfaces, after IF-MIB (RFC 2863).

use std::fmt;

use super::emit::Emit;
use super::family::Family;
use super::family::MetricKind::{Counter, Gauge, Info};
use super::family::Priority::{Core, Detail, Facts};
use super::sink::EachLabel;
use super::value::Value;
use crate::model::{MEASURES, Measure};
use crate::state::InterfaceView;

/// In the order of the exposition.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "lanpulse_interface",
        help: "Texts about the interface, to be joined with group_left",
        kind: Info,
        labels: "ifindex, alias, description, type, mac, counter_bits",
        priority: Facts,
        emit: Emit::Interface(|interface, out| out.info(&|each| texts(interface, each))),
    },
    Family {
        name: "lanpulse_interface_up",
        help: "Whether the interface carries traffic (ifOperStatus is up), absent while the device does not know",
        kind: Gauge,
        labels: "",
        priority: Core,
        emit: Emit::Interface(|interface, out| out.value(interface.up)),
    },
    Family {
        name: "lanpulse_interface_enabled",
        help: "Whether the interface is meant to carry traffic (ifAdminStatus is up)",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Interface(|interface, out| out.value(interface.enabled)),
    },
    Family {
        name: "lanpulse_interface_speed_bytes_per_second",
        help: "What the interface can carry each way (ifHighSpeed, else ifSpeed)",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Interface(|interface, out| out.value(interface.facts.speed.map(bytes_per_second))),
    },
    counter(
        "lanpulse_interface_receive_bytes",
        "Bytes received (ifHCInOctets, else ifInOctets)",
        Emit::Interface(|interface, out| out.value(measured(interface, Measure::ReceiveBytes))),
    ),
    counter(
        "lanpulse_interface_transmit_bytes",
        "Bytes sent (ifHCOutOctets, else ifOutOctets)",
        Emit::Interface(|interface, out| out.value(measured(interface, Measure::TransmitBytes))),
    ),
    counter(
        "lanpulse_interface_receive_packets",
        "Unicast packets received (ifHCInUcastPkts, else ifInUcastPkts)",
        Emit::Interface(|interface, out| out.value(measured(interface, Measure::ReceivePackets))),
    ),
    counter(
        "lanpulse_interface_transmit_packets",
        "Unicast packets sent (ifHCOutUcastPkts, else ifOutUcastPkts)",
        Emit::Interface(|interface, out| out.value(measured(interface, Measure::TransmitPackets))),
    ),
    counter(
        "lanpulse_interface_receive_errors",
        "Packets received with errors (ifInErrors)",
        Emit::Interface(|interface, out| out.value(measured(interface, Measure::ReceiveErrors))),
    ),
    counter(
        "lanpulse_interface_transmit_errors",
        "Packets not sent because of errors (ifOutErrors)",
        Emit::Interface(|interface, out| out.value(measured(interface, Measure::TransmitErrors))),
    ),
    counter(
        "lanpulse_interface_receive_discards",
        "Packets received and thrown away without an error (ifInDiscards)",
        Emit::Interface(|interface, out| out.value(measured(interface, Measure::ReceiveDiscards))),
    ),
    counter(
        "lanpulse_interface_transmit_discards",
        "Packets to be sent and thrown away without an error (ifOutDiscards)",
        Emit::Interface(|interface, out| out.value(measured(interface, Measure::TransmitDiscards))),
    ),
];

/// A row for one of the interface's counters.
const fn counter(name: &'static str, help: &'static str, emit: Emit) -> Family {
    Family {
        name,
        help,
        kind: Counter,
        labels: "",
        priority: Detail,
        emit,
    }
}

/// A counter of the interface, if the last walk has read it.
fn measured(interface: &InterfaceView, measure: Measure) -> Option<u64> {
    let place = MEASURES.iter().position(|known| *known == measure)?;
    interface.counters[place]
}

/// Bits per second as bytes per second: exact, also for a speed that is not a multiple of 8.
fn bytes_per_second(bits: u64) -> Value {
    if bits.is_multiple_of(8) {
        Value::Int(bits / 8)
    } else {
        Value::Float(bits as f64 / 8.0)
    }
}

/// The texts about an interface.
fn texts(interface: &InterfaceView, each: EachLabel<'_>) -> fmt::Result {
    let facts = &interface.facts;
    each("ifindex", &facts.index.to_string())?;
    for (name, text) in [
        ("alias", &facts.alias),
        ("description", &facts.description),
        ("type", &facts.kind),
        ("mac", &facts.mac),
    ] {
        if let Some(text) = text {
            each(name, text.as_str())?;
        }
    }
    match interface.bits {
        Some(bits) => each("counter_bits", &bits.to_string()),
        None => Ok(()),
    }
}
