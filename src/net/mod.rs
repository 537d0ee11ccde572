//! The only room with sockets and with unsafe code.
//!
//! The crates underneath have traps; each file closes those of its crate, so that no other room need know them. Bytes are
//! read and written in `wire`.

mod clock;
mod connect;
mod echo;
mod filter;
mod interface;
mod link;
mod mdns;
mod memory;
mod neighbour;
mod nodes;
mod ping;
mod privileges;
mod resolve;
mod route;
pub mod snmp;
mod socket;
mod tls;
mod web;

pub use clock::{monotonic, wall_clock};
pub use connect::{ConnectError, classify, connect, socket_address};
pub use echo::{Echo, EchoError, Endpoint, Flow};
pub use filter::Frames;
pub use interface::{Interface, interfaces, is_running};
pub use link::{Link, LinkError, PacketLink, RECEIVE_WAIT};
pub use mdns::MdnsSocket;
pub use memory::settle_memory;
pub use neighbour::{Neighbour, neighbours};
pub use nodes::NodeSocket;
pub use ping::{Opened, Pinger, SocketType};
pub use privileges::{Privileges, claim_net_raw, drop_privileges};
pub use resolve::{Lookup, Resolver, resolve_now};
pub use route::default_routes;
pub use socket::{interface_index, open_files_limit, raise_open_files_limit};
pub use tls::{TlsError, handshake};

#[cfg(test)]
pub use echo::fake::FakeEcho;
pub use web::{Answer, Call, WebError, basic, bearer, call};
