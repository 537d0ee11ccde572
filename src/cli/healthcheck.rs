//! Asks a running daemon whether it is healthy: for containers, which have no curl.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::http::PLAIN_HTTP;

const PATIENCE: Duration = Duration::from_secs(5);

/// Asks at the address the daemon was told to listen on.
///
/// # Errors
/// What went wrong, in a line.
pub fn ask(listen: &str) -> Result<(), String> {
    let address = reachable(listen).ok_or_else(|| format!("{listen:?} is no address to ask: write HOST:PORT"))?;
    let failed = |error: std::io::Error| format!("lanpulse does not answer at {address}: {error}");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
    let request = format!("GET /-/healthy HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer).map_err(failed)?;
    // Where TLS is spoken a plain request is told so; that it is told is what we ask for.
    if answer.starts_with("HTTP/1.1 200 ") || answer.ends_with(PLAIN_HTTP) {
        return Ok(());
    }
    Err(format!(
        "lanpulse at {address} is not healthy: {}",
        answer.lines().next().unwrap_or("no answer")
    ))
}

/// Where to reach what listens there: an unspecified address is reached on loopback.
pub fn reachable(listen: &str) -> Option<SocketAddr> {
    let listen = listen
        .strip_prefix(':')
        .map_or_else(|| listen.to_owned(), |port| format!("127.0.0.1:{port}"));
    let mut address = listen.to_socket_addrs().ok()?.next()?;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_where_the_daemon_listens() {
        let at = |listen: &str| reachable(listen).map(|address| address.to_string());
        assert_eq!(at(":10526").as_deref(), Some("127.0.0.1:10526"));
        assert_eq!(at("0.0.0.0:1").as_deref(), Some("127.0.0.1:1"));
        assert_eq!(at("[::]:1").as_deref(), Some("[::1]:1"));
        assert_eq!(at("192.0.2.1:1").as_deref(), Some("192.0.2.1:1"));
        assert_eq!(at("nonsense"), None);
    }
}
