//! Where the tree does not keep its rules yet: one line for each place.
//!
//! A test fails on what is not listed here, and on a line that is no longer needed. It prints the line to delete.

/// A rule of the house that the tests here check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A room imports only what `HOUSE` allows it: `what` is the room that it must not import.
    Import,
    /// Files of a room do not import each other in a circle.
    Circle,
    /// A `mod.rs` holds nothing but `mod`, `pub use`, attributes and `//!`: `what` is the name of what it holds beside.
    Mod,
    /// A file has up to `files::LONGEST` lines; with an exception up to `files::TOLERATED`.
    Length,
    /// Nothing outside `model` compares with one member of a closed set: `what` is the member.
    Member,
}

/// Something that breaks a rule.
#[derive(Debug)]
pub struct Finding {
    pub rule: Rule,
    pub file: String,
    pub what: String,
    /// For the reader of the failure.
    pub because: String,
}

impl Finding {
    fn line(&self) -> String {
        format!("    (Rule::{:?}, {:?}, {:?}),", self.rule, self.file, self.what)
    }
}

/// Whether a file may break a rule.
pub fn excepted(rule: Rule, path: &str) -> bool {
    EXCEPTIONS.iter().any(|(of, file, _)| *of == rule && *file == path)
}

/// Fails on what is not excepted, and on exceptions of this rule that nothing needs.
pub fn judge(rule: Rule, found: &[Finding]) {
    let excepts = |(of, file, what): &(Rule, &str, &str), finding: &Finding| {
        *of == finding.rule && *file == finding.file && *what == finding.what
    };
    let mut complaints = Vec::new();
    for finding in found {
        assert_eq!(finding.rule, rule);
        if !EXCEPTIONS.iter().any(|exception| excepts(exception, finding)) {
            complaints.push(format!("{}: {}\n{}", finding.file, finding.because, finding.line()));
        }
    }
    for exception in EXCEPTIONS.iter().filter(|(of, ..)| *of == rule) {
        if !found.iter().any(|finding| excepts(exception, finding)) {
            let (_, file, what) = exception;
            complaints.push(format!(
                "no longer needed in tests/house/exceptions.rs:\n    (Rule::{rule:?}, {file:?}, {what:?}),"
            ));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Rule, file, and what breaks it; a block for each room.
const EXCEPTIONS: &[(Rule, &str, &str)] = &[
    // These stay: `backup`, `scan` and `snmp` do their work without a daemon.
    (Rule::Import, "src/cli/backup.rs", "store"),
    (Rule::Import, "src/cli/scan.rs", "source/discover"),
    (Rule::Import, "src/cli/scan.rs", "source/identify"),
    (Rule::Import, "src/cli/snmp.rs", "source/probe"),
    // These go. Mend the file, delete the line; add none.
    // daemon
    (Rule::Mod, "src/daemon/mod.rs", ""),
    // state
    (Rule::Mod, "src/state/inventory/mod.rs", ""),
    (Rule::Length, "src/state/heartbeat_tests.rs", ""),
    (Rule::Member, "src/state/device.rs", "Status::Degraded"),
    (Rule::Member, "src/state/device.rs", "Status::Maintenance"),
    (Rule::Member, "src/state/device.rs", "Status::Unknown"),
    (Rule::Member, "src/state/heartbeat.rs", "HeartbeatState::Down"),
    (Rule::Member, "src/state/heartbeat.rs", "SignalKind::Start"),
    (Rule::Member, "src/state/internet.rs", "Failure::Unresolved"),
    (
        Rule::Member,
        "src/state/inventory/duplicate_names.rs",
        "Topic::Identity",
    ),
    (Rule::Member, "src/state/inventory/identity.rs", "Topic::Identity"),
    (Rule::Member, "src/state/inventory/mod.rs", "Approval::New"),
    (Rule::Member, "src/state/inventory/person.rs", "Class::Unknown"),
    (Rule::Member, "src/state/inventory/presence.rs", "Approval::New"),
    (Rule::Member, "src/state/inventory/presence.rs", "Outcome::Failed"),
];
