//! The connections there are, so that the many of one client cannot keep out the few of another.
//!
//! Owns the table of connections and what answers they still owe. Gets each connection as it comes, begins and ends a
//! request; gives it an end before its time where room is needed. Nobody is turned away while something idles:
//!
//! 1. Where all places are taken, the address that holds most loses the connection that has waited longest for a
//!    request or its rest (slow header, idle).
//! 2. Where all are at work (slow bodies, slow readers), one that has not moved for over 10 s goes; else, where the
//!    newcomer's address does not hold most itself, the one of the greediest that has not moved longest.
//! 3. Where answers that nobody fetches take more than 256 MiB together, the one that has not moved longest goes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::Notify;

use super::failures::Place;

/// Bytes of answers that may wait to be fetched.
const OWED: usize = 256 << 20;
/// At work for so long, a connection may have to make room.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer handed over at a time, so that progress shows.
const PIECE: usize = 64 << 10;

/// All connections.
pub struct Table {
    most: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last: u64,
    entries: HashMap<u64, Entry>,
    held: HashMap<Place, u32>,
    owed: usize,
}

struct Entry {
    place: Place,
    /// Requests at work.
    busy: u32,
    /// Of the last change: waiting since, or last progress.
    since: Instant,
    owed: usize,
    end: Arc<Notify>,
}

impl Table {
    /// With places for so many.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            inner: Mutex::default(),
        })
    }

    /// A connection has come; none where there is no place for it.
    pub fn enter(self: &Arc<Self>, peer: SocketAddr) -> Option<Connection> {
        let now = Instant::now();
        let mut inner = self.lock();
        if inner.entries.len() >= self.most && !inner.make_room(now, Some(Place::of(peer))) {
            return None;
        }
        inner.last += 1;
        let (id, end) = (inner.last, Arc::new(Notify::new()));
        *inner.held.entry(Place::of(peer)).or_default() += 1;
        inner.entries.insert(
            id,
            Entry {
                place: Place::of(peer),
                busy: 0,
                since: now,
                owed: 0,
                end: end.clone(),
            },
        );
        drop(inner);
        let table = self.clone();
        Some(Connection(Arc::new(Handle { table, id, end })))
    }

    /// Ends a connection to make room, for want of something else that it holds.
    pub fn make_room(&self) {
        self.lock().make_room(Instant::now(), None);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn make_room(&mut self, now: Instant, newcomer: Option<Place>) -> bool {
        // The usual case first, in one pass without a look-up for each: who holds most has something that waits.
        let greediest = self.held.iter().max_by_key(|(_, held)| **held).map(|(place, _)| *place);
        let waiting = self.entries.iter().filter(|(_, entry)| entry.busy == 0);
        let of_greediest = waiting.clone().filter(|(_, entry)| Some(entry.place) == greediest);
        let slow = |(_, entry): &(&u64, &Entry)| now.saturating_duration_since(entry.since) > PATIENCE;
        let oldest = |(id, entry): &(&u64, &Entry)| (entry.since, **id);
        let giving_way = greediest.filter(|greediest| newcomer.is_some_and(|newcomer| newcomer != *greediest));
        let of_another = |(_, entry): &(&u64, &Entry)| giving_way == Some(entry.place);
        let victim = of_greediest
            .min_by_key(oldest)
            .or_else(|| waiting.min_by_key(oldest))
            .or_else(|| self.entries.iter().filter(slow).min_by_key(oldest))
            .or_else(|| self.entries.iter().filter(of_another).min_by_key(oldest))
            .map(|(id, _)| *id);
        self.end(victim)
    }

    fn settle_debts(&mut self) {
        while self.owed > OWED {
            let debtor = self.entries.iter().filter(|(_, entry)| entry.owed > 0);
            let debtor = debtor.min_by_key(|(_, entry)| entry.since).map(|(id, _)| *id);
            if !self.end(debtor) {
                return;
            }
        }
    }

    fn end(&mut self, id: Option<u64>) -> bool {
        let Some(entry) = id.and_then(|id| self.entries.remove(&id)) else {
            return false;
        };
        self.owed -= entry.owed.min(self.owed);
        if let Some(held) = self.held.get_mut(&entry.place) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&entry.place);
            }
        }
        entry.end.notify_one();
        true
    }
}

/// One connection's place in the table.
#[derive(Clone)]
pub struct Connection(Arc<Handle>);

struct Handle {
    table: Arc<Table>,
    id: u64,
    end: Arc<Notify>,
}

impl Connection {
    /// Comes when it has to make room.
    pub async fn ended(&self) {
        self.0.end.notified().await;
    }

    /// A request has come; the lease lasts until its answer is fetched.
    pub fn begin(&self) -> Lease {
        self.0.change(|entry| entry.busy += 1);
        Lease {
            handle: self.0.clone(),
            owed: 0,
        }
    }
}

impl Handle {
    fn change(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.table.lock().entries.get_mut(&self.id) {
            entry.since = Instant::now();
            change(entry);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.table.lock().end(Some(self.id));
    }
}

/// A request at work.
pub struct Lease {
    handle: Arc<Handle>,
    owed: usize,
}

impl Lease {
    /// The answer, which counts until it is fetched.
    pub fn answer<B: Body<Data = Bytes>>(mut self, body: B) -> Answer<B> {
        self.owe(body.size_hint().exact().unwrap_or(0) as usize);
        Answer {
            body,
            rest: Bytes::new(),
            lease: self,
        }
    }

    fn owe(&mut self, bytes: usize) {
        let mut inner = self.handle.table.lock();
        let Some(entry) = inner.entries.get_mut(&self.handle.id) else {
            return;
        };
        entry.owed = (entry.owed + bytes).saturating_sub(self.owed);
        entry.since = Instant::now();
        inner.owed = (inner.owed + bytes).saturating_sub(self.owed);
        self.owed = bytes;
        inner.settle_debts();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.owe(0);
        self.handle.change(|entry| entry.busy = entry.busy.saturating_sub(1));
    }
}

/// A body that is handed over in pieces and knows what it still owes.
pub struct Answer<B> {
    body: B,
    rest: Bytes,
    lease: Lease,
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
        // The memory is held until the last piece is gone; what changes is when it last moved.
        this.lease.handle.change(|_| ());
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

    fn is_ended(connection: &Connection) -> bool {
        !connection.0.table.lock().entries.contains_key(&connection.0.id)
    }

    #[test]
    fn whoever_holds_most_makes_room_with_what_waits_longest() {
        let table = Table::new(4);
        let lone = table.enter(peer(1)).unwrap();
        let many: Vec<_> = (0..3).map(|_| table.enter(peer(2)).unwrap()).collect();
        let _at_work = many[0].begin();
        let new = table.enter(peer(3)).unwrap();
        assert!(is_ended(&many[1]) && !is_ended(&many[0]) && !is_ended(&lone) && !is_ended(&many[2]));
        let working = [lone.begin(), many[2].begin(), new.begin()];
        assert!(
            table.enter(peer(2)).is_none(),
            "all are at work, and it holds most itself"
        );
        let another = table.enter(peer(4)).unwrap();
        assert!(is_ended(&many[0]) && !is_ended(&lone), "of the greediest, the oldest");
        drop((working, new));
        assert!(table.enter(peer(4)).is_some());
        drop(another);
    }

    #[tokio::test]
    async fn answers_that_nobody_fetches_are_bounded() {
        let table = Table::new(10);
        let connections: Vec<_> = (0..5).map(|_| table.enter(peer(1)).unwrap()).collect();
        let bytes = Bytes::from(vec![0; 80 << 20]);
        let answers: Vec<_> = connections
            .iter()
            .map(|c| c.begin().answer(Full::new(bytes.clone())))
            .collect();
        assert!(is_ended(&connections[0]) && is_ended(&connections[1]));
        assert!(!is_ended(&connections[4]));
        assert_eq!(table.lock().owed, 3 * (80 << 20));
        drop(answers);
        assert_eq!(table.lock().owed, 0);
        let body = connections[4].begin().answer(Full::new(bytes.slice(..200_000)));
        assert_eq!(body.size_hint().exact(), Some(200_000));
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), 200_000);
        let inner = table.lock();
        assert_eq!((inner.owed, inner.entries.len()), (0, 3));
    }
}
