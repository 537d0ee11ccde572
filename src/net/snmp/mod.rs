//! SNMP, versions 1, 2c and 3: sessions that give the right answer or a reason, and walks that end.
//!
//! Owns the protocol down to the socket. The snmp2 crate was meant to do this, but its encoder of version 3 works only
//! inside its own session, and that session cannot outlive one late reply; it stops at the first value of an unknown
//! type, takes over an engine's clock before checking the signature and writes through a constant pointer while doing so.
//! What is left without these is a few hundred lines, here; the ciphers and hashes are those of `RustCrypto`.

mod ber;
mod cipher;
mod credentials;
mod message;
mod session;
mod system;
mod usm;
mod walk;

pub use ber::{Oid, Value};
pub use credentials::{Access, AuthProtocol, Credentials, PASSWORD_MIN_BYTES, PrivacyProtocol, Secret, User};
pub use message::{Op, Query, Reply, status_name};
pub use session::{Patience, Session, SnmpError};
pub use system::{number, system, text};
pub use usm::Engine;
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
    let community = |version| message::read_with_community(version, bytes).ok();
    let third = usm::read(&nobody, None, bytes).ok().map(|envelope| envelope.reply);
    [community(0), community(1), third].map(|reply| reply.map(|reply| reply.bindings.len()))
}
