//! What the gateway is compared with: hyper alone, set as the gateway's listener sets it, answering fixed bytes.

use std::convert::Infallible;
use std::io::{self, Write};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, SERVER};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use obs_gateway::limits;
use tokio::net::TcpListener;

/// Serves until it is killed.
pub(crate) fn serve(body_bytes: usize) -> io::Result<()> {
    let workers = std::thread::available_parallelism()?.get();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    runtime.block_on(accept(Bytes::from(vec![b'x'; body_bytes])))
}

async fn accept(body: Bytes) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "listening {}", listener.local_addr()?)?;
    let mut protocol = auto::Builder::new(TokioExecutor::new());
    protocol
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(limits::HEADER_COUNT_MAX)
        .max_buf_size(limits::HEAD_BYTES_MAX)
        .half_close(true);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        let service = service_fn(move |_: Request<Incoming>| {
            let response = response(body.clone());
            async move { Ok::<_, Infallible>(response) }
        });
        let connection = protocol.serve_connection(TokioIo::new(stream), service).into_owned();
        tokio::spawn(async move {
            // The client closes when it is done.
            let _ = connection.await;
        });
    }
}

/// As many header bytes as the gateway answers, all of them fixed; hyper adds date and length.
fn response(body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("OBS"));
    headers.insert(
        HeaderName::from_static("x-obs-request-id"),
        HeaderValue::from_static("00000000000000000000000000000000"),
    );
    headers.insert(
        HeaderName::from_static("x-obs-id-2"),
        HeaderValue::from_static("0000000000000000000000000000000000000000000000000000000000000000"),
    );
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}
