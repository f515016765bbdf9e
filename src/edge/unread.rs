//! What nobody read of a call's body: it is read to its end before the call is answered.
//!
//! Whoever is turned away before the body is read has mostly sent it already. An answer that goes out first makes the
//! transport reset the stream (RFC 9113 §8.1). It remembers the 50 newest of those; what still arrives for another one is
//! an error of the connection's, and `limits.local_error_resets` of them end the connection, an honest client's too.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Buf as _, Frame, SizeHint};
use tokio::sync::oneshot;

/// A body that is on its way is here long before; nobody waits for one that never ends.
const WAIT: Duration = Duration::from_secs(1);

/// A body that, dropped before its end, comes back as the [`Rest`].
#[derive(Debug)]
pub struct Watched<B: Body> {
    // Both are there until the end of the body, or of this.
    body: Option<B>,
    back: Option<oneshot::Sender<B>>,
}

/// What may have been left of a body.
#[derive(Debug)]
pub(super) struct Rest<B>(oneshot::Receiver<B>);

/// Watches the body of a request.
pub(super) fn watch<B: Body>(request: Request<B>) -> (Request<Watched<B>>, Rest<B>) {
    let (back, rest) = oneshot::channel();
    (request.map(|body| Watched { body: Some(body), back: Some(back) }), Rest(rest))
}

impl<B: Body + Unpin> Rest<B> {
    /// Reads what is left, but not more than so many bytes, and not longer than a second.
    pub(super) async fn read(mut self, most_bytes: usize) {
        let Ok(mut body) = self.0.try_recv() else { return };
        let mut left = most_bytes;
        let reading = async {
            while let Some(Ok(frame)) = body.frame().await {
                let bytes = frame.data_ref().map_or(0, |data| data.remaining());
                let Some(fewer) = left.checked_sub(bytes) else { return };
                left = fewer;
            }
        };
        // Elapsed or not: it is answered now.
        let _elapsed = tokio::time::timeout(WAIT, reading).await;
    }
}

impl<B: Body> Drop for Watched<B> {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take())
            && !body.is_end_stream()
        {
            // Nobody waits for it: the call was left.
            let _left = back.send(body);
        }
    }
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = ready!(Pin::new(body).poll_frame(context));
        if !matches!(polled, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Bytes;
    use tokio::time::timeout;

    use super::*;

    type Frames = Result<Frame<Bytes>, std::convert::Infallible>;

    fn kibibyte() -> Frames {
        Ok(Frame::data(Bytes::from_static(&[0; 1024])))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_without_end_is_read_as_far_as_a_call_may_carry() {
        let (request, rest) = watch(Request::new(StreamBody::new(stream::repeat_with(kibibyte))));
        drop(request);
        // It never waits, so that no time passes: without the bound this would not end.
        rest.read(64 * 1024).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_waited_for_a_second() {
        for (patience_ms, ends) in [(999, false), (1_001, true)] {
            let (request, rest) = watch(Request::new(StreamBody::new(stream::pending::<Frames>())));
            drop(request);
            let read = timeout(Duration::from_millis(patience_ms), rest.read(1024)).await;
            assert_eq!(read.is_ok(), ends, "{patience_ms} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_was_read_or_is_still_held_is_nobodys_rest() {
        let (request, rest) = watch(Request::new(Full::new(Bytes::from_static(b"all"))));
        let all = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(all, "all");
        timeout(Duration::from_millis(1), rest.read(1024)).await.unwrap();
        let (held, rest) = watch(Request::new(StreamBody::new(stream::pending::<Frames>())));
        timeout(Duration::from_millis(1), rest.read(1024)).await.unwrap();
        drop(held);
    }
}
