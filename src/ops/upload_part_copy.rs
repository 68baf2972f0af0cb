//! `PUT /bucket/key?partNumber&uploadId` with `x-obs-copy-source` (OBS reference, "Copying Parts"): a part made of another
//! object's bytes. They are read once for their digest and not written again: the part adds references to them.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;

use super::checksum;
use super::copy_source::{Found, Source, digest, is_same};
use super::object_reply::describe_crc64;
use super::upload::{open, part_number, refuse_late, upload_id};
use super::upload_part::{check_room, look_ahead};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::blob::digest::{Sums, Wanted};
use crate::clock::iso_date;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{BlobId, Part, Stored, UploadId, slice_pieces};
use crate::quota::Rule;
use crate::wire::xml::{Layout, Writer};
use crate::wire::{Reply, hex};

pub(super) static PUT: Op = Op {
    name: "CopyPart",
    verb: Method::PUT,
    scope: Scope::Object,
    picks: &[Pick::Query("partNumber"), Pick::Query("uploadId"), Pick::Header("copy-source")],
    action: Action::PutObject,
    body: BodyRule::Copied,
    growth: &[Rule::Part],
    parameters: &[],
    document: "obs_04_0100",
    run: |app, call| Box::pin(put(app, call)),
};

/// A copy whose source was replaced while it was read begins again this many times.
const ATTEMPT_COUNT_MAX: usize = 3;

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    refuse_late(call.head)?;
    checksum::refuse_values(call.head)?;
    let target = Target { number: part_number(call.head)?, id: upload_id(call)? };
    let source = Source::parse(call.head)?;
    let range = call.head.own("copy-source-range").map(parse_range).transpose()?;
    let algorithm = look_ahead(app, call, target.id).await?;
    let wanted = Wanted { crc64: true, checksum: checksum::of_part(call.head.dialect, algorithm), sha256: false };
    for _ in 0..ATTEMPT_COUNT_MAX {
        // Noted before the record is read, so that the sweep waits.
        let reader = app.readers.begin(app.clock.now_millis());
        // A list may change in place: record and list are read from one state.
        let read = app.store.read_frozen(|tx| {
            let found = source.find_in(tx, &app.policies, call)?;
            let stored = tx.stored(&found.object)?.ok_or_else(|| Error::internal("an object has no body"))?;
            Ok::<_, Error>((found, stored))
        });
        let (found, stored) = read.await?;
        let span = span(range.clone(), found.object.size)?;
        check_room(app, call, (target.id, target.number), span.end - span.start).await?;
        let sums = digest(app, stored.clone(), span.clone(), reader, wanted).await?;
        let copied = Copied { found, stored, span, sums };
        if let Some(part) = copied.commit(app, call, &source, &target).await? {
            return reply(app, call, &copied.found, &part);
        }
    }
    Err(Code::OperationAborted.into())
}

fn reply(app: &App, call: &Call<'_>, found: &Found, part: &Part) -> Result<Reply> {
    let dialect = call.head.dialect;
    let mut xml = Writer::document("CopyPartResult", Some(app.namespace(dialect)), Layout::Compact);
    xml.element("LastModified", &iso_date(part.modified_millis));
    xml.element("ETag", &format!("\"{}\"", hex(&part.md5)));
    if let Some(checksum) = part.checksum.as_ref().filter(|_| !dialect.is_obs()) {
        xml.element(checksum.algorithm.element(), &checksum.to_string());
    }
    let mut reply = Reply::xml(xml.finish());
    describe_crc64(part.crc64, dialect, &mut reply.headers)?;
    Ok(found.with_source_version(reply, dialect))
}

/// `bytes=first-last`, both of them; anything else is 400 `InvalidArgument`.
fn parse_range(text: &str) -> Result<Range<u64>> {
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = |digits: &str| is_number(digits).then(|| digits.parse::<u64>().ok())?;
    let range = text.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let ends = range.and_then(|(first, last)| Some(number(first)?..number(last)?.checked_add(1)?));
    ends.filter(|ends| !ends.is_empty())
        .ok_or_else(|| Code::InvalidArgument.because("The copy source range must be bytes=first-last."))
}

/// Which bytes of an object of `size` are asked for: 416 where it has not all of them, 400 where they are more than a part
/// may have.
fn span(range: Option<Range<u64>>, size: u64) -> Result<Range<u64>> {
    let span = range.unwrap_or(0..size);
    if span.end > size {
        return Err(Error::from(Code::InvalidRange).header("content-range", format!("bytes */{size}")));
    }
    if span.end - span.start > limits::PART_BYTES_MAX {
        return Err(Code::InvalidRequest.because("A part has 5 GiB at most: copy a range of the source."));
    }
    Ok(span)
}

/// Which part is to be stored.
struct Target {
    number: u16,
    id: UploadId,
}

/// A source that was read.
struct Copied {
    found: Found,
    stored: Stored,
    span: Range<u64>,
    sums: Sums,
}

impl Copied {
    /// Stores the part; `None` where the source is another by now.
    async fn commit(&self, app: &App, call: &Call<'_>, source: &Source, target: &Target) -> Result<Option<Part>> {
        let Self { found, stored, span, sums } = self;
        let small = match stored {
            Stored::Inline(bytes) => Some(Stored::Inline(cut(bytes, span)?)),
            // What is empty has no pieces.
            Stored::Segments(_) | Stored::Pieces(_) if span.is_empty() => Some(Stored::Inline(Bytes::new())),
            Stored::Segments(_) | Stored::Pieces(_) => None,
        };
        let part = Part {
            blob: BlobId::mint(call.now),
            body: small.as_ref().map_or(crate::meta::Body::Pieces, Stored::body),
            size: span.end - span.start,
            md5: sums.md5,
            modified_millis: app.clock.now_millis(),
            crc64: sums.crc64,
            checksum: sums.checksum.clone(),
        };
        let stored = app.store.write(|tx| {
            let bucket = call.bucket_in(tx)?;
            let open = open(tx, call, target.id)?;
            // Rights and conditions too are those of now.
            let object = source.find_in(tx, &app.policies, call)?.object;
            if !is_same(&object, &found.object) {
                return Ok::<_, Error>(false);
            }
            match &small {
                Some(small) => tx.put_part(&bucket, &open, target.number, &part, small)?,
                None => {
                    let pieces = tx.pieces_of(object.blob, object.body, object.size)?;
                    let pieces = slice_pieces(&pieces, span.start, span.end);
                    tx.put_copied_part(&bucket, &open, target.number, &part, pieces)?;
                }
            }
            Ok(true)
        });
        Ok(stored.await?.then_some(part))
    }
}

fn cut(bytes: &Bytes, span: &Range<u64>) -> Result<Bytes> {
    let start = usize::try_from(span.start).map_err(Error::internal)?;
    let end = usize::try_from(span.end).map_err(Error::internal)?;
    let inside = start <= end && end <= bytes.len();
    if inside { Ok(bytes.slice(start..end)) } else { Err(Error::internal("a stored body is too short")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_both_ends() {
        let check = |text: &str, expected: Option<Range<u64>>| {
            let range = parse_range(text);
            if let Err(error) = &range {
                assert_eq!(error.code(), Code::InvalidArgument);
            }
            assert_eq!(range.ok(), expected, "{text}");
        };
        check("bytes=0-0", Some(0..1));
        check("bytes=5-18446744073709551614", Some(5..u64::MAX));
        for bad in [
            "",
            "bytes",
            "bytes=",
            "bytes=0",
            "bytes=0-",
            "bytes=-2",
            "bytes=2-1",
            "0-2",
            "bytes=hello-world",
            "bytes=0-bar",
            "bytes=hello-",
            "bytes=0-2,3-5",
            "bytes=+0-2",
            "bytes= 0-2",
            "bytes=0-18446744073709551615",
            "bytes=0-99999999999999999999999",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn a_stretch_lies_within_the_source_and_fits_in_a_part() {
        let check = |range, size, expected: std::result::Result<Range<u64>, Code>| {
            assert_eq!(span(range, size).map_err(|error| error.code()), expected);
        };
        check(None, 0, Ok(0..0));
        check(None, 9, Ok(0..9));
        check(Some(8..9), 9, Ok(8..9));
        check(Some(8..10), 9, Err(Code::InvalidRange));
        check(Some(0..1), 0, Err(Code::InvalidRange));
        let most = limits::PART_BYTES_MAX;
        check(None, most, Ok(0..most));
        check(None, most + 1, Err(Code::InvalidRequest));
        check(Some(1..most + 1), most + 1, Ok(1..most + 1));
    }
}
