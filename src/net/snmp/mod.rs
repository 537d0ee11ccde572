//! SNMP sessions and walks, over the messages of `wire/snmp`.
//!
//! snmp2's own session is not used: after one late reply every later reply is taken for the answer to the request before.
//! A session here has its own socket and ids (`session`; tested in `tests/snmp`), and discovers
//! the engine before it sends a signed request.

mod credentials;
mod scalars;
mod session;
mod system;
mod walk;

pub use credentials::access;
pub use scalars::{Scalars, read_scalars};
pub use session::{Session, SnmpError, Timeouts};
pub use system::{SYSTEM, UPTIME, read_system, system_facts, uptime};
pub use walk::{ROWS, RequestSize, Table, read_columns};
