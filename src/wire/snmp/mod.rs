//! SNMP messages, versions 1, 2c and 3: requests are written and replies read, with snmp2's types.
//!
//! snmp2's traps that are closed here, and the file that closes each; those of its session are closed in `net/snmp`:
//! 1. It panics at an empty password, and `Debug` prints passwords: `keys`, `user`.
//! 2. It panics where a request has more than 65,507 bytes: `message`.
//! 3. It returns a reply with an error-status as `Ok`: `message`.
//! 4. Its list of variables ends at the first value that it cannot read: `message` reads binding by binding. Only snmp2
//!    can read encrypted replies; there `net/snmp/walk` steps over the value.
//! 5. It takes over the clock of a message, and calculates with it, before it has checked the signature: `keys`, `usm`.
//! 6. It writes through a constant pointer into the bytes that it reads: `keys` gives it a copy.
//! 7. The clock of an engine stands still between messages: `engine`.
//!
//! Two faults cannot be mended outside snmp2. Signed replies with a msgMaxSize above 65,507 or with snmpEngineBoots 0 are
//! not read (and called malformed), and signatures are not compared in constant time.

mod engine;
mod envelope;
mod fuzz;
mod keys;
mod message;
mod user;
mod usm;
mod value;

pub use engine::Engine;
pub use envelope::{Envelope, Report};
#[doc(hidden)]
pub use fuzz::{read_any, read_from};
pub use keys::Clock;
pub use message::{Op, Query, Reply, community_request, read_community_reply, status_name};
pub use user::{Access, User};
pub use usm::{Head, discovery};
pub use value::{Malformed, Oid, Value, number, text};
