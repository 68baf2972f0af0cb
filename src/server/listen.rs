//! One listener: accept under a cap, one task a connection, HTTP/1.1 and HTTP/2, timeouts, drain.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Sleep, sleep};

use crate::app::App;
use crate::limits;
use crate::wire::body::ReplyBody;

/// After an accept that failed for want of a resource, wait for connections to end.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Accepts and serves until `stopping` says so, then waits for the requests in flight, at most
/// `limits::DRAIN_TIMEOUT`.
pub(super) async fn serve<H, F>(app: Arc<App>, listener: TcpListener, mut stopping: watch::Receiver<bool>, handle: H)
where
    H: Fn(Arc<App>, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<ReplyBody>> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(limits::CONNECTION_COUNT_MAX));
    let protocol = Arc::new(protocol());
    let graceful = GracefulShutdown::new();
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&room).acquire_owned() => permit,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        // Answers are whole when they are written; waiting for more to send only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let service = {
            let (app, handle) = (Arc::clone(&app), handle.clone());
            // Mapped, not awaited in a block of its own: such a block would hold the future twice, and hyper moves it.
            service_fn(move |request| handle(Arc::clone(&app), request).map(Ok::<_, Infallible>))
        };
        let connection = protocol.serve_connection(TokioIo::new(Patient::new(stream)), service).into_owned();
        let connection = graceful.watch(connection);
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            app.metrics.connections.inc();
            if let Err(error) = connection.await {
                // A client that went away or talked nonsense: its own affair.
                tracing::debug!(%error, "connection ended");
            }
            app.metrics.connections.dec();
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits::DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

fn protocol() -> auto::Builder<TokioExecutor> {
    let mut protocol = auto::Builder::new(TokioExecutor::new());
    protocol
        .http1()
        .timer(TokioTimer::new())
        // Also what closes an idle kept-alive connection: the wait for the next head begins with the last answer.
        .header_read_timeout(limits::HEADER_TIMEOUT)
        .max_headers(limits::HEADER_COUNT_MAX)
        .max_buf_size(limits::HEAD_BYTES_MAX)
        .half_close(true);
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::H2_STREAM_COUNT_MAX)
        .max_header_list_size(u32::try_from(limits::HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .adaptive_window(true)
        .keep_alive_interval(limits::HEADER_TIMEOUT)
        .keep_alive_timeout(limits::HEADER_TIMEOUT);
    protocol
}

pin_project! {
    /// A stream that gives up on a client that takes nothing for `limits::BODY_IDLE_TIMEOUT`. Reads have their own
    /// timeouts: hyper's for heads, `RequestBody`'s for bodies.
    struct Patient {
        #[pin]
        stream: TcpStream,
        stalled: Option<Pin<Box<Sleep>>>,
        joined: Vec<u8>,
    }
}

/// Pieces that are together no longer than this are written as one: copying them costs less than `writev`.
const JOINED_BYTES_MAX: usize = 2048;

impl Patient {
    fn new(stream: TcpStream) -> Self {
        Self { stream, stalled: None, joined: Vec::new() }
    }

    fn watch<T>(
        stalled: &mut Option<Pin<Box<Sleep>>>,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            *stalled = None;
            return written;
        }
        // Boxed, because hyper moves its stream, and because most connections never need the timer.
        let timer = stalled.get_or_insert_with(|| Box::pin(sleep(limits::BODY_IDLE_TIMEOUT)));
        timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_read(cx, buf)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.project();
        let written = this.stream.poll_write(cx, buf);
        Self::watch(this.stalled, cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let written = if bufs.iter().map(|buf| buf.len()).sum::<usize>() <= JOINED_BYTES_MAX {
            this.joined.clear();
            bufs.iter().for_each(|buf| this.joined.extend_from_slice(buf));
            this.stream.poll_write(cx, this.joined)
        } else {
            this.stream.poll_write_vectored(cx, bufs)
        };
        Self::watch(this.stalled, cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let flushed = this.stream.poll_flush(cx);
        Self::watch(this.stalled, cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(cx)
    }
}
