//! Listening and connections: bound to what was asked, bounded in number and time, ended in order.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::Desk;

/// How long a client may take over its header; also how long a connection may idle between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections at once. A scraper needs one; past this new ones are closed at once.
const MAX_CONNECTIONS: usize = 4096;
/// How long requests under way may take once the daemon stops.
const DRAIN: Duration = Duration::from_secs(3);

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Not `[HOST]:PORT`.
    #[error("--web.listen-address {0:?} is not an address: write :10526, 127.0.0.1:10526 or [::1]:10526")]
    Malformed(String),
    /// The system refuses.
    #[error("cannot listen on {0}: {1}{2}")]
    System(String, io::Error, &'static str),
}

/// Listens on an address as exporters write it: `:10526` (all addresses of both families), `127.0.0.1:10526`,
/// `[::1]:10526`, `localhost:10526`.
///
/// # Errors
/// What the address lacks, or what the system says.
pub fn bind(address: &str) -> Result<StdListener, BindError> {
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

fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let domain = if address.is_ipv6() { Domain::IPV6 } else { Domain::IPV4 };
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the last connections of the daemon before it.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Serves until `stop` turns true, then lets requests under way finish.
pub async fn serve(listeners: Vec<StdListener>, desk: Arc<Desk>, stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut doors = tokio::task::JoinSet::new();
    for listener in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => drop(doors.spawn(accept(listener, desk.clone(), room.clone(), stop.clone()))),
            Err(error) => tracing::error!(%error, "cannot serve on a listener"),
        }
    }
    while doors.join_next().await.is_some() {}
}

async fn accept(listener: TcpListener, desk: Arc<Desk>, room: Arc<Semaphore>, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, for one: accepting again at once would only spin.
                    tracing::debug!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = stopped(&mut stop) => break,
        };
        let Ok(place) = room.clone().try_acquire_owned() else {
            continue;
        };
        let connection = graceful.watch(connection(stream, peer, desk.clone()));
        tokio::spawn(async move {
            let _ = connection.await;
            drop(place);
        });
    }
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    desk: Arc<Desk>,
) -> impl hyper_util::server::graceful::GracefulConnection {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let desk = desk.clone();
        async move { Ok::<_, std::convert::Infallible>(super::route(&desk, peer, request).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service)
}
