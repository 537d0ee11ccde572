//! What the black-box tests share: a private LAN, the daemon as a child process, and those who read from it.
//!
//! Rule: traffic never leaves the machine. A daemon is started only in a network namespace that the test made
//! (`Lan::new`, `loopback`); both need root, and without it a test says `SKIPPED` and passes, or fails where `CI=true`.
//! Each test runs in a thread of its own, and what it starts inherits the thread's namespace: ports never clash.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unused_self,
    clippy::format_push_string,
    clippy::struct_excessive_bools,
    clippy::format_collect,
    reason = "test code, compiled into several test crates, none of which uses all of it"
)]

pub mod agent;
mod ber;
mod common;
mod daemon;
mod exposition;
mod http;
mod lan;
pub mod notify;
mod parts;
mod recording;
pub mod responder;
mod segment;
mod servers;
pub mod usm;
mod walker;

pub use common::{QUIET, command, introduce, median, now, repository, root, root_or_skip, skip, wait_for, wait_until};
pub use daemon::{Daemon, Home, run};
pub use exposition::{Exposition, Family, Format, Sample};
pub use http::{Reply, Request};
pub use lan::{Lan, loopback};
pub use parts::{EXPIRED_SINCE, GOOD_UNTIL, Parts, dnsmasq, programs};
pub use segment::Segment;
pub use servers::{MailSink, Server, WebhookSink, binary};
pub use walker::{Walked, Walker};
