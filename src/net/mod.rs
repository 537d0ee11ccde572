//! The only room with sockets for probing: echo requests, name resolution, SNMP.
//!
//! Owns the sockets, opened once at start. Gets requests from `probe`; gives one answer to each.
//! The crates underneath have traps (see each file); nothing above this room may need to know them.

mod certificate;
mod clock;
mod connect;
pub mod dns;
mod echo;
mod interface;
mod link;
pub mod mdns;
mod memory;
mod neighbour;
mod nodes;
mod ping;
mod privileges;
mod resolve;
pub mod snmp;
mod socket;
mod tls;
mod uplink;
mod web;

pub use clock::wall_clock;
pub use connect::{ConnectError, classify, connect, socket_address};
pub use echo::{Echo, EchoError, Endpoint, Flow};
pub use interface::{Nic, is_running, nics};
pub use link::{Link, LinkError, PacketLink, RECEIVE_WAIT};
pub use memory::settle_memory;
pub use neighbour::{Neighbour, neighbours};
pub use nodes::NodeSocket;
pub use ping::{Opened, Pinger, SocketType};
pub use privileges::{Kept, claim, confine};
pub use resolve::{Lookup, Resolver, resolve_now};
pub use socket::{interface_index, open_files_limit, raise_open_files_limit};
pub use tls::{TlsError, handshake};
pub use uplink::{DefaultRoute, Interface, default_routes, interfaces};

#[cfg(test)]
pub use echo::fake::FakeEcho;
pub use web::{Answer, Call, WebError, basic, bearer, call};
