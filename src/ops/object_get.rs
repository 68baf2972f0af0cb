//! `GET` and `HEAD /bucket/key` (OBS reference, "Downloading Objects" and "Querying Object Metadata"): conditions,
//! ranges, response overrides.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use hyper::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, EXPIRES, HeaderName, HeaderValue, RANGE,
};
use hyper::{Method, StatusCode};

use super::draft::starts_with;
use super::object_body::{self, Part};
use super::object_delete::delete_marker_header;
use super::object_part::{self, Part as Section};
use super::object_put::version_id_name;
use super::object_reply::{describe, header_value, tell_readers};
use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::meta::{Body, DeleteMarker, Kept, Object, Stored, Tx, VersionId, Versioning};
use crate::wire::conditions::{Conditions, Verdict, allow_range};
use crate::wire::dialect::Dialect;
use crate::wire::percent;
use crate::wire::range::{RangeVerdict, parse_range};
use crate::wire::{Head, Reply};

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
    "partNumber",
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
    let number = object_part::asked(call.head)?;
    for _ in 0..RETRY_COUNT_MAX {
        // Noted before the record is read, so that the sweep waits.
        let reader = app.readers.begin(app.clock.now_millis());
        let object = find(app, call).await?;
        if object.is_archived(call.now) {
            return Err(Code::InvalidObjectState.on(call.head.target.resource()));
        }
        let Some((object, stored, part)) = stored(app, call, object, number).await? else { continue };
        let (mut reply, selection) = prepare(call, &object, part.as_ref())?;
        if reply.status == StatusCode::NOT_MODIFIED {
            return Ok(reply);
        }
        tell_readers(app, call, &object, &mut reply).await?;
        let parts = parts(&mut reply, &object, selection)?;
        match object_body::open(app, stored, parts, reader).await {
            Ok(body) => {
                reply.body = body;
                return Ok(reply);
            }
            Err(error) if is_replaced(app, call, &object).await? => {
                tracing::debug!(?error, "the object was replaced while its first block was read");
            }
            Err(error) => {
                object_body::count_damage(app, &error);
                return Err(error);
            }
        }
    }
    Err(Code::OperationAborted.into())
}

async fn head(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let number = object_part::asked(call.head)?;
    let object = find(app, call).await?;
    let (object, part) = match number {
        None => (object, None),
        Some(_) => app.store.read_frozen(|tx| find_part_in(tx, call, number)).await?,
    };
    let (mut reply, selection) = prepare(call, &object, part.as_ref())?;
    if reply.status != StatusCode::NOT_MODIFIED {
        tell_readers(app, call, &object, &mut reply).await?;
        let length: u64 = parts(&mut reply, &object, selection)?.iter().map(Part::length).sum();
        reply.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(reply)
}

async fn find(app: &App, call: &Call<'_>) -> Result<Object> {
    refuse_encryption(call.head)?;
    app.store.read(|tx| find_in(tx, call)).await
}

/// 400 `InvalidRequest` for a reader who has a key: no object is encrypted with one. Other headers of encryption are said by
/// writers; a reader's are 400 `InvalidArgument` in S3's words (S3 reference, `GetObject`).
pub(super) fn refuse_encryption(head: &Head) -> Result<()> {
    let has = |start| head.own_all().any(|(tail, _)| starts_with(tail, start));
    if has("server-side-encryption-customer-") {
        return Err(Code::InvalidRequest.because("The object is not encrypted with a key of the customer's."));
    }
    if head.dialect == Dialect::S3 && has("server-side-encryption") {
        return Err(Code::InvalidArgument.because("How an object is encrypted is said where it is written."));
    }
    Ok(())
}

/// The version that a request names, or the current object.
///
/// 404 `NoSuchKey` or `NoSuchVersion` where there is none, an id that is none as [`version_id`] says; a delete marker is 404 where it is the newest version and
/// 405 where it was asked for, and the answer says so. 403 `AccessDenied` where the object's list has the last word and
/// does not give the caller what is asked.
pub(super) fn find_in(tx: &mut Tx<'_>, call: &Call<'_>) -> Result<Object> {
    let object = look_up(tx, call)?;
    call.permit.check_object(&object)?;
    Ok(object)
}

fn look_up(tx: &mut Tx<'_>, call: &Call<'_>) -> Result<Object> {
    let (bucket, key) = (call.bucket()?, call.key()?);
    let (dialect, resource) = (call.head.dialect, || call.head.target.resource());
    let marked = |error: Error, marker: &DeleteMarker| {
        let id = marker.version.id().to_string();
        error.header(delete_marker_header(dialect), "true").header(version_id_name(dialect), id)
    };
    if let Some(named) = call.head.query.get("versionId") {
        let kept = match version_id(named, dialect)? {
            Some(id) => tx.version(bucket.id, key, id)?,
            None => None,
        };
        return match kept {
            Some(Kept::Object(object)) => Ok(*object),
            Some(Kept::Marker(marker)) => {
                Err(marked(Code::MethodNotAllowed.on(resource()).header("allow", "DELETE"), &marker))
            }
            None => Err(Code::NoSuchVersion.on(resource())),
        };
    }
    if let Some(object) = tx.object(bucket.id, key)? {
        return Ok(object);
    }
    let mut missing = Code::NoSuchKey.on(resource()).detail("Key", key.as_str());
    if dialect == Dialect::S3 {
        missing = missing.header(delete_marker_header(dialect), "false");
    }
    match bucket.versioning {
        Versioning::Off => Err(missing),
        Versioning::Enabled | Versioning::Suspended => match tx.marker(bucket.id, key)? {
            Some(marker) => Err(marked(missing, &marker)),
            None => Err(missing),
        },
    }
}

/// The version that `named` stands for, `None` where no version was ever called so. In S3's words that is 400
/// `InvalidArgument`: a request about a version that was never told is a mistake, and a deletion that did nothing would be
/// taken for done (S3 reference).
pub(super) fn version_id(named: &str, dialect: Dialect) -> Result<Option<VersionId>> {
    match VersionId::parse(named) {
        None if dialect == Dialect::S3 => Err(Code::InvalidArgument.because("Invalid version id specified.")),
        id => Ok(id),
    }
}

/// What an answer is made of: the object, its bytes, and which part of them was asked for.
type Selected = (Object, Stored, Option<Section>);

/// The bytes of an object just found; `None` where they are gone. A composed body changes in place, so its record, its
/// list and its parts are read from one frozen state.
async fn stored(app: &App, call: &Call<'_>, object: Object, number: Option<u16>) -> Result<Option<Selected>> {
    if object.body != Body::Pieces {
        let read = app.store.read(|tx| {
            let part = number.map(|number| object_part::find(tx, &object, number)).transpose()?;
            Ok::<_, Error>(tx.stored(&object)?.map(|stored| (stored, part)))
        });
        return Ok(read.await?.map(|(stored, part)| (object, stored, part)));
    }
    let read = |tx: &mut Tx<'_>| {
        let (object, part) = find_part_in(tx, call, number)?;
        let stored = tx.stored(&object)?;
        Ok::<_, Error>(stored.map(|stored| (object, stored, part)))
    };
    app.store.read_frozen(read).await
}

/// The object, and the part of it that was asked for.
fn find_part_in(tx: &mut Tx<'_>, call: &Call<'_>, number: Option<u16>) -> Result<(Object, Option<Section>)> {
    let object = find_in(tx, call)?;
    let part = number.map(|number| object_part::find(tx, &object, number)).transpose()?;
    Ok((object, part))
}

async fn is_replaced(app: &App, call: &Call<'_>, object: &Object) -> Result<bool> {
    let found = app.store.read(|tx| find_in(tx, call)).await;
    Ok(found.map_or(true, |found| found.blob != object.blob || found.modified_millis != object.modified_millis))
}

/// Status and headers, by conditions and range or part.
fn prepare(call: &Call<'_>, object: &Object, part: Option<&Section>) -> Result<(Reply, RangeVerdict)> {
    let conditions = Conditions::parse(&call.head.headers);
    let verdict = conditions.check_read(&object.etag, object.modified_millis, call.now);
    if let Verdict::Failed(header) = verdict {
        return Err(Verdict::refusal(header));
    }
    let not_modified = verdict == Verdict::NotModified;
    // OBS documents that it does not look at `If-Range`.
    let is_allowed =
        call.head.dialect != Dialect::S3 || allow_range(&call.head.headers, &object.etag, object.modified_millis);
    let selection = match (part, call.head.header(RANGE)) {
        (Some(Section { span, .. }), _) => RangeVerdict::Part { start: span.start, end_exclusive: span.end },
        (None, Some(range)) if !not_modified && is_allowed => parse_range(range, object.size),
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
            let error = Error::from(Code::InvalidRange).header("content-range", range);
            let asked = call.head.header(RANGE).unwrap_or_default();
            return Err(error.detail("RangeRequested", asked).detail("ActualObjectSize", object.size.to_string()));
        }
    };
    let mut reply = Reply::empty(status);
    describe(object, call.bucket()?, (call.head.dialect, call.now), &mut reply.headers)?;
    if let Some(part) = part.filter(|_| !not_modified) {
        part.tell(call.head, &mut reply.headers)?;
    }
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
        reply.headers.insert(CONTENT_DISPOSITION, header_value(&format!("attachment; filename*=utf-8''{encoded}"))?);
    }
    for (parameter, header) in &OVERRIDES {
        let Some(wanted) = call.head.query.get(parameter) else { continue };
        if call.caller.account().is_err() {
            return Err(Code::ForbidAnonReqOverwriteRespHead.into());
        }
        reply.headers.insert(header, header_value(wanted)?);
    }
    Ok(())
}

fn parts(reply: &mut Reply, object: &Object, selection: RangeVerdict) -> Result<VecDeque<Part>> {
    let content_range = |span: &Range<u64>| format!("bytes {}-{}/{}", span.start, span.end - 1, object.size);
    let parts = match selection {
        RangeVerdict::Whole | RangeVerdict::Unsatisfiable => vec![Part::Span(0..object.size)],
        RangeVerdict::Part { start, end_exclusive } => {
            // An empty part is no range.
            if start < end_exclusive {
                reply.headers.insert(CONTENT_RANGE, header_value(&content_range(&(start..end_exclusive)))?);
            }
            vec![Part::Span(start..end_exclusive)]
        }
        RangeVerdict::Many(spans) => {
            let boundary = format!("{:032x}", object.blob.0);
            let kind = reply.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            let mut parts = Vec::with_capacity(spans.len() * 2 + 1);
            for (index, span) in spans.into_iter().enumerate() {
                let lead = if index == 0 { "" } else { "\r\n" };
                let range = content_range(&span);
                let text = format!("{lead}--{boundary}\r\nContent-type: {kind}\r\nContent-range: {range}\r\n\r\n");
                parts.push(Part::Text(text.into()));
                parts.push(Part::Span(span));
            }
            parts.push(Part::Text(format!("\r\n--{boundary}--\r\n").into()));
            let kind = format!("multipart/byteranges;boundary={boundary}");
            reply.headers.insert(CONTENT_TYPE, header_value(&kind)?);
            parts
        }
    };
    Ok(parts.into())
}
