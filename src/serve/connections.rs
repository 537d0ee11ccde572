//! The open connections, so that one client with many cannot keep out another with few.
//!
//! Owns the table of connections and the size of the answers that wait in each. Hears of each connection when it opens,
//! and of each request when it begins and ends; closes a connection early if the room is needed for another. As long as
//! a connection idles, none is refused:
//!
//! 1. If all places are taken, the network with the most connections loses the one that has waited longest for a
//!    request, or for the rest of one. Slow headers and idle connections count alike.
//! 2. If all connections are at work (slow bodies, slow readers), one goes that has not moved for over 10 s. If there is
//!    none, and the new connection is not from the network with the most, that network loses the one that has not moved
//!    longest.
//! 3. If the answers that clients do not fetch take more than 256 MiB together, the connection goes that has not moved
//!    longest.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::Notify;

use super::clock::now;
use crate::pace::ClientNetwork;

/// Bytes of answers that may wait to be fetched.
const MOST_WAITING: usize = 256 << 20;
/// A connection at work that has not moved for this long may have to make room.
const STUCK: Duration = Duration::from_secs(10);
/// Bytes of an answer handed over at a time, so that its progress can be seen.
const PIECE: usize = 64 << 10;

/// All connections.
pub struct Connections {
    /// Places for so many.
    most: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last_id: u64,
    entries: HashMap<u64, Entry>,
    /// How many connections each network has.
    held: HashMap<ClientNetwork, u32>,
    /// Bytes of answers that wait, in all connections.
    waiting: usize,
}

struct Entry {
    network: ClientNetwork,
    /// Requests at work.
    requests: u32,
    /// When it last moved.
    moved: Instant,
    /// Bytes of answers that wait to be fetched.
    waiting: usize,
    /// Tells the connection to close.
    close: Arc<Notify>,
}

impl Connections {
    /// An empty table with this many places.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            inner: Mutex::default(),
        })
    }

    /// Adds a connection; none if there is no place for it.
    pub fn open(self: &Arc<Self>, peer: SocketAddr) -> Option<Connection> {
        let moved = now();
        let network = ClientNetwork::of(peer.ip());
        let mut inner = self.lock();
        if inner.entries.len() >= self.most && !inner.make_room(moved, Some(network)) {
            return None;
        }
        inner.last_id += 1;
        let (id, close) = (inner.last_id, Arc::new(Notify::new()));
        *inner.held.entry(network).or_default() += 1;
        inner.entries.insert(
            id,
            Entry {
                network,
                requests: 0,
                moved,
                waiting: 0,
                close: close.clone(),
            },
        );
        drop(inner);
        let table = self.clone();
        Some(Connection(Arc::new(Handle { table, id, close })))
    }

    /// Closes a connection, so that something else that it holds (a file descriptor) comes free.
    pub fn make_room(&self) {
        self.lock().make_room(now(), None);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn make_room(&mut self, now: Instant, newcomer: Option<ClientNetwork>) -> bool {
        // Nearly always the network with the most connections has an idle one; that takes one pass.
        let largest = self
            .held
            .iter()
            .max_by_key(|(_, held)| **held)
            .map(|(network, _)| *network);
        let idle = self.entries.iter().filter(|(_, entry)| entry.requests == 0);
        let idle_of_largest = idle.clone().filter(|(_, entry)| Some(entry.network) == largest);
        let is_stuck = |(_, entry): &(&u64, &Entry)| now.saturating_duration_since(entry.moved) > STUCK;
        let giving_way = largest.filter(|largest| newcomer.is_some_and(|newcomer| newcomer != *largest));
        let gives_way = |(_, entry): &(&u64, &Entry)| giving_way == Some(entry.network);
        let oldest = |(id, entry): &(&u64, &Entry)| (entry.moved, **id);
        let victim = idle_of_largest
            .min_by_key(oldest)
            .or_else(|| idle.min_by_key(oldest))
            .or_else(|| self.entries.iter().filter(is_stuck).min_by_key(oldest))
            .or_else(|| self.entries.iter().filter(gives_way).min_by_key(oldest))
            .map(|(id, _)| *id);
        self.close(victim)
    }

    /// Rule 3.
    fn bound_waiting(&mut self) {
        while self.waiting > MOST_WAITING {
            let unfetched = self.entries.iter().filter(|(_, entry)| entry.waiting > 0);
            let victim = unfetched.min_by_key(|(_, entry)| entry.moved).map(|(id, _)| *id);
            if !self.close(victim) {
                return;
            }
        }
    }

    /// Removes a connection and tells it to close; false if there is none of this number.
    fn close(&mut self, id: Option<u64>) -> bool {
        let Some(entry) = id.and_then(|id| self.entries.remove(&id)) else {
            return false;
        };
        self.waiting -= entry.waiting.min(self.waiting);
        if let Some(held) = self.held.get_mut(&entry.network) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&entry.network);
            }
        }
        entry.close.notify_one();
        true
    }
}

/// A connection in the table, until the last copy of this is dropped.
#[derive(Clone)]
pub struct Connection(Arc<Handle>);

struct Handle {
    table: Arc<Connections>,
    id: u64,
    close: Arc<Notify>,
}

impl Connection {
    /// Returns when the connection has to close, to make room.
    pub async fn closed(&self) {
        self.0.close.notified().await;
    }

    /// Notes that a request has come. It is at work until its answer is fetched, or what this gives is dropped.
    pub fn begin(&self) -> Exchange {
        self.0.change(|entry| entry.requests += 1);
        Exchange {
            handle: self.0.clone(),
            waiting: 0,
        }
    }
}

impl Handle {
    fn change(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.table.lock().entries.get_mut(&self.id) {
            entry.moved = now();
            change(entry);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.table.lock().close(Some(self.id));
    }
}

/// A request at work.
pub struct Exchange {
    handle: Arc<Handle>,
    /// Bytes of its answer that wait to be fetched.
    waiting: usize,
}

impl Exchange {
    /// The answer, which counts until it is fetched.
    pub fn answer<B: Body<Data = Bytes>>(mut self, body: B) -> Answer<B> {
        self.set_waiting(body.size_hint().exact().unwrap_or(0) as usize);
        Answer {
            body,
            rest: Bytes::new(),
            exchange: self,
        }
    }

    fn set_waiting(&mut self, bytes: usize) {
        let mut inner = self.handle.table.lock();
        let Some(entry) = inner.entries.get_mut(&self.handle.id) else {
            return;
        };
        entry.waiting = (entry.waiting + bytes).saturating_sub(self.waiting);
        entry.moved = now();
        inner.waiting = (inner.waiting + bytes).saturating_sub(self.waiting);
        self.waiting = bytes;
        inner.bound_waiting();
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.set_waiting(0);
        self.handle
            .change(|entry| entry.requests = entry.requests.saturating_sub(1));
    }
}

/// The body of an answer, handed over in pieces.
pub struct Answer<B> {
    body: B,
    /// What is left of the last frame.
    rest: Bytes,
    exchange: Exchange,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                other => return Poll::Ready(other),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        // All of the memory is held until the last piece is gone, so only the time changes.
        this.exchange.handle.change(|_| ());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.body.size_hint().exact() {
            Some(exact) => SizeHint::with_exact(exact + self.rest.len() as u64),
            None => SizeHint::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    fn peer(n: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, n], 1))
    }

    fn is_closed(connection: &Connection) -> bool {
        !connection.0.table.lock().entries.contains_key(&connection.0.id)
    }

    #[test]
    fn the_network_with_the_most_connections_makes_room() {
        let table = Connections::new(4);
        let lone = table.open(peer(1)).unwrap();
        let many: Vec<_> = (0..3).map(|_| table.open(peer(2)).unwrap()).collect();
        let _at_work = many[0].begin();
        let new = table.open(peer(3)).unwrap();
        assert!(is_closed(&many[1]) && !is_closed(&many[0]) && !is_closed(&lone) && !is_closed(&many[2]));
        let working = [lone.begin(), many[2].begin(), new.begin()];
        assert!(
            table.open(peer(2)).is_none(),
            "all are at work, and it is the one with the most"
        );
        let another = table.open(peer(4)).unwrap();
        assert!(
            is_closed(&many[0]) && !is_closed(&lone),
            "the oldest of the network with the most"
        );
        drop((working, new));
        assert!(table.open(peer(4)).is_some());
        drop(another);
    }

    #[tokio::test]
    async fn answers_that_wait_are_bounded() {
        let table = Connections::new(10);
        let connections: Vec<_> = (0..5).map(|_| table.open(peer(1)).unwrap()).collect();
        let bytes = Bytes::from(vec![0; 80 << 20]);
        let answers: Vec<_> = connections
            .iter()
            .map(|c| c.begin().answer(Full::new(bytes.clone())))
            .collect();
        assert!(is_closed(&connections[0]) && is_closed(&connections[1]));
        assert!(!is_closed(&connections[4]));
        assert_eq!(table.lock().waiting, 3 * (80 << 20));
        drop(answers);
        assert_eq!(table.lock().waiting, 0);
        let body = connections[4].begin().answer(Full::new(bytes.slice(..200_000)));
        assert_eq!(body.size_hint().exact(), Some(200_000));
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), 200_000);
        let inner = table.lock();
        assert_eq!((inner.waiting, inner.entries.len()), (0, 3));
    }
}
