//! TCP connections for checks: to the first address that accepts one, or the reason why none does.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use tokio::net::TcpStream;

use super::Endpoint;
use crate::model::Failure;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[error("{to}: {error}")]
pub struct ConnectError {
    /// The address tried last.
    pub to: SocketAddr,
    error: io::Error,
}

impl ConnectError {
    /// The reason it counts under.
    pub fn failure(&self) -> Failure {
        classify(&self.error)
    }
}

/// The address and port as the system wants them.
pub fn socket_address(to: Endpoint, port: u16) -> SocketAddr {
    match to.ip {
        IpAddr::V4(ip) => (ip, port).into(),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, to.scope).into(),
    }
}

/// Connects to the first of the addresses that accepts the connection. The caller limits the time.
///
/// # Errors
/// The error of the last address.
pub async fn connect(addresses: &[Endpoint], port: u16) -> Result<(TcpStream, SocketAddr), ConnectError> {
    let mut last = None;
    for to in addresses {
        let to = socket_address(*to, port);
        match TcpStream::connect(to).await {
            Ok(stream) => {
                // A short request must not wait for a full segment.
                let _ = stream.set_nodelay(true);
                return Ok((stream, to));
            }
            Err(error) => last = Some(ConnectError { to, error }),
        }
    }
    Err(last.unwrap_or_else(|| ConnectError {
        to: (IpAddr::from([0, 0, 0, 0]), port).into(),
        error: io::Error::new(io::ErrorKind::NotFound, "no address"),
    }))
}

/// The failure that an error of a socket counts as: it tells trouble of the target from trouble of this host.
pub fn classify(error: &io::Error) -> Failure {
    match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => Failure::Refused,
        Some(libc::ETIMEDOUT) => Failure::Timeout,
        Some(libc::EHOSTUNREACH | libc::EHOSTDOWN) => Failure::Unreachable,
        Some(libc::EPERM | libc::EACCES) => Failure::Denied,
        // The target ended the connection.
        Some(libc::ECONNRESET | libc::EPIPE | libc::ECONNABORTED) => Failure::Protocol,
        Some(_) => Failure::Send,
        None => match error.kind() {
            io::ErrorKind::TimedOut => Failure::Timeout,
            io::ErrorKind::NotFound => Failure::Unresolved,
            _ => Failure::Protocol,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_tell_trouble_of_the_target_from_trouble_of_this_host() {
        for (code, failure) in [
            (libc::ECONNREFUSED, Failure::Refused),
            (libc::EHOSTUNREACH, Failure::Unreachable),
            (libc::ETIMEDOUT, Failure::Timeout),
            (libc::ENETUNREACH, Failure::Send),
            (libc::EMFILE, Failure::Send),
            (libc::ECONNRESET, Failure::Protocol),
            (libc::EACCES, Failure::Denied),
        ] {
            assert_eq!(classify(&io::Error::from_raw_os_error(code)), failure, "{code}");
        }
        assert_eq!(
            classify(&io::Error::new(io::ErrorKind::UnexpectedEof, "early")),
            Failure::Protocol
        );
    }
}
