//! SNMP: one walk over a device's interfaces.
//!
//! Owns the settings, whom to ask, and how what went wrong is called. Gets sessions from `net`; gives a `Reading`. What is
//! asked, and in which order, is in `walk`; what interfaces are called, in `facts`.

mod columns;
mod facts;
mod kinds;
mod run;
mod walk;

pub use run::{Memory, run};
