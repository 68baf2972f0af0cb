//! `POST /bucket/key?uploadId` (OBS reference, "Completing a Multipart Upload"): the parts named become the object, and no
//! byte of them is copied. Asked again, it answers the same, as long as the object is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;

use super::announced::Announced;
use super::object_put::{check_conditions, with_new_version};
use super::upload::{Spelling, check_initiator, no_such_upload, parse_number, refuse_late, upload_id, with_crc64};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::blob::digest;
use crate::clock::UnixMillis;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{BlobId, Body, CompletedUpload, Object, ObjectState, Part, Tx, Upload, UploadId, Version};
use crate::quota::Rule;
use crate::wire::conditions::Conditions;
use crate::wire::xml::{Element, Layout, Writer};
use crate::wire::{Reply, hex};

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
    let spelling = Spelling::parse(&call.head.query)?;
    let asked = Asked {
        id: upload_id(call)?,
        conditions: Conditions::parse(&call.head.headers),
        size: parse_size(call)?,
        crc64: Announced::crc64_of_whole(call.head)?,
        blob: BlobId::mint(call.now),
        parts: Vec::new(),
    };
    app.store.read(|tx| look_ahead(tx, call, asked.id)).await?;
    let document = call.document_up_to(limits::PART_LIST_BYTES_MAX, &[ROOT], Code::MalformedXml).await?;
    let asked = Asked { parts: parse(&document.ok_or(Code::MalformedXml)?)?, ..asked };
    let now = app.clock.now_millis();
    let done = app.store.write(|tx| complete(tx, call, &asked, now)).await?;
    let dialect = call.head.dialect;
    let mut xml = Writer::document("CompleteMultipartUploadResult", Some(app.namespace(dialect)), Layout::Compact);
    spelling.announce(&mut xml);
    xml.element("Location", &location(call));
    xml.element("Bucket", call.bucket()?.name.as_str());
    spelling.element(&mut xml, "Key", call.key()?.as_str());
    xml.element("ETag", &format!("\"{}\"", done.etag));
    let reply = with_crc64(Reply::xml(xml.finish()), dialect, done.crc64);
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
    /// Under which the list of the object's pieces lies.
    blob: BlobId,
    parts: Vec<Listed>,
}

/// The object, as the answer tells of it.
struct Done {
    etag: String,
    version: Version,
    crc64: Option<u64>,
}

/// Stores the object; where an earlier request of the same parts has, says the same as it did.
fn complete(tx: &mut Tx<'_>, call: &Call<'_>, asked: &Asked, now: UnixMillis) -> Result<Done> {
    let (bucket, key) = (call.bucket_in(tx)?, call.key()?);
    let etag = etag_of(&asked.parts);
    let Some(open) = tx.open_upload(bucket.id, key, asked.id)? else {
        let done = tx.completed(bucket.id, key, asked.id)?.filter(|object| object.etag == etag);
        let crc64 = |object: &Object| object.state.as_ref().and_then(|state| state.crc64);
        let done = done.map(|object| Done { crc64: crc64(&object), etag: object.etag, version: object.version });
        return done.ok_or_else(|| no_such_upload(call));
    };
    let parts = tx.all_parts(&open)?;
    let chosen = choose(&asked.parts, &parts, part_bytes_min(open.upload()))?;
    if asked.size.is_some_and(|size| size != size_of(&chosen, &parts)) {
        return Err(Code::InvalidRequest.because("The parts do not add up to the size that was announced."));
    }
    let crc64 = crc64_of(&chosen, &parts);
    if asked.crc64.is_some() && asked.crc64 != crc64 {
        return Err(Code::BadDigest.because("The CRC-64 you specified is not that of the parts together."));
    }
    let pieces = tx.composed(&parts, &chosen)?.ok_or_else(|| {
        let most = limits::PIECE_COUNT_MAX;
        Code::InvalidRequest.because(format!("The parts are made of more than {most} pieces of other objects."))
    })?;
    let slot = tx.slot(&bucket, key)?;
    check_conditions(&asked.conditions, slot.current())?;
    let upload = open.upload();
    let part_count = u32::try_from(chosen.len()).map_err(Error::internal)?;
    let completed = CompletedUpload { id: asked.id.0, part_count };
    let state = ObjectState { upload: Some(completed), crc64, ..ObjectState::default() };
    let object = Object {
        version: Version::default(),
        blob: asked.blob,
        size: 0,
        etag: etag.clone(),
        modified_millis: now,
        owner: upload.owner,
        body: Body::Pieces,
        headers: upload.headers.clone(),
        storage_class: upload.storage_class,
        attributes: upload.attributes.clone(),
        state: state.boxed(),
    };
    let version = tx.complete_upload(slot, &open, &parts, (&chosen, pieces), &object)?;
    Ok(Done { etag, version, crc64 })
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
}

/// The document: parts with number and ETag, at least one, in ascending order.
fn parse(root: &Element) -> Result<Vec<Listed>> {
    let malformed = || Error::from(Code::MalformedXml);
    let mut parts: Vec<Listed> = Vec::with_capacity(root.children.len());
    for part in &root.children {
        if part.name != "Part" {
            return Err(malformed());
        }
        if let Some(checksum) = part.children.iter().find(|child| child.name.starts_with("Checksum")) {
            let refusal = format!("{} of a part is not implemented.", checksum.name);
            return Err(Code::ServiceNotImplemented.because(refusal));
        }
        let text = |name| part.child(name).map(Element::text_trimmed).ok_or_else(malformed);
        let number = parse_number(text("PartNumber")?).ok_or_else(malformed)?;
        let listed = Listed { number, md5: parse_etag(text("ETag")?) };
        if parts.last().is_some_and(|last| last.number >= listed.number) {
            return Err(Code::InvalidPartOrder.into());
        }
        parts.push(listed);
    }
    if parts.is_empty() { Err(malformed()) } else { Ok(parts) }
}

/// An ETag, quoted or bare, in either letter case.
fn parse_etag(text: &str) -> Option<[u8; 16]> {
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let is_digest = bare.len() == 32 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(is_digest.then_some(bare)?, 16).ok().map(u128::to_be_bytes)
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
    for Listed { number, md5 } in listed {
        let stored = u16::try_from(*number).ok().and_then(|number| parts.get_key_value(&number));
        let stored = stored.filter(|(_, part)| Some(part.md5) == *md5);
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
