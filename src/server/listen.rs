//! One listener: accept under a cap, one task a connection, HTTP/1.1 and HTTP/2, timeouts, drain.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

use super::patience::{Pace, Patient};
use crate::app::App;
use crate::limits;
use crate::wire::body::ReplyBody;

/// After an accept that failed for want of a resource, wait for connections to end.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Accepts and serves until `stopping` says so, then waits for the requests in flight, at most
/// `limits::DRAIN_TIMEOUT`.
pub(super) async fn serve<H, F>(app: Arc<App>, listener: TcpListener, mut stopping: watch::Receiver<bool>, handle: H)
where
    H: Fn(Arc<App>, Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
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
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
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
        let pace = Pace::new();
        let stream = TokioIo::new(Patient::new(stream, Arc::clone(&pace)));
        let service = {
            let (app, handle) = (Arc::clone(&app), handle.clone());
            service_fn(move |request| {
                let at_work = pace.begin();
                // Mapped, not awaited in a block of its own: that would hold the future twice, and hyper moves it.
                handle(Arc::clone(&app), request, peer).map(|response| {
                    drop(at_work);
                    Ok::<_, Infallible>(response)
                })
            })
        };
        let connection = protocol.serve_connection(stream, service).into_owned();
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
        // `Patient` has this, and the idle timeout, without a timer for every request.
        .header_read_timeout(None)
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
