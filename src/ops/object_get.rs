//! `GET` and `HEAD /bucket/key` (OBS reference, "Downloading Objects" and "Querying Object Metadata"): conditions,
//! ranges, response overrides.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use hyper::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES, HeaderName, HeaderValue, LAST_MODIFIED, RANGE,
};
use hyper::{Method, StatusCode};

use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::blob::readers::Reader;
use crate::blob::transfer::Download;
use crate::blob::{self, Manifest};
use crate::clock::http_date;
use crate::error::{Code, Error, Result};
use crate::meta::{Object, Stored};
use crate::wire::Reply;
use crate::wire::body::ReplyBody;
use crate::wire::conditions::{Conditions, Verdict};
use crate::wire::percent;
use crate::wire::range::{RangeVerdict, parse_range};

const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-content-type", CONTENT_TYPE),
    ("response-content-language", CONTENT_LANGUAGE),
    ("response-expires", EXPIRES),
    ("response-cache-control", CACHE_CONTROL),
    ("response-content-disposition", CONTENT_DISPOSITION),
    ("response-content-encoding", CONTENT_ENCODING),
];

const PARAMETERS: &[&str] = &[
    "versionId",
    "attname",
    "response-content-type",
    "response-content-language",
    "response-expires",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
];

pub(super) static GET: Op = Op {
    name: "GetObject",
    verb: Method::GET,
    scope: Scope::Object,
    picks: &[],
    action: Action::GetObject,
    body: BodyRule::Empty,
    growth: &[],
    parameters: PARAMETERS,
    document: "obs_04_0083",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static HEAD: Op = Op {
    name: "HeadObject",
    verb: Method::HEAD,
    scope: Scope::Object,
    picks: &[],
    action: Action::GetObject,
    body: BodyRule::Empty,
    growth: &[],
    parameters: PARAMETERS,
    document: "obs_04_0084",
    run: |app, call| Box::pin(head(app, call)),
};

/// A reader that finds its bytes gone reads the record again this many times: the object was replaced meanwhile.
const RETRY_COUNT_MAX: usize = 3;

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    for _ in 0..RETRY_COUNT_MAX {
        // Noted before the record is read, so that the sweep waits.
        let reader = app.readers.begin(app.clock.now_millis());
        let object = find(app, call).await?;
        let Some(stored) = app.store.read(|tx| tx.stored(&object)).await? else { continue };
        let (mut reply, selection) = prepare(call, &object)?;
        if reply.status == StatusCode::NOT_MODIFIED {
            return Ok(reply);
        }
        let pieces = pieces(&mut reply, &object, selection)?;
        match body(app, stored, pieces, reader).await {
            Ok(body) => {
                reply.body = body;
                return Ok(reply);
            }
            Err(error) if is_replaced(app, call, &object).await? => {
                tracing::debug!(?error, "the object was replaced while its first block was read");
            }
            Err(error) => {
                count_damage(app, &error);
                return Err(error);
            }
        }
    }
    Err(Code::OperationAborted.into())
}

async fn head(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let object = find(app, call).await?;
    let (mut reply, selection) = prepare(call, &object)?;
    if reply.status != StatusCode::NOT_MODIFIED {
        let length: u64 = pieces(&mut reply, &object, selection)?.iter().map(Piece::length).sum();
        reply.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(reply)
}

async fn find(app: &App, call: &Call<'_>) -> Result<Object> {
    let (bucket, key) = (call.bucket()?, call.key()?);
    if call.head.own("server-side-encryption-customer-algorithm").is_some() {
        return Err(Code::InvalidRequest.because("The object is not encrypted with a key of the customer's."));
    }
    if call.head.query.get("versionId").is_some_and(|version| version != "null") {
        return Err(Code::NoSuchVersion.on(call.head.target.resource()));
    }
    let object = app.store.read(|tx| tx.object(bucket.id, key)).await?;
    let object = object.ok_or_else(|| Code::NoSuchKey.on(call.head.target.resource()).detail("Key", key.as_str()))?;
    call.permit.check_object(object.owner, None)?;
    Ok(object)
}

async fn is_replaced(app: &App, call: &Call<'_>, object: &Object) -> Result<bool> {
    let (bucket, key) = (call.bucket()?, call.key()?);
    let current = app.store.read(|tx| tx.object(bucket.id, key)).await?;
    Ok(current.is_none_or(|current| current.blob != object.blob))
}

/// Status and headers, by conditions and range.
fn prepare(call: &Call<'_>, object: &Object) -> Result<(Reply, RangeVerdict)> {
    let conditions = Conditions::parse(&call.head.headers);
    let verdict = conditions.check_read(&object.etag, object.modified_millis, call.now);
    if let Verdict::Failed(header) = verdict {
        return Err(Verdict::refusal(header));
    }
    let not_modified = verdict == Verdict::NotModified;
    let selection = match call.head.header(RANGE) {
        Some(range) if !not_modified => parse_range(range, object.size),
        _ => RangeVerdict::Whole,
    };
    // S3 ignores a header that asks for several parts.
    let selection = match selection {
        RangeVerdict::Many(_) if !call.head.dialect.is_obs() => RangeVerdict::Whole,
        other => other,
    };
    let status = match (not_modified, &selection) {
        (true, _) => StatusCode::NOT_MODIFIED,
        (false, RangeVerdict::Whole) => StatusCode::OK,
        (false, RangeVerdict::Part { .. } | RangeVerdict::Many(_)) => StatusCode::PARTIAL_CONTENT,
        (false, RangeVerdict::Unsatisfiable) => {
            let range = format!("bytes */{}", object.size);
            return Err(Error::from(Code::InvalidRange).header("content-range", range));
        }
    };
    let mut reply = Reply::empty(status);
    object.headers.write(call.head.dialect, &mut reply.headers);
    reply.headers.insert(ETAG, value(&format!("\"{}\"", object.etag))?);
    reply.headers.insert(LAST_MODIFIED, value(&http_date(object.modified_millis))?);
    reply.headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    override_headers(call, &mut reply)?;
    Ok((reply, selection))
}

fn override_headers(call: &Call<'_>, reply: &mut Reply) -> Result<()> {
    if call.head.query.is_empty() {
        return Ok(());
    }
    if let Some(name) = call.head.query.get("attname") {
        let mut encoded = String::new();
        percent::encode_query(name.as_bytes(), &mut encoded);
        reply.headers.insert(CONTENT_DISPOSITION, value(&format!("attachment; filename*=utf-8''{encoded}"))?);
    }
    for (parameter, header) in &OVERRIDES {
        let Some(wanted) = call.head.query.get(parameter) else { continue };
        if call.caller.account().is_err() {
            return Err(Code::ForbidAnonReqOverwriteRespHead.into());
        }
        reply.headers.insert(header, value(wanted)?);
    }
    Ok(())
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(|_| Code::InvalidArgument.because("The value is not a legal header value."))
}

/// What goes out, in order.
enum Piece {
    Text(Bytes),
    Span(Range<u64>),
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Span(span) => span.end - span.start,
        }
    }
}

fn pieces(reply: &mut Reply, object: &Object, selection: RangeVerdict) -> Result<VecDeque<Piece>> {
    let content_range = |span: &Range<u64>| format!("bytes {}-{}/{}", span.start, span.end - 1, object.size);
    let pieces = match selection {
        RangeVerdict::Whole | RangeVerdict::Unsatisfiable => vec![Piece::Span(0..object.size)],
        RangeVerdict::Part { start, end_exclusive } => {
            reply.headers.insert(CONTENT_RANGE, value(&content_range(&(start..end_exclusive)))?);
            vec![Piece::Span(start..end_exclusive)]
        }
        RangeVerdict::Many(spans) => {
            let boundary = format!("{:032x}", object.blob.0);
            let kind = reply.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            let mut pieces = Vec::with_capacity(spans.len() * 2 + 1);
            for (index, span) in spans.into_iter().enumerate() {
                let lead = if index == 0 { "" } else { "\r\n" };
                let range = content_range(&span);
                let text = format!("{lead}--{boundary}\r\nContent-type: {kind}\r\nContent-range: {range}\r\n\r\n");
                pieces.push(Piece::Text(text.into()));
                pieces.push(Piece::Span(span));
            }
            pieces.push(Piece::Text(format!("\r\n--{boundary}--\r\n").into()));
            let kind = format!("multipart/byteranges;boundary={boundary}");
            reply.headers.insert(CONTENT_TYPE, value(&kind)?);
            pieces
        }
    };
    Ok(pieces.into())
}

async fn body(app: &Arc<App>, stored: Stored, mut pieces: VecDeque<Piece>, reader: Reader) -> Result<ReplyBody> {
    let length = pieces.iter().map(Piece::length).sum();
    match stored {
        Stored::Inline(bytes) => {
            let cut = |span: &Range<u64>| -> Result<Bytes> {
                let start = usize::try_from(span.start).map_err(Error::internal)?;
                let end = usize::try_from(span.end).map_err(Error::internal)?;
                // The record's size and the body's length are one commit; a body that is shorter is damaged.
                let inside = start <= end && end <= bytes.len();
                if inside { Ok(bytes.slice(start..end)) } else { Err(Error::internal("a stored body is too short")) }
            };
            if let ([Piece::Span(span)], []) = pieces.as_slices() {
                return Ok(ReplyBody::Full(cut(span)?));
            }
            let mut whole = Vec::new();
            for piece in &pieces {
                match piece {
                    Piece::Text(text) => whole.extend_from_slice(text),
                    Piece::Span(span) => whole.extend_from_slice(&cut(span)?),
                }
            }
            Ok(ReplyBody::Full(whole.into()))
        }
        Stored::Segments(manifest) => {
            let manifest = Arc::new(manifest);
            let mut outflow =
                Outflow { app: Arc::clone(app), manifest, current: None, pieces: VecDeque::new(), reader };
            std::mem::swap(&mut outflow.pieces, &mut pieces);
            // The first piece is read before the status is sent: a damaged block is a 500, not a broken connection.
            let first = outflow.next().await.transpose()?;
            let rest = stream::unfold(outflow, |mut outflow| async move {
                let piece = outflow.next().await?;
                let piece = piece.inspect_err(|error| count_damage(&outflow.app, error));
                Some((piece.map_err(io::Error::other), outflow))
            });
            let first = stream::iter(first.map(Ok));
            let stream = Box::pin(futures_util::StreamExt::chain(first, rest));
            Ok(ReplyBody::Stream { length, stream })
        }
    }
}

/// Counts a block that does not have its checksum; other failures of a read are not damage.
fn count_damage(app: &App, error: &Error) {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<blob::Error>());
    if matches!(cause, Some(blob::Error::Corrupt { .. })) {
        app.metrics.corrupt_blocks.inc();
    }
}

/// The pieces of a large object on their way out.
struct Outflow {
    app: Arc<App>,
    manifest: Arc<Manifest>,
    current: Option<Download>,
    pieces: VecDeque<Piece>,
    /// Holds off the sweep until the last byte is out.
    #[expect(dead_code, reason = "held for its drop")]
    reader: Reader,
}

impl Outflow {
    async fn next(&mut self) -> Option<Result<Bytes>> {
        loop {
            if let Some(download) = &mut self.current {
                match download.next().await {
                    Some(Ok(bytes)) => return Some(Ok(bytes)),
                    Some(Err(error)) => {
                        tracing::error!(%error, "object bytes cannot be read");
                        return Some(Err(error.into()));
                    }
                    None => self.current = None,
                }
            }
            match self.pieces.pop_front()? {
                Piece::Text(text) => return Some(Ok(text)),
                Piece::Span(span) => self.current = Some(self.app.blobs.read(Arc::clone(&self.manifest), span)),
            }
        }
    }
}
