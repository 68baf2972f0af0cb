//! `POST /bucket/key?uploadId` (OBS reference, "Completing a Multipart Upload"): the parts named become the object, and no
//! byte of them is copied. Asked again, it answers the same, as long as the object is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;

use super::announced::Announced;
use super::checksum;
use super::object_put::{check_conditions, with_new_version};
use super::object_reply::describe_stored;
use super::upload::{Spelling, check_initiator, no_such_upload, parse_number, refuse_late, upload_id};
use super::upload_checksum;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::blob::digest;
use crate::checksum::{Checksum, ChecksumAlgorithm};
use crate::clock::UnixMillis;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{BlobId, Body, CompletedUpload, Object, ObjectState, Part, Tx, Upload, UploadId, Version};
use crate::quota::Rule;
use crate::wire::conditions::Conditions;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Element, Layout, Writer};
use crate::wire::{Reply, hex, parse_hex};

pub(super) static POST: Op = Op {
    name: "CompleteMultipartUpload",
    verb: Method::POST,
    scope: Scope::Object,
    picks: &[Pick::Query("uploadId")],
    action: Action::PutObject,
    body: BodyRule::Document,
    growth: &[Rule::Complete],
    parameters: &["encoding-type"],
    document: "obs_04_0102",
    run: |app, call| Box::pin(post(app, call)),
};

async fn post(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    refuse_late(call.head)?;
    let spelling = Spelling::parse(call.head)?;
    let asked = Asked {
        id: upload_id(call)?,
        conditions: Conditions::parse_of_write(call.head)?,
        size: parse_size(call)?,
        crc64: Announced::crc64_of_whole(call.head)?,
        checksum: upload_checksum::Expected::parse(call.head)?,
        blob: BlobId::mint(call.now),
        parts: Vec::new(),
    };
    app.store.read(|tx| look_ahead(tx, call, asked.id)).await?;
    let document = call.document_of_object(limits::PART_LIST_BYTES_MAX, &[ROOT], Code::MalformedXml).await?;
    let asked = Asked { parts: parse(&document.ok_or(Code::MalformedXml)?, call.head.dialect)?, ..asked };
    let now = app.clock.now_millis();
    let done = app.store.write(|tx| complete(tx, call, &asked, now)).await?;
    let dialect = call.head.dialect;
    let mut xml = Writer::document("CompleteMultipartUploadResult", Some(app.namespace(dialect)), Layout::Compact);
    spelling.announce(&mut xml);
    xml.element("Location", &location(call));
    xml.element("Bucket", call.bucket()?.name.as_str());
    spelling.element(&mut xml, "Key", call.key()?.as_str());
    xml.element("ETag", &format!("\"{}\"", done.etag));
    let checksum = done.state.as_ref().and_then(|state| state.checksum.as_ref());
    if let Some(checksum) = checksum.filter(|_| !dialect.is_obs()) {
        checksum::write(&mut xml, checksum);
    }
    let mut reply = Reply::xml(xml.finish());
    describe_stored(&done, dialect, &mut reply.headers)?;
    Ok(with_new_version(reply, dialect, done.version))
}

/// Where the object is: at the address it was asked for.
fn location(call: &Call<'_>) -> String {
    let scheme = if call.context.is_secure() { "https" } else { "http" };
    format!("{scheme}://{}{}", call.head.host(), call.head.raw_path())
}

/// S3's `x-amz-mp-object-size`: how long the object must come to be.
fn parse_size(call: &Call<'_>) -> Result<Option<u64>> {
    let Some(text) = call.head.own("mp-object-size") else { return Ok(None) };
    let size = parse_number(text).ok_or_else(|| Code::InvalidArgument.because("mp-object-size must be a number."))?;
    Ok(Some(size))
}

/// Refuses, before the document is read, what is no upload and never was, or is another's.
fn look_ahead(tx: &mut Tx<'_>, call: &Call<'_>, id: UploadId) -> Result<()> {
    let (bucket, key) = (call.bucket()?.id, call.key()?);
    match tx.open_upload(bucket, key, id)? {
        Some(open) => check_initiator(call, open.upload()),
        None => tx.completed(bucket, key, id)?.map(drop).ok_or_else(|| no_such_upload(call)),
    }
}

/// What is asked for.
struct Asked {
    id: UploadId,
    conditions: Conditions,
    size: Option<u64>,
    crc64: Option<u64>,
    checksum: upload_checksum::Expected,
    /// Under which the list of the object's pieces lies.
    blob: BlobId,
    parts: Vec<Listed>,
}

impl Asked {
    /// Refuses a whole that is another than was announced, also where it was stored before: its size (400 `InvalidRequest`),
    /// its CRC-64 (`BadDigest`), its checksum.
    fn check(&self, size: u64, crc64: Option<u64>, checksum: Option<&Checksum>) -> Result<()> {
        if self.size.is_some_and(|announced| announced != size) {
            return Err(Code::InvalidRequest.because("The parts do not add up to the size that was announced."));
        }
        if self.crc64.is_some() && self.crc64 != crc64 {
            return Err(Code::BadDigest.because("The CRC-64 you specified is not that of the parts together."));
        }
        self.checksum.check(checksum)
    }
}

/// Stores the object; where an earlier request of the same parts has, it is that one.
fn complete(tx: &mut Tx<'_>, call: &Call<'_>, asked: &Asked, now: UnixMillis) -> Result<Object> {
    let (bucket, key) = (call.bucket_in(tx)?, call.key()?);
    let etag = etag_of(&asked.parts);
    let Some(open) = tx.open_upload(bucket.id, key, asked.id)? else {
        let done = tx.completed(bucket.id, key, asked.id)?.filter(|object| object.etag == etag);
        let done = done.ok_or_else(|| no_such_upload(call))?;
        let state = done.state.as_deref();
        asked.check(done.size, state.and_then(|state| state.crc64), state.and_then(|state| state.checksum.as_ref()))?;
        return Ok(done);
    };
    let parts = tx.all_parts(&open)?;
    let chosen = choose(&asked.parts, &parts, part_bytes_min(open.upload()))?;
    let crc64 = crc64_of(&chosen, &parts);
    let checksum = upload_checksum::whole(open.upload(), &parts, &chosen);
    asked.check(size_of(&chosen, &parts), crc64, checksum.as_ref())?;
    let pieces = tx.composed(&parts, &chosen)?.ok_or_else(|| {
        let most = limits::PIECE_COUNT_MAX;
        Code::InvalidRequest.because(format!("The parts are made of more than {most} pieces of other objects."))
    })?;
    let slot = tx.slot(&bucket, key)?;
    check_conditions(&asked.conditions, slot.current())?;
    let upload = open.upload();
    let part_count = u32::try_from(chosen.len()).map_err(Error::internal)?;
    let completed = CompletedUpload { id: asked.id.0, part_count };
    let state = ObjectState { upload: Some(completed), crc64, checksum, ..ObjectState::default() };
    let object = Object {
        version: Version::default(),
        blob: asked.blob,
        size: 0,
        etag,
        modified_millis: now,
        owner: upload.owner,
        body: Body::Pieces,
        headers: upload.headers.clone(),
        storage_class: upload.storage_class,
        attributes: upload.attributes.clone(),
        state: state.boxed(),
    };
    let version = tx.complete_upload(slot, &open, &parts, (&chosen, pieces), &object)?;
    Ok(Object { version, ..object })
}

/// How many bytes every part but the last has at least, by the words the upload was begun in.
fn part_bytes_min(upload: &Upload) -> u64 {
    if upload.is_s3 { limits::S3_PART_BYTES_MIN } else { limits::PART_BYTES_MIN }
}

fn size_of(chosen: &[u16], parts: &BTreeMap<u16, Part>) -> u64 {
    chosen.iter().filter_map(|number| parts.get(number)).map(|part| part.size).sum()
}

/// CRC-64 of the chosen parts together, from theirs.
fn crc64_of(chosen: &[u16], parts: &BTreeMap<u16, Part>) -> Option<u64> {
    let mut chosen = chosen.iter().filter_map(|number| parts.get(number));
    chosen.try_fold(digest::crc64(&[]), |joined, part| Some(digest::crc64_joined(joined, part.crc64?, part.size)))
}

const ROOT: &str = "CompleteMultipartUpload";

/// A part as the document lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    number: u64,
    /// `None` for what is no digest, and so no part's.
    md5: Option<[u8; 16]>,
    checksums: Vec<(ChecksumAlgorithm, String)>,
}

/// The document: parts with number and ETag, at least one, in ascending order. In S3's words one may be listed again: as it
/// is listed last, it counts.
fn parse(root: &Element, dialect: Dialect) -> Result<Vec<Listed>> {
    let malformed = || Error::from(Code::MalformedXml);
    let mut parts: Vec<Listed> = Vec::with_capacity(root.children.len());
    for part in &root.children {
        if part.name != "Part" {
            return Err(malformed());
        }
        let text = |name| part.child(name).map(Element::text_trimmed).ok_or_else(malformed);
        let number = parse_number(text("PartNumber")?).ok_or_else(malformed)?;
        let (md5, checksums) = (parse_etag(text("ETag")?), upload_checksum::listed(part)?);
        let listed = Listed { number, md5, checksums };
        match parts.last_mut() {
            Some(last) if last.number == listed.number && dialect == Dialect::S3 => *last = listed,
            Some(last) if last.number >= listed.number => return Err(Code::InvalidPartOrder.into()),
            _ => parts.push(listed),
        }
    }
    if parts.is_empty() { Err(malformed()) } else { Ok(parts) }
}

/// An ETag, quoted or bare, in either letter case.
fn parse_etag(text: &str) -> Option<[u8; 16]> {
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    parse_hex(bare)
}

/// The ETag of an object of these parts: the digest of their digests, and their number.
fn etag_of(parts: &[Listed]) -> String {
    let digests: Vec<u8> = parts.iter().filter_map(|part| part.md5).flatten().collect();
    format!("{}-{}", hex(&digest::md5(&digests)), parts.len())
}

/// The numbers of the parts listed, each of which is stored as it says, and all but the last have at least `bytes_min`.
fn choose(listed: &[Listed], parts: &BTreeMap<u16, Part>, bytes_min: u64) -> Result<Vec<u16>> {
    let mut chosen = Vec::with_capacity(listed.len());
    let mut sizes = Vec::with_capacity(listed.len());
    for Listed { number, md5, checksums } in listed {
        let stored = u16::try_from(*number).ok().and_then(|number| parts.get_key_value(&number));
        let stored = stored.filter(|(_, part)| Some(part.md5) == *md5 && upload_checksum::is_listed(part, checksums));
        let (number, part) =
            stored.ok_or_else(|| Error::from(Code::InvalidPart).detail("PartNumber", number.to_string()))?;
        chosen.push(*number);
        sizes.push(part.size);
    }
    if let Some((_, all_but_last)) = sizes.split_last()
        && let Some(at) = all_but_last.iter().position(|size| *size < bytes_min)
    {
        let error = Error::from(Code::EntityTooSmall).detail("PartNumber", chosen[at].to_string());
        return Err(error.detail("MinSizeAllowed", bytes_min.to_string()));
    }
    if sizes.iter().sum::<u64>() > limits::OBJECT_BYTES_MAX {
        return Err(Code::EntityTooLarge.into());
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_every_client_are_read() {
        let check = |parts: &str, expected: std::result::Result<&[(u64, bool)], Code>| {
            let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
            let root = Element::parse(document.as_bytes(), Code::MalformedXml).unwrap();
            let parsed = parse(&root, Dialect::AwsV2).map_err(|error| error.code());
            let parsed =
                parsed.map(|parts| parts.iter().map(|part| (part.number, part.md5.is_some())).collect::<Vec<_>>());
            assert_eq!(parsed.as_deref().map_err(|code| *code), expected, "{parts}");
        };
        let etag = "<ETag>5d41402abc4b2a76b9719d911017c592</ETag>";
        check(&format!("<Part><PartNumber>1</PartNumber>{etag}</Part>"), Ok(&[(1, true)]));
        check(&format!("<Part>{etag}<PartNumber> 1 </PartNumber></Part>"), Ok(&[(1, true)]));
        check(&format!("\n <Part>\n  {etag}<PartNumber>00001</PartNumber><Size>3</Size></Part>\n"), Ok(&[(1, true)]));
        let two = |first, second| {
            let part = |number| format!("<Part><PartNumber>{number}</PartNumber>{etag}</Part>");
            [part(first), part(second)].concat()
        };
        check(&two("1", "10000"), Ok(&[(1, true), (10_000, true)]));
        check(&two("2", "1"), Err(Code::InvalidPartOrder));
        check(&two("2", "02"), Err(Code::InvalidPartOrder));
        // A number or an ETag that no part has is no part's.
        check(&two("0", "18446744073709551615"), Ok(&[(0, true), (u64::MAX, true)]));
        check("<Part><PartNumber>1</PartNumber><ETag/></Part>", Ok(&[(1, false)]));
        check("", Err(Code::MalformedXml));
        check("<Part/>", Err(Code::MalformedXml));
        check(&two("1", "18446744073709551616"), Err(Code::MalformedXml));
        check(&two("+1", "2"), Err(Code::MalformedXml));
        check(&two("1", "2").replace("Part>", "Parts>"), Err(Code::MalformedXml));
        check(&two("1", "2").replace("<ETag>", "<ChecksumSHA1/><ETag>"), Ok(&[(1, true), (2, true)]));
        check(&two("1", "2").replace("<ETag>", "<ChecksumSHA512/><ETag>"), Err(Code::ServiceNotImplemented));
        check(&two("1", "2").replace("<ETag>", "<ChecksumCRC16/><ETag>"), Err(Code::InvalidRequest));
    }

    #[test]
    fn a_part_listed_again_counts_as_listed_last_in_s3_words() {
        let check = |numbers: &[(u64, u8)], expected: std::result::Result<&[(u64, u8)], Code>| {
            let part = |(number, digit): &(u64, u8)| {
                let etag = digit.to_string().repeat(32);
                format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
            };
            let parts: String = numbers.iter().map(part).collect();
            let document = format!("<{ROOT}>{parts}</{ROOT}>");
            let root = Element::parse(document.as_bytes(), Code::MalformedXml).unwrap();
            let digit = |part: Listed| (part.number, part.md5.map_or(0, |md5| md5[0] & 15));
            let parsed = parse(&root, Dialect::S3).map_err(|error| error.code());
            let parsed = parsed.map(|parts| parts.into_iter().map(digit).collect::<Vec<_>>());
            assert_eq!(parsed.as_deref().map_err(|code| *code), expected, "{numbers:?}");
        };
        check(&[(1, 1), (2, 2)], Ok(&[(1, 1), (2, 2)]));
        check(&[(1, 1), (1, 2), (1, 3), (2, 4)], Ok(&[(1, 3), (2, 4)]));
        check(&[(1, 1), (2, 2), (1, 3)], Err(Code::InvalidPartOrder));
    }

    #[test]
    fn etags_are_digests_quoted_or_bare() {
        let digest = Some(0x5d41_402a_bc4b_2a76_b971_9d91_1017_c592_u128.to_be_bytes());
        assert_eq!(parse_etag("5d41402abc4b2a76b9719d911017c592"), digest);
        assert_eq!(parse_etag("\"5D41402ABC4B2A76B9719D911017C592\""), digest);
        for bad in [
            "",
            "\"\"",
            "5d41402abc4b2a76b9719d911017c59",
            "+d41402abc4b2a76b9719d911017c592",
            "\"5d41402abc4b2a76b9719d911017c592",
        ] {
            assert_eq!(parse_etag(bad), None, "{bad}");
        }
        // Of one part with the digest of nothing.
        let md5 = parse_etag("d41d8cd98f00b204e9800998ecf8427e");
        let listed = [Listed { number: 1, md5, checksums: Vec::new() }];
        assert_eq!(etag_of(&listed), "59adb24ef3cdbe0297f05b395827453f-1");
    }

    #[test]
    fn sizes_are_checked_when_all_parts_are_known() {
        let check = |sizes: &[u64], bytes_min, expected: std::result::Result<(), Code>| {
            let part = |size| Part {
                blob: BlobId(1),
                body: Body::Segments,
                size,
                md5: [1; 16],
                modified_millis: 0,
                crc64: None,
                checksum: None,
            };
            let parts: BTreeMap<u16, Part> = (1..).zip(sizes.iter().map(|size| part(*size))).collect();
            let listed = |number: &u16| Listed { number: (*number).into(), md5: Some([1; 16]), checksums: Vec::new() };
            let listed: Vec<Listed> = parts.keys().map(listed).collect();
            let chosen = choose(&listed, &parts, bytes_min);
            assert_eq!(chosen.map(drop).map_err(|error| error.code()), expected, "{sizes:?}");
        };
        check(&[0], 10, Ok(()));
        check(&[10, 10, 0], 10, Ok(()));
        check(&[10, 9, 10], 10, Err(Code::EntityTooSmall));
        check(&[0, 0], 10, Err(Code::EntityTooSmall));
        let most = limits::OBJECT_BYTES_MAX;
        let full = usize::try_from(most / limits::PART_BYTES_MAX).unwrap();
        let mut sizes = vec![limits::PART_BYTES_MAX; full];
        sizes.push(most % limits::PART_BYTES_MAX);
        check(&sizes, 10, Ok(()));
        sizes[full] += 1;
        check(&sizes, 10, Err(Code::EntityTooLarge));
    }
}
