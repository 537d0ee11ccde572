//! The expositions of `/metrics`: which are rendered, for whom, and how.
//!
//! Owns the queue of renderings:
//!
//! 1. One is rendered at a time. Two at once would only compete, and take twice the memory.
//! 2. Scrapes that wait share the next rendering of their format and encoding. So a thousand clients cost what one does,
//!    and none waits for more than one rendering of each kind.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use crate::metrics::{self, Encoding, Format, Plan, Settings};
use crate::state::Snapshot;

/// The memory that a series needs in the exposition, in bytes; to reserve all of it at once.
const BYTES_PER_SERIES: usize = 128;
/// Bytes of exposition that are compressed at a time.
const PIECE: usize = 64 << 10;

/// The result of a rendering; none while it is under way.
pub type Rendered = Option<Result<Bytes, RenderError>>;

/// Why there is no exposition.
#[derive(Clone, Copy, Debug)]
pub enum RenderError {
    /// There is no state, since the daemon starts or stops.
    Stateless,
    /// A mistake of our own.
    Failed,
}

/// A rendering that has not begun.
struct Pending {
    format: Format,
    encoding: Encoding,
    result: watch::Receiver<Rendered>,
}

/// The renderings.
pub struct Renderings {
    turn: Semaphore,
    pending: Mutex<Vec<Pending>>,
}

impl Default for Renderings {
    fn default() -> Self {
        Self {
            turn: Semaphore::new(1),
            pending: Mutex::default(),
        }
    }
}

impl Renderings {
    /// Joins the next rendering of this kind. If it is new, there is also a sender for its result, and the caller has
    /// to see to it that it is rendered.
    pub fn join(
        &self,
        format: Format,
        encoding: Encoding,
    ) -> (watch::Receiver<Rendered>, Option<watch::Sender<Rendered>>) {
        let mut pending = self.lock();
        let known = pending
            .iter()
            .find(|next| (next.format, next.encoding) == (format, encoding));
        if let Some(known) = known {
            return (known.result.clone(), None);
        }
        let (sender, result) = watch::channel(None);
        pending.push(Pending {
            format,
            encoding,
            result: result.clone(),
        });
        (result, Some(sender))
    }

    /// Waits until this is the one that may be rendered. From then on, scrapes of its kind wait for another.
    pub async fn begin(&self, format: Format, encoding: Encoding) -> Option<SemaphorePermit<'_>> {
        let turn = self.turn.acquire().await.ok()?;
        self.lock()
            .retain(|next| (next.format, next.encoding) != (format, encoding));
        Some(turn)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Renders a snapshot; takes a while. Also gives what was planned: how many series, and how many had no room.
pub fn render(
    snapshot: &Arc<Snapshot>,
    settings: &Settings,
    format: Format,
    encoding: Encoding,
) -> Result<(Vec<u8>, Plan), fmt::Error> {
    let plan = Plan::of(snapshot, settings);
    let bytes = match encoding {
        Encoding::Gzip => {
            let mut gzip = GzipWriter::new();
            metrics::render(snapshot, &plan, format, &mut gzip)?;
            gzip.finish()?
        }
        Encoding::Identity => {
            let mut text = String::with_capacity(plan.series * BYTES_PER_SERIES);
            metrics::render(snapshot, &plan, format, &mut text)?;
            text.into_bytes()
        }
    };
    Ok((bytes, plan))
}

/// Compresses text piece by piece, since the whole text of 400,000 series takes 30 MB.
struct GzipWriter {
    piece: String,
    gzip: GzEncoder<Vec<u8>>,
}

impl GzipWriter {
    fn new() -> Self {
        Self {
            piece: String::with_capacity(2 * PIECE),
            // The fastest level. The text is so repetitive that better levels gain little, and take three times as long.
            gzip: GzEncoder::new(Vec::new(), Compression::fast()),
        }
    }

    fn compress(&mut self) -> fmt::Result {
        self.gzip.write_all(self.piece.as_bytes()).map_err(|_| fmt::Error)?;
        self.piece.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>, fmt::Error> {
        self.compress()?;
        self.gzip.finish().map_err(|_| fmt::Error)
    }
}

impl fmt::Write for GzipWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.piece.push_str(text);
        if self.piece.len() >= PIECE {
            self.compress()
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_compressed_in_pieces_is_the_whole_text() {
        let mut gzip = GzipWriter::new();
        let mut text = String::new();
        for n in 0..10_000 {
            writeln!(gzip, "a_metric{{device=\"d{n}\"}} {n}").unwrap();
            writeln!(text, "a_metric{{device=\"d{n}\"}} {n}").unwrap();
        }
        assert!(text.len() > 3 * PIECE && gzip.piece.len() < PIECE);
        let mut read = String::new();
        let packed = gzip.finish().unwrap();
        flate2::read::GzDecoder::new(&packed[..])
            .read_to_string(&mut read)
            .unwrap();
        assert!(read == text);
    }

    #[tokio::test]
    async fn scrapes_that_wait_share_a_rendering_and_later_ones_do_not() {
        let renderings = Renderings::default();
        let (first, sender) = renderings.join(Format::Classic, Encoding::Gzip);
        let sender = sender.unwrap();
        assert!(renderings.join(Format::Classic, Encoding::Gzip).1.is_none());
        assert!(renderings.join(Format::Classic, Encoding::Identity).1.is_some());
        let turn = renderings.begin(Format::Classic, Encoding::Gzip).await;
        assert!(renderings.join(Format::Classic, Encoding::Gzip).1.is_some());
        assert!(renderings.join(Format::Classic, Encoding::Identity).1.is_none());
        assert!(renderings.turn.try_acquire().is_err(), "one at a time");
        drop(turn);
        assert!(renderings.turn.try_acquire().is_ok());
        assert!(!sender.is_closed());
        drop(first);
        assert!(sender.is_closed(), "no scrape waits any more");
    }
}
