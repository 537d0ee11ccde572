//! The nouns everybody shares: no I/O, no clock, no tokio.
//!
//! Owns the carriers (`Target`, `Observation`, `Device`, `Transition`) and the rules of label text.
//! Gets nothing from anybody; gives its types to every room.

mod address;
mod calendar;
mod check;
mod credentials;
mod csv;
mod device;
mod duration;
mod heartbeat;
mod internet;
mod inventory;
mod label;
mod mac;
mod network;
mod observation;
mod secret;
mod sighting;
mod snmp;
mod target;
mod time;

pub use address::{Address, AddressError, Family};
pub use calendar::{Calendar, DayRange, Span, TimeInterval};
pub use check::{Check, DnsFacts, HttpFacts, Phase, Phases, TlsFacts};
pub use credentials::{AuthProtocol, Credentials, PrivacyProtocol, SNMP_PASSWORD_MIN_BYTES};
pub use csv::csv_field;
pub use device::{Device, Status, Transition};
pub use duration::{Pretty, parse_duration};
pub use heartbeat::{
    CronSchedule, Enrolment, Heartbeat, HeartbeatRow, HeartbeatState, Methods, Schedule, Signal, SignalKind,
    SignalRecord, Token,
};
pub use internet::{Fault, INTERNET, Link, Outage};
pub use inventory::{Approval, Audit, Class, Entry, Event, EventKind, Fact, Origin, Patch, Record, Scan, Seen, Topic};
pub use label::{LABEL_MAX_BYTES, LabelNameProblem, LabelValue, check_label_name, is_reserved_label};
pub use mac::{Mac, MacKind};
pub use network::Network;
pub use observation::{Failure, LOCAL_AGENT, Observation, Reading};
pub use secret::{Secret, SecretSource, TokenDigest};
pub use sighting::{Announcement, Method, Outcome, Sighting, Sweep};
pub use snmp::{
    InterfaceFacts, InterfaceRow, MEASURES, Measure, PersistedCounter, PersistedCounters, PersistedUptime,
    PersistedWalk, Sample, SnmpWalk, SystemFacts, SystemReading,
};
pub use target::{Expectation, Hysteresis, Kind, Limits, Target};
pub use time::Timestamp;
