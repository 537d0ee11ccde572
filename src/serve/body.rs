//! Reading request bodies, within limits of size and time.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes};
use tokio::time::timeout;

use super::error::Error;

/// The largest body that is read, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// How long reading a body may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// How much of an unread body is still taken from the client, in bytes.
const MAX_DISCARDED: usize = 1 << 20;
/// How long taking it may last.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// Reads a body to its end, and keeps its last `keep` bytes.
///
/// # Errors
/// 413 for more than [`MAX_BODY`] bytes; 400 for a body that breaks off or takes longer than 10 s.
pub async fn read<B>(body: &mut B, keep: usize) -> Result<Vec<u8>, Error>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(Error::too_large(MAX_BODY));
    }
    let reading = async {
        let (mut kept, mut total) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Error::bad_request("the body broke off"))?;
            let Ok(data) = frame.into_data() else { continue };
            total += data.len();
            if total > MAX_BODY {
                return Err(Error::too_large(MAX_BODY));
            }
            kept.extend_from_slice(&data);
            // Up to twice as much is kept for a while, so that each byte moves once at most.
            if kept.len() > keep * 2 {
                kept.drain(..kept.len() - keep);
            }
        }
        kept.drain(..kept.len().saturating_sub(keep));
        Ok(kept)
    };
    timeout(TIME_LIMIT, reading)
        .await
        .map_err(|_| Error::bad_request("the body took too long"))?
}

/// Takes the rest of a body and throws it away. A client that is still sending when the connection closes would get a
/// reset in place of the answer.
pub async fn discard<B>(body: &mut B)
where
    B: Body<Data = Bytes> + Unpin,
{
    let taking = async {
        let mut left = MAX_DISCARDED;
        while let Some(Ok(frame)) = body.frame().await {
            let size = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(size) {
                Some(less) => left = less,
                None => return,
            }
        }
    };
    let _ = timeout(DISCARD_TIME, taking).await;
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::*;

    const PIECE: &[u8] = &[b'x'; 40_000];

    fn full(size: usize) -> Full<Bytes> {
        Full::new(vec![b'x'; size].into())
    }

    /// A body of unknown length.
    fn chunked(chunks: &[&'static [u8]]) -> impl Body<Data = Bytes> + Unpin {
        let frames: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk))))
            .collect();
        StreamBody::new(stream::iter(frames))
    }

    #[tokio::test]
    async fn the_end_of_a_body_is_kept() {
        for (keep, expected) in [(0, ""), (1, "f"), (3, "def"), (6, "abcdef"), (100, "abcdef")] {
            let mut body = chunked(&[b"a", b"bc", b"def"]);
            assert_eq!(read(&mut body, keep).await.unwrap(), expected.as_bytes(), "{keep}");
        }
    }

    #[tokio::test]
    async fn a_body_has_a_largest_size() {
        assert_eq!(read(&mut full(MAX_BODY), MAX_BODY).await.unwrap().len(), MAX_BODY);
        for mut body in [full(MAX_BODY + 1), full(MAX_BODY * 10)] {
            assert_eq!(read(&mut body, 10).await.unwrap_err().status(), 413);
        }
        let error = read(&mut chunked(&[PIECE, PIECE]), 10).await.unwrap_err();
        assert_eq!(error.status(), 413, "a body without a Content-Length is limited too");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_is_given_up() {
        let mut body = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
        let error = read(&mut body, 10).await.unwrap_err();
        assert_eq!(
            (error.status().as_u16(), error.to_string().as_str()),
            (400, "the body took too long")
        );
        discard(&mut body).await;
    }
}
