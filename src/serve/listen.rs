//! Connections: accepted, with TLS where it is configured, bounded in number and time, ended in order.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::connections::{Connection, Connections};
use super::server::Server;

/// How long a client may take over its header; also how long a connection may idle between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest header, in bytes.
const MAX_HEADER: usize = 32 << 10;
/// The answer to a plain request on a port with TLS. `lanpulse healthcheck` takes it for a sign of life.
pub const PLAIN_HTTP: &str = "lanpulse speaks TLS here: use https://\n";
/// How long requests at work may take once the daemon stops.
const DRAIN: Duration = Duration::from_secs(3);
/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` turns true, then lets requests at work finish. At most `places` connections are open at once.
pub async fn serve<A: Send + Sync + 'static>(
    listeners: Vec<StdListener>,
    server: Server<A>,
    stop: watch::Receiver<bool>,
    places: usize,
) {
    let (server, table) = (Arc::new(server), Connections::new(places));
    let mut accepting = tokio::task::JoinSet::new();
    for listener in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => drop(accepting.spawn(accept(listener, server.clone(), table.clone(), stop.clone()))),
            Err(error) => tracing::error!(%error, "cannot serve on a listener"),
        }
    }
    while accepting.join_next().await.is_some() {}
}

async fn accept<A: Send + Sync + 'static>(
    listener: TcpListener,
    server: Arc<Server<A>>,
    table: Arc<Connections>,
    mut stop: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Without the pause, running out of file descriptors would make this loop spin.
                    tracing::debug!(%error, "cannot accept a connection");
                    table.make_room();
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = stopped(&mut stop) => break,
        };
        let Some(place) = table.open(peer) else {
            continue;
        };
        let (server, watcher) = (server.clone(), graceful.watcher());
        tokio::spawn(async move {
            tokio::select! {
                () = connection(stream, peer, server, place.clone(), watcher) => {}
                () = place.closed() => {}
            }
        });
    }
    let _ = timeout(DRAIN, graceful.shutdown()).await;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Runs one connection from its first byte to its end.
async fn connection<A: Send + Sync + 'static>(
    stream: TcpStream,
    peer: SocketAddr,
    server: Arc<Server<A>>,
    place: Connection,
    watcher: Watcher,
) {
    let _ = stream.set_nodelay(true);
    let Some(tls) = server.guard.config().await.tls.clone() else {
        return talk(stream, false, peer, server, place, watcher).await;
    };
    let handshake = timeout(HEADER_TIMEOUT, async {
        if speaks_plain_http(&stream).await {
            refuse_plain_http(stream).await;
            return None;
        }
        TlsAcceptor::from(tls).accept(stream).await.ok()
    });
    if let Ok(Some(stream)) = handshake.await {
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        talk(stream, h2, peer, server, place, watcher).await;
    }
}

/// Whether a client sends HTTP without TLS. A TLS connection begins with a handshake record (RFC 8446, 5.1), a plain
/// request with its method.
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

async fn talk<A, S>(stream: S, h2: bool, peer: SocketAddr, server: Arc<Server<A>>, place: Connection, watcher: Watcher)
where
    A: Send + Sync + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let (server, exchange) = (server.clone(), place.begin());
        async move {
            let answer = server.answer(peer, request).await;
            Ok::<_, Infallible>(answer.map(|body| exchange.answer(body)))
        }
    });
    // An error here means that the client has left or made a mistake; it needs no log line.
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
