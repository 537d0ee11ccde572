//! SNMP, versions 1, 2c and 3: sessions that give the right answer or a reason, and walks that end.
//!
//! Messages, keys, signatures and ciphers are the snmp2 crate's. Its session is not used: that cannot outlive one late reply.
//! What is closed here of its other traps, and where the test is:
//! 1. A late reply (one datagram is read a request): our own socket and ids; `session`, `tests/snmp/walks.rs`, `tests/snmp/v3.rs`.
//! 2. An engine's clock that stands still (idle for 150 s): `usm::Engine` and its tests.
//! 3. A panic at an empty password, and passwords in `Debug`: `keys`, `credentials`.
//! 4. A panic past 65,507 bytes of request: `message`.
//! 5. An error-status that arrives as `Ok`: `message`, `walk`, `tests/snmp/walks.rs`.
//! 6. A session nobody initialised: there is no keyed message before discovery; `session`, `tests/snmp/v3.rs`.
//! 7. A list of variables that ends at the first value it cannot read: `message` reads binding by binding, and where only
//!    snmp2 can (encrypted replies) `walk` steps over; `tests/snmp/v3.rs`.
//! 8. A clock taken over, and arithmetic on it, before the signature is checked: a copy for each message; `keys`, `usm`.
//! 9. A write through a constant pointer: a datagram of its own for each message; `keys`, `usm`.
//!
//! What is left, since nothing outside snmp2 can mend it: signed replies with a msgMaxSize above 65,507 or with
//! snmpEngineBoots 0 are not read (and called malformed), and signatures are not compared in constant time.

mod credentials;
mod keys;
mod message;
mod session;
mod system;
mod usm;
mod value;
mod walk;

pub use credentials::{Access, PASSWORD_MIN_BYTES, User, access, read as read_secret};
pub use message::{Op, Query, Reply, status_name};
pub use session::{Patience, Session, SnmpError};
pub use system::{number, system, text};
pub use usm::Engine;
pub use value::{Oid, Value};
pub use walk::{Pace, ROWS, Table, columns};

/// Reads bytes as a reply of version 1, 2c and, unsigned, 3; gives how many variables each found: for the fuzzer, which
/// has no agent.
#[doc(hidden)]
pub fn read_any(bytes: &[u8]) -> [Option<usize>; 3] {
    let nobody = User {
        name: Vec::new(),
        context: Vec::new(),
        auth: None,
        privacy: None,
    };
    let community = |v1| {
        message::read_with_community(v1, bytes)
            .ok()
            .map(|reply| reply.bindings.len())
    };
    [community(true), community(false), read_from(&nobody, None, bytes)]
}

/// Reads bytes as a reply of version 3, from this engine to this user; gives how many variables it found: for the fuzzer.
#[doc(hidden)]
pub fn read_from(user: &User, engine: Option<&Engine>, bytes: &[u8]) -> Option<usize> {
    let envelope = usm::Head::read(bytes).ok()?.open(user, engine).ok()?;
    Some(envelope.reply.bindings.len())
}
