//! A stream that gives up on clients that make no progress: a head that does not end, an idle connection, an answer
//! nobody takes. Bodies being read have a timeout of their own (`RequestBody`).
//!
//! hyper's own header timeout makes a timer for every request; this one looks at the clock every few seconds.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::limits;

/// Between two looks at the clock: how late a timeout may be noticed.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Pieces that are together no longer than this are written as one: copying them costs less than `writev`.
const JOINED_BYTES_MAX: usize = 2048;

/// How a connection gets on; shared by its stream and its service. Times are milliseconds since it was accepted.
#[derive(Debug)]
pub(super) struct Pace {
    accepted: Instant,
    /// Requests whose head has been read and whose handler is at work.
    requests: AtomicU32,
    /// When the first byte of a head came that is not complete yet; 0 for none.
    head_since: AtomicU64,
    /// When bytes last moved, either way.
    moved: AtomicU64,
}

impl Pace {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            accepted: Instant::now(),
            requests: AtomicU32::new(0),
            head_since: AtomicU64::new(0),
            moved: AtomicU64::new(0),
        })
    }

    /// A head is complete; its request is at work until what this returns is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> AtWork {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        AtWork(Arc::clone(self))
    }

    fn now(&self) -> u64 {
        // 1 at the least, because 0 says that no head is under way.
        u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    fn received(&self) {
        let now = self.now();
        self.moved.store(now, Ordering::Relaxed);
        if self.requests.load(Ordering::Relaxed) == 0 && self.head_since.load(Ordering::Relaxed) == 0 {
            self.head_since.store(now, Ordering::Relaxed);
        }
    }

    fn sent(&self) {
        let now = self.now();
        self.moved.store(now, Ordering::Relaxed);
        // A head that came while an answer was still going out is read after it: its time begins anew.
        if self.head_since.load(Ordering::Relaxed) != 0 {
            self.head_since.store(now, Ordering::Relaxed);
        }
    }

    fn is_overdue(&self) -> bool {
        if self.requests.load(Ordering::Relaxed) > 0 {
            return false;
        }
        let since = |then: u64| Duration::from_millis(self.now().saturating_sub(then));
        match self.head_since.load(Ordering::Relaxed) {
            0 => since(self.moved.load(Ordering::Relaxed)) > limits::KEEP_ALIVE_TIMEOUT,
            head => since(head) > limits::HEADER_TIMEOUT,
        }
    }
}

/// A request at work.
#[derive(Debug)]
pub(super) struct AtWork(Arc<Pace>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.moved.store(self.0.now(), Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The stream.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    pace: Arc<Pace>,
    /// The next look at the clock while a read waits. Boxed, because hyper moves its stream.
    look: Option<Pin<Box<Sleep>>>,
    /// Runs out while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Small pieces on their way, put together.
    joined: Vec<u8>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, pace: Arc<Pace>) -> Self {
        Self { stream, pace, look: None, stalled: None, joined: Vec::new() }
    }

    fn look(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let timer = self.look.get_or_insert_with(|| Box::pin(sleep(LOOK_INTERVAL)));
        while timer.as_mut().poll(cx).is_ready() {
            if self.pace.is_overdue() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            timer.as_mut().reset(Instant::now() + LOOK_INTERVAL);
        }
        Poll::Pending
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.pace.sent();
            self.stalled = None;
            return written;
        }
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(limits::BODY_IDLE_TIMEOUT)));
        timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(read) => {
                if buf.filled().len() > before {
                    self.pace.received();
                }
                Poll::Ready(read)
            }
            Poll::Pending => self.look(cx),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = if bufs.iter().map(|buf| buf.len()).sum::<usize>() <= JOINED_BYTES_MAX {
            this.joined.clear();
            for buf in bufs {
                this.joined.extend_from_slice(buf);
            }
            Pin::new(&mut this.stream).poll_write(cx, &this.joined)
        } else {
            Pin::new(&mut this.stream).poll_write_vectored(cx, bufs)
        };
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(flushed) => Poll::Ready(flushed),
            Poll::Pending => self.watch(cx, Poll::Pending),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Time is paused, so a wait takes none; `TimedOut` after about `expected`.
    async fn check_timeout(mut stream: Patient<tokio::io::DuplexStream>, expected: Duration) {
        let began = Instant::now();
        let error = loop {
            match stream.read_u8().await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let took = began.elapsed();
        assert!(took > expected && took <= expected + 2 * LOOK_INTERVAL, "{took:?} instead of {expected:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_ends() {
        let (_client, server) = duplex(64);
        check_timeout(Patient::new(server, Pace::new()), limits::KEEP_ALIVE_TIMEOUT).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_in_ends_in_time() {
        let (mut client, server) = duplex(64);
        let trickle = tokio::spawn(async move {
            while client.write_u8(b'x').await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        });
        check_timeout(Patient::new(server, Pace::new()), limits::HEADER_TIMEOUT).await;
        trickle.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_at_work_is_not_cut_off_and_the_next_head_has_its_own_time() {
        let (mut client, server) = duplex(64);
        let pace = Pace::new();
        let mut stream = Patient::new(server, Arc::clone(&pace));
        client.write_u8(b'x').await.unwrap();
        stream.read_u8().await.unwrap();
        let at_work = pace.begin();
        let long = limits::KEEP_ALIVE_TIMEOUT * 3;
        assert!(tokio::time::timeout(long, stream.read_u8()).await.is_err(), "still waiting, not cut off");
        drop(at_work);
        check_timeout(stream, limits::KEEP_ALIVE_TIMEOUT).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_dropped() {
        let (_client, server) = duplex(8);
        let mut stream = Patient::new(server, Pace::new());
        let error = stream.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
