//! Bodies in and out. What a body holds is not looked at here; checks of length and digest belong to whoever reads.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::error::{Code, Error, Result};
use crate::limits;
use crate::wire::aws_chunked::ChunkedBody;
use crate::wire::form::FormFile;

/// The body of a request, in pieces as they arrive.
#[derive(Debug)]
pub enum RequestBody {
    /// From the network.
    Incoming {
        /// What is still to come.
        incoming: Incoming,
        /// Whether any of it was asked for.
        is_begun: bool,
    },
    /// The file of a form, out of the body it came in.
    Form(Box<FormFile>),
    /// The data in a body that comes in chunks of its own.
    AwsChunked(Box<ChunkedBody>),
    /// All at hand, given out as one piece.
    Full(Option<Bytes>),
    /// All at hand, given out piece by piece; what tests stream from.
    Pieces(VecDeque<Bytes>),
}

impl RequestBody {
    /// A body that is empty.
    pub fn empty() -> Self {
        Self::Full(None)
    }

    /// Whether it is known that nothing (more) comes.
    pub fn is_end(&self) -> bool {
        match self {
            Self::Incoming { incoming, .. } => incoming.is_end_stream(),
            Self::Form(file) => file.is_end(),
            Self::AwsChunked(body) => body.is_end(),
            Self::Full(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Self::Pieces(pieces) => pieces.is_empty(),
        }
    }

    /// Whether any of it was asked for, as far as that is known: a client that waits to be told so has then sent it.
    pub fn is_begun(&self) -> bool {
        match self {
            Self::Incoming { is_begun, .. } => *is_begun,
            Self::AwsChunked(body) => body.is_begun(),
            Self::Form(_) | Self::Full(_) | Self::Pieces(_) => false,
        }
    }

    /// Bytes still to come, where the client announced them.
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Incoming { incoming, .. } => incoming.size_hint().exact(),
            Self::Full(bytes) => Some(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::AwsChunked(body) => Some(body.length()),
            Self::Form(_) | Self::Pieces(_) => None,
        }
    }

    /// The next piece, never an empty one; `None` at the end.
    ///
    /// Nothing for [`limits::BODY_IDLE_TIMEOUT`] is `RequestTimeout`; a connection that fails, or ends before the
    /// announced length, is 400 `IncompleteBody`.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let piece = match self {
                Self::Incoming { incoming, is_begun } => {
                    *is_begun = true;
                    next_piece(incoming).await?
                }
                Self::Form(file) => file.next_piece().await?,
                Self::AwsChunked(body) => body.next_piece().await?,
                Self::Full(bytes) => bytes.take(),
                Self::Pieces(pieces) => pieces.pop_front(),
            };
            if piece.as_ref().is_none_or(|piece| !piece.is_empty()) {
                return Ok(piece);
            }
        }
    }

    /// The value of a trailer, by its name in lower case: one that came with the data of a body in chunks, and was
    /// declared. None before [`RequestBody::next`] has given `None`.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        if let Self::AwsChunked(body) = self { body.trailer(name) } else { None }
    }

    /// The body as it comes, without what takes a framing off; what was read of it is lost.
    #[must_use]
    pub fn into_unframed(self) -> Self {
        if let Self::AwsChunked(body) = self { body.into_body() } else { self }
    }

    /// The whole body in one piece; more than `limit` bytes are 400 `EntityTooLarge`, told from the announced
    /// length where there is one.
    pub async fn collect(&mut self, limit: usize) -> Result<Bytes> {
        if self.length().is_some_and(|length| length > limit as u64) {
            return Err(Code::EntityTooLarge.into());
        }
        let Some(first) = self.next().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.next().await? else { return within(limit, first) };
        let mut whole = BytesMut::from(within(limit, first)?);
        let mut piece = Some(second);
        while let Some(bytes) = piece {
            if whole.len() + bytes.len() > limit {
                return Err(Code::EntityTooLarge.into());
            }
            whole.extend_from_slice(&bytes);
            piece = self.next().await?;
        }
        Ok(whole.freeze())
    }
}

impl From<Incoming> for RequestBody {
    fn from(incoming: Incoming) -> Self {
        Self::Incoming { incoming, is_begun: false }
    }
}

fn within(limit: usize, bytes: Bytes) -> Result<Bytes> {
    if bytes.len() > limit { Err(Code::EntityTooLarge.into()) } else { Ok(bytes) }
}

/// The next frame's data; trailers end a body and are given out as nothing.
async fn next_piece(incoming: &mut Incoming) -> Result<Option<Bytes>> {
    match tokio::time::timeout(limits::BODY_IDLE_TIMEOUT, incoming.frame()).await {
        Err(_) => Err(Code::RequestTimeout.into()),
        Ok(None) => Ok(None),
        Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
        Ok(Some(Err(error))) => Err(Error::from(Code::IncompleteBody).caused_by(error)),
    }
}

/// The body of an answer. Its length is always known.
#[derive(Default)]
pub enum ReplyBody {
    /// Nothing.
    #[default]
    Empty,
    /// All at hand.
    Full(Bytes),
    /// As it is read from a store.
    Stream {
        /// Bytes still to come.
        length: u64,
        /// The bytes; a stream that ends before `length`, or gives a piece that goes beyond, breaks the connection rather than the client.
        stream: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    },
}

impl ReplyBody {
    /// Bytes still to come.
    pub fn length(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Full(bytes) => bytes.len() as u64,
            Self::Stream { length, .. } => *length,
        }
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyBody({} bytes)", self.length())
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        let piece = match &mut *self {
            Self::Empty => None,
            Self::Full(bytes) => Some(Ok(std::mem::take(bytes))),
            Self::Stream { length, stream } => match std::task::ready!(stream.as_mut().poll_next(context)) {
                Some(Ok(piece)) => Some(count_down(length, piece)),
                Some(Err(error)) => Some(Err(error)),
                None => Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the stored bytes end early"))),
            },
        };
        if !matches!(piece, Some(Ok(_))) {
            *self = Self::Empty;
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length())
    }
}

fn count_down(length: &mut u64, piece: Bytes) -> io::Result<Bytes> {
    match length.checked_sub(piece.len() as u64) {
        Some(rest) => {
            *length = rest;
            Ok(piece)
        }
        None => Err(io::Error::other("the stored bytes are more than announced")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pieces: &[&'static str]) -> RequestBody {
        RequestBody::Pieces(pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect())
    }

    async fn check(mut body: RequestBody, limit: usize, expected: std::result::Result<&str, Code>) {
        let found = body.collect(limit).await.map_err(|error| error.code());
        assert_eq!(found, expected.map(|text| Bytes::copy_from_slice(text.as_bytes())));
    }

    #[tokio::test]
    async fn a_body_is_collected_up_to_a_limit() {
        check(RequestBody::empty(), 0, Ok("")).await;
        check(RequestBody::Full(Some(Bytes::from_static(b"abc"))), 3, Ok("abc")).await;
        check(RequestBody::Full(Some(Bytes::from_static(b"abc"))), 2, Err(Code::EntityTooLarge)).await;
        check(pieces(&["ab", "", "c"]), 3, Ok("abc")).await;
        check(pieces(&["ab", "", "c"]), 2, Err(Code::EntityTooLarge)).await;
        check(pieces(&["", "abc", ""]), 2, Err(Code::EntityTooLarge)).await;
        check(pieces(&["", "abc", ""]), 3, Ok("abc")).await;
    }

    #[tokio::test]
    async fn the_end_is_known() {
        let mut body = pieces(&["ab"]);
        assert!(!body.is_end() && RequestBody::empty().is_end());
        assert_eq!(body.next().await.unwrap().unwrap(), "ab");
        assert!(body.is_end() && body.next().await.unwrap().is_none());
    }

    /// What is collected from the bytes of a request whose client then hangs up.
    async fn collect_sent(request: &'static str) -> std::result::Result<Bytes, Code> {
        let outcome = parking_lot::Mutex::new(Err(Code::InternalError));
        let service = hyper::service::service_fn(async |request: hyper::Request<Incoming>| {
            let collected = RequestBody::from(request.into_body()).collect(10).await;
            *outcome.lock() = collected.map_err(|error| error.code());
            Ok::<_, std::convert::Infallible>(hyper::Response::new(ReplyBody::Empty))
        });
        let (mut client, server) = tokio::io::duplex(1024);
        tokio::io::AsyncWriteExt::write_all(&mut client, request.as_bytes()).await.unwrap();
        drop(client);
        // How the connection ends is not the question here.
        let _ = hyper::server::conn::http1::Builder::new()
            .half_close(true)
            .serve_connection(hyper_util::rt::TokioIo::new(server), service)
            .await;
        outcome.into_inner()
    }

    #[tokio::test]
    async fn a_body_from_the_network_is_whole_or_refused() {
        let whole = "PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(collect_sent(whole).await, Ok(Bytes::from_static(b"abc")));
        let chunked = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nx: y\r\n\r\n";
        assert_eq!(collect_sent(chunked).await, Ok(Bytes::from_static(b"abc")));
        let short = "PUT / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabc";
        assert_eq!(collect_sent(short).await, Err(Code::IncompleteBody));
        let unfinished = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabc";
        assert_eq!(collect_sent(unfinished).await, Err(Code::IncompleteBody));
        let large = "PUT / HTTP/1.1\r\nContent-Length: 11\r\n\r\n";
        assert_eq!(collect_sent(large).await, Err(Code::EntityTooLarge));
    }

    fn stream(length: u64, items: Vec<io::Result<&'static str>>) -> ReplyBody {
        let items = items.into_iter().map(|item| item.map(|text| Bytes::from_static(text.as_bytes())));
        ReplyBody::Stream { length, stream: Box::pin(futures_util::stream::iter(items)) }
    }

    async fn check_reply(mut body: ReplyBody, expected: std::result::Result<&str, io::ErrorKind>) {
        let announced = body.size_hint().exact();
        let mut whole = Vec::new();
        let outcome = loop {
            match body.frame().await {
                None => break Ok(()),
                Some(Err(error)) => break Err(error.kind()),
                Some(Ok(frame)) => whole.extend_from_slice(&frame.into_data().unwrap()),
            }
        };
        assert_eq!(outcome.map(|()| String::from_utf8(whole.clone()).unwrap()), expected.map(str::to_owned));
        assert!(body.is_end_stream() && body.frame().await.is_none());
        if expected.is_ok() {
            assert_eq!(announced, Some(whole.len() as u64));
        }
    }

    #[tokio::test]
    async fn an_answer_has_the_length_it_announced() {
        check_reply(ReplyBody::Empty, Ok("")).await;
        check_reply(ReplyBody::Full(Bytes::from_static(b"abc")), Ok("abc")).await;
        check_reply(ReplyBody::Full(Bytes::new()), Ok("")).await;
        check_reply(stream(3, vec![Ok("ab"), Ok("c")]), Ok("abc")).await;
        check_reply(stream(0, vec![]), Ok("")).await;
        check_reply(stream(4, vec![Ok("abc")]), Err(io::ErrorKind::UnexpectedEof)).await;
        check_reply(stream(2, vec![Ok("abc")]), Err(io::ErrorKind::Other)).await;
        let broken = io::Error::from(io::ErrorKind::InvalidData);
        check_reply(stream(3, vec![Ok("a"), Err(broken)]), Err(io::ErrorKind::InvalidData)).await;
    }
}
