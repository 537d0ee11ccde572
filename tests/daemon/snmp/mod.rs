//! The daemon and SNMP, from outside.

mod agents;
mod counters;
mod restart;
mod snmpd;
