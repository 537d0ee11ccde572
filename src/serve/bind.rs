//! Listening on addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Not `[HOST]:PORT`.
    #[error("--web.listen-address {0:?} is not an address: write :10526, 127.0.0.1:10526 or [::1]:10526")]
    Malformed(String),
    /// The system refuses; the last text is a hint.
    #[error("cannot listen on {0}: {1}{2}")]
    System(String, io::Error, &'static str),
}

/// Listens on an address as exporters write it: `:10526` (all addresses of both families), `127.0.0.1:10526`,
/// `[::1]:10526`, `localhost:10526`.
///
/// # Errors
/// What is wrong with the address, or the error of the system.
pub fn bind(address: &str) -> Result<TcpListener, BindError> {
    let malformed = || BindError::Malformed(address.to_owned());
    let (host, port) = address.rsplit_once(':').ok_or_else(malformed)?;
    let port: u16 = port.parse().map_err(|_| malformed())?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let system = |error: io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => " (is another lanpulse running? choose another --web.listen-address)",
            io::ErrorKind::AddrNotAvailable => " (no interface of this host has this address)",
            _ => "",
        };
        BindError::System(address.to_owned(), error, hint)
    };
    if host.is_empty() {
        let both = listen((Ipv6Addr::UNSPECIFIED, port).into());
        return match both {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                listen((Ipv4Addr::UNSPECIFIED, port).into()).map_err(system)
            }
            other => other.map_err(system),
        };
    }
    let ip = match host {
        "localhost" => IpAddr::from(Ipv4Addr::LOCALHOST),
        host => host.parse().map_err(|_| malformed())?,
    };
    listen((ip, port).into()).map_err(system)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = if address.is_ipv6() { Domain::IPV6 } else { Domain::IPV4 };
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // Connections of a daemon that ended a moment ago must not keep the next one from starting.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
