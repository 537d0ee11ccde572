//! The nouns everybody shares: no I/O, no clock, no tokio.
//!
//! Owns the carriers (`Target`, `Observation`, `Device`, `Transition`) and the rules of label text.
//! Gets nothing from anybody; gives its types to every room.

mod address;
mod calendar;
mod closed;
mod csv;
mod device;
mod duration;
mod event;
mod failure;
mod heartbeat;
mod internet;
mod inventory;
mod label;
mod mac;
mod network;
mod pattern;
mod phase;
mod probe;
mod row;
mod run;
mod secret;
mod sighting;
mod snmp;
mod subject;
mod target;
mod time;
mod url;

pub use address::{Address, AddressError, Family};
pub use calendar::{Calendar, DayRange, Span, TimeInterval};
pub use csv::csv_field;
pub use device::{Device, Status};
pub use duration::{Pretty, parse_duration};
pub use event::{
    CheckChange, Event, EventKind, EventRecord, HeartbeatChange, InternetChange, InventoryChange, ScanEnd, StatusChange,
};
pub use failure::{Failure, FailureCounts};
pub use heartbeat::{
    CronSchedule, Enrolment, Heartbeat, HeartbeatRow, HeartbeatState, Methods, Schedule, Signal, SignalKind,
    SignalRecord, Token,
};
pub use internet::{Fault, INTERNET, Link, Outage};
pub use inventory::{Approval, Audit, Class, Fact, Origin, Patch, Record, Scan, Seen, Topic};
pub use label::{LABEL_MAX_BYTES, LabelNameProblem, LabelValue, check_label_name, is_reserved_label};
pub use mac::{Mac, MacKind};
pub use network::Network;
pub use pattern::Pattern;
pub use phase::{Phase, Phases};
pub use probe::{
    AuthProtocol, Credentials, DnsExpect, DnsFacts, DnsProbe, DnsTransport, HttpAuth, HttpExpect, HttpFacts, HttpProbe,
    InterfaceFilter, Job, JobKey, Kind, PrivacyProtocol, Probe, RecordType, SNMP_PASSWORD_MIN_BYTES, Service,
    SnmpProbe, TcpProbe, TlsFacts, TlsProbe, TlsSettings,
};
pub use row::Row;
pub use run::{Facts, Reading, Run};
pub use secret::{Secret, SecretSource, TokenDigest};
pub use sighting::{Announcement, Method, Outcome, Sighting, Sweep};
pub use snmp::{
    InterfaceFacts, InterfaceRow, MEASURES, Measure, PersistedCounter, PersistedCounters, PersistedUptime,
    PersistedWalk, Sample, SystemFacts, SystemReading, Walk,
};
pub use subject::{LOCAL_AGENT, Subject};
pub use target::{Hysteresis, Limits, Target};
pub use time::Timestamp;
pub use url::{Url, UrlError};
