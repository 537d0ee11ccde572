//! Reads YAML text into a `Config`, or into every `Problem` that it has.
//!
//! This room defines the keys, their defaults and ranges, and the text of each error. It reads files and does nothing else:
//! it opens no socket, resolves no name and watches nothing. `load` is the way in. `include` reads the files and `assemble`
//! decodes them. Each section has a file of its own, with the keys and defaults of the section.

mod api;
mod assemble;
mod check;
mod credentials;
mod discovery;
mod global;
mod heartbeat;
mod http_probe;
mod identify;
mod include;
mod internet;
mod interval;
mod load;
mod modules;
mod parent;
mod probe;
mod snmp;
mod target;

pub use crate::state::upcoming;
pub use crate::yaml::problem::Problem;
pub use assemble::Config;
pub use credentials::SnmpCredentials;
pub use discovery::{Discovery, Monitor};
pub use heartbeat::Outbound;
pub use load::{DEFAULT_PATH, Loaded, embedded, load};
pub use modules::Module;
