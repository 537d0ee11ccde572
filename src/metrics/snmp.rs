//! The families of devices that are walked by SNMP. A new metric of an interface is one row here.

use super::device::Source;
use super::sample::Value;
use super::{Family, Worth, row};
use crate::model::{MEASURES, Measure};
use crate::state::InterfaceView;

/// A counter of interfaces, after IF-MIB.
const fn counter(name: &'static str, help: &'static str, value: fn(&InterfaceView) -> Option<u64>) -> Family<Source> {
    row(name, help, "interface", Worth::Detail, Source::InterfaceCounter(value))
}

fn measure(interface: &InterfaceView, measure: Measure) -> Option<u64> {
    let place = MEASURES.iter().position(|known| *known == measure)?;
    interface.counters[place]
}

/// Bits per second as bytes per second; exact, for odd line rates too.
fn bytes_per_second(bits: u64) -> Value {
    if bits.is_multiple_of(8) {
        Value::Int(bits / 8)
    } else {
        Value::Float(bits as f64 / 8.0)
    }
}

/// The part of the device collector about SNMP, in the order of the exposition.
pub static FAMILIES: &[Family<Source>] = &[
    row(
        "lanpulse_snmp_up",
        "Whether the last SNMP walk was complete: 0 after a failed or partial one",
        "",
        Worth::Core,
        Source::Gauge(|device| device.snmp.as_ref()?.up.map(Value::from)),
    ),
    row(
        "lanpulse_snmp_walk_duration_seconds",
        "How long the last SNMP walk took",
        "",
        Worth::Detail,
        Source::Gauge(|device| {
            let snmp = device.snmp.as_ref()?;
            snmp.last_run.map(|_| snmp.duration.into())
        }),
    ),
    row(
        "lanpulse_snmp_last_success_timestamp_seconds",
        "When the last complete SNMP walk began, in seconds since the Unix epoch",
        "",
        Worth::Detail,
        Source::Gauge(|device| device.snmp.as_ref()?.last_success.map(Value::from)),
    ),
    row(
        "lanpulse_snmp_uptime_seconds",
        "How long the SNMP agent has been running (sysUpTime), across its wrap after 497 days",
        "",
        Worth::Detail,
        Source::Gauge(|device| device.snmp.as_ref()?.uptime.map(Value::from)),
    ),
    row(
        "lanpulse_snmp_requests",
        "SNMP datagrams sent to the device",
        "",
        Worth::Detail,
        Source::Counter(|device| device.snmp.as_ref().map(|snmp| snmp.requests)),
    ),
    row(
        "lanpulse_snmp_retries",
        "SNMP requests that were repeated because there was no answer in time",
        "",
        Worth::Detail,
        Source::Counter(|device| device.snmp.as_ref().map(|snmp| snmp.retries)),
    ),
    row(
        "lanpulse_snmp_failures",
        "SNMP walks that failed or were not complete, by reason",
        "reason (timeout, unreachable, unresolved, authentication, malformed, loop, error, deadline, send)",
        Worth::Detail,
        Source::SnmpFailures,
    ),
    row(
        "lanpulse_interface",
        "Texts about the interface, to be joined with group_left",
        "interface, ifindex, alias, description, type, mac, counter_bits",
        Worth::Facts,
        Source::InterfaceInfo,
    ),
    row(
        "lanpulse_interface_up",
        "Whether the interface carries traffic (ifOperStatus is up), absent while the device does not know",
        "interface",
        Worth::Core,
        Source::Interface(|interface| interface.up.map(Value::from)),
    ),
    row(
        "lanpulse_interface_enabled",
        "Whether the interface is meant to carry traffic (ifAdminStatus is up)",
        "interface",
        Worth::Detail,
        Source::Interface(|interface| interface.enabled.map(Value::from)),
    ),
    row(
        "lanpulse_interface_speed_bytes_per_second",
        "What the interface can carry each way (ifHighSpeed, else ifSpeed)",
        "interface",
        Worth::Detail,
        Source::Interface(|interface| interface.facts.speed.map(bytes_per_second)),
    ),
    counter(
        "lanpulse_interface_receive_bytes",
        "Bytes received (ifHCInOctets, else ifInOctets)",
        |interface| measure(interface, Measure::ReceiveBytes),
    ),
    counter(
        "lanpulse_interface_transmit_bytes",
        "Bytes sent (ifHCOutOctets, else ifOutOctets)",
        |interface| measure(interface, Measure::TransmitBytes),
    ),
    counter(
        "lanpulse_interface_receive_packets",
        "Unicast packets received (ifHCInUcastPkts, else ifInUcastPkts)",
        |interface| measure(interface, Measure::ReceivePackets),
    ),
    counter(
        "lanpulse_interface_transmit_packets",
        "Unicast packets sent (ifHCOutUcastPkts, else ifOutUcastPkts)",
        |interface| measure(interface, Measure::TransmitPackets),
    ),
    counter(
        "lanpulse_interface_receive_errors",
        "Packets received with errors (ifInErrors)",
        |interface| measure(interface, Measure::ReceiveErrors),
    ),
    counter(
        "lanpulse_interface_transmit_errors",
        "Packets not sent because of errors (ifOutErrors)",
        |interface| measure(interface, Measure::TransmitErrors),
    ),
    counter(
        "lanpulse_interface_receive_discards",
        "Packets received and thrown away without an error (ifInDiscards)",
        |interface| measure(interface, Measure::ReceiveDiscards),
    ),
    counter(
        "lanpulse_interface_transmit_discards",
        "Packets to be sent and thrown away without an error (ifOutDiscards)",
        |interface| measure(interface, Measure::TransmitDiscards),
    ),
];
