//! Listening and connections: bound to what was asked, with TLS where it is asked for, bounded in number and time, ended
//! in order.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::Desk;
use super::connections::{Connection, Table};

/// How long a client may take over its header; also how long a connection may idle between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest header, in bytes.
const MAX_HEADER: usize = 32 << 10;
/// What a plain request gets where TLS is spoken; `lanpulse healthcheck` takes it for a sign of life.
pub const PLAIN_HTTP: &str = "lanpulse speaks TLS here: use https://\n";
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
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Serves until `stop` turns true, then lets requests under way finish.
pub async fn serve(listeners: Vec<StdListener>, desk: Arc<Desk>, stop: watch::Receiver<bool>, places: usize) {
    let table = Table::new(places);
    let mut doors = tokio::task::JoinSet::new();
    for listener in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => drop(doors.spawn(accept(listener, desk.clone(), table.clone(), stop.clone()))),
            Err(error) => tracing::error!(%error, "cannot serve on a listener"),
        }
    }
    while doors.join_next().await.is_some() {}
}

async fn accept(listener: TcpListener, desk: Arc<Desk>, table: Arc<Table>, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, for one: accepting again at once would only spin.
                    tracing::debug!(%error, "cannot accept a connection");
                    table.make_room();
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = stopped(&mut stop) => break,
        };
        let Some(place) = table.enter(peer) else {
            continue;
        };
        let (desk, watcher) = (desk.clone(), graceful.watcher());
        tokio::spawn(async move {
            tokio::select! {
                () = connection(stream, peer, desk, place.clone(), watcher) => {}
                () = place.ended() => {}
            }
        });
    }
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// One connection from its first byte to its end.
async fn connection(stream: TcpStream, peer: SocketAddr, desk: Arc<Desk>, place: Connection, watcher: Watcher) {
    let _ = stream.set_nodelay(true);
    let Some(tls) = desk.web.now().await.tls.clone() else {
        return talk(stream, false, peer, desk, place, watcher).await;
    };
    let greeted = tokio::time::timeout(HEADER_TIMEOUT, async {
        if speaks_plain_http(&stream).await {
            refuse_plain_http(stream).await;
            return None;
        }
        TlsAcceptor::from(tls).accept(stream).await.ok()
    });
    if let Ok(Some(stream)) = greeted.await {
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        talk(stream, h2, peer, desk, place, watcher).await;
    }
}

/// A TLS connection begins with a handshake record (RFC 8446, 5.1), a plain request with its method.
async fn speaks_plain_http(stream: &TcpStream) -> bool {
    let mut first = [0];
    matches!(stream.peek(&mut first).await, Ok(1)) && first[0].is_ascii_uppercase()
}

async fn refuse_plain_http(mut stream: TcpStream) {
    let body = PLAIN_HTTP;
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: \
         close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.read(&mut [0; 4096]).await;
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn talk<S>(stream: S, h2: bool, peer: SocketAddr, desk: Arc<Desk>, place: Connection, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let (desk, lease) = (desk.clone(), place.begin());
        async move {
            let answer = super::route(&desk, peer, request).await;
            Ok::<_, std::convert::Infallible>(answer.map(|body| lease.answer(body)))
        }
    });
    // How a connection ended is the client's affair.
    if h2 {
        let builder = http2_builder();
        let _ = watcher
            .watch(builder.serve_connection(TokioIo::new(stream), service))
            .await;
    } else {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(MAX_HEADER);
        let _ = watcher
            .watch(builder.serve_connection(TokioIo::new(stream), service))
            .await;
    }
}

fn http2_builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(HEADER_TIMEOUT)
        .keep_alive_timeout(HEADER_TIMEOUT)
        .max_concurrent_streams(16)
        .max_header_list_size(MAX_HEADER as u32)
        .max_send_buf_size(256 << 10);
    builder
}
