//! `PUT /bucket/key` (OBS reference, "Uploading Objects - PUT"). Bytes are durable before the commit names them; the
//! commit decides conditions and limits; the answer follows the commit.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hyper::header::{ETAG, HeaderValue};
use hyper::{Method, StatusCode};

use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::blob::digest;
use crate::blob::transfer::Upload;
use crate::error::{Code, Error, Result};
use crate::headers::ObjectHeaders;
use crate::limits;
use crate::meta::{BlobId, Body, Bucket, Object, Reservation, Stored};
use crate::name::ObjectKey;
use crate::quota::{Change, Rule};
use crate::wire::conditions::{Conditions, Verdict};
use crate::wire::headers::content_md5;
use crate::wire::{Head, Reply, hex};

pub(super) static PUT: Op = Op {
    name: "PutObject",
    verb: Method::PUT,
    scope: Scope::Object,
    picks: &[],
    action: Action::PutObject,
    body: BodyRule::Stream,
    growth: &[Rule::Put],
    parameters: &[],
    document: "obs_04_0080",
    run: |app, call| Box::pin(put(app, call)),
};

/// Stores the object that `call` names, with what its head says and the bytes of its body.
pub(super) async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    refuse_unsupported(call.head)?;
    let headers = ObjectHeaders::parse(call.head)?;
    let expected_md5 = content_md5(&call.head.headers)?;
    let conditions = Conditions::parse(&call.head.headers);
    let declared = call.head.content_length()?;
    if declared.is_some_and(|length| length > limits::OBJECT_PUT_BYTES_MAX) {
        return Err(Code::EntityTooLarge.into());
    }
    let replaced = look_ahead(app, call, &conditions).await?;
    let received = receive(app, call, declared, replaced).await?;
    if expected_md5.is_some_and(|expected| expected != received.md5) {
        received.discard(app);
        return Err(Code::BadDigest.into());
    }
    let put = Put {
        bucket: call.bucket()?.clone(),
        key: call.key()?.clone(),
        resource: call.head.target.resource(),
        conditions,
        object: Object {
            blob: BlobId::mint(call.now),
            size: received.size,
            etag: hex(&received.md5),
            modified_millis: app.clock.now_millis(),
            owner: call.account()?.id,
            body: received.body(),
            headers,
        },
        stored: received.stored,
    };
    // Quotes and hexadecimal digits are a legal header value.
    let etag = HeaderValue::try_from(format!("\"{}\"", put.object.etag)).map_err(Error::internal)?;
    match put.object.body {
        Body::Inline => put.commit(app).await?,
        // A client that goes away must not leave it open whether its segments are named: the commit and the
        // clean-up after a refusal run to their end by themselves.
        Body::Segments => {
            let app = Arc::clone(app);
            let room = received.room;
            let commit = tokio::spawn(async move {
                // Given back first: between the commit and its answer the object would count twice, and what fits
                // beside it be refused. Whoever takes the room meanwhile is refused by the commit, which decides.
                drop(room);
                put.commit(&app).await
            });
            commit.await.map_err(Error::internal)??;
        }
    }
    Ok(Reply::empty(StatusCode::OK).with(ETAG, etag))
}

/// Refuses early what the commit would refuse anyway, and says how many bytes the object under the key gives back.
/// Reads nothing where the request has no conditions and neither bucket nor account a limit.
async fn look_ahead(app: &App, call: &Call<'_>, conditions: &Conditions) -> Result<Option<u64>> {
    let (bucket, key) = (call.bucket()?, call.key()?);
    if conditions.is_empty() && !app.store.is_bounded(bucket).await? {
        return Ok(None);
    }
    let current = app.store.read(|tx| tx.object(bucket.id, key)).await?;
    check(conditions, current.as_ref())?;
    Ok(current.map(|object| object.size))
}

fn check(conditions: &Conditions, current: Option<&Object>) -> Result<()> {
    match conditions.check_write(current.map(|object| object.etag.as_str())) {
        Verdict::Failed(header) => Err(Verdict::refusal(header)),
        Verdict::Proceed | Verdict::NotModified => Ok(()),
    }
}

/// A body that arrived whole.
struct Received {
    size: u64,
    md5: [u8; 16],
    stored: Stored,
    room: Option<Reservation>,
}

impl Received {
    fn body(&self) -> Body {
        match self.stored {
            Stored::Inline(_) => Body::Inline,
            Stored::Segments(_) => Body::Segments,
        }
    }

    fn discard(self, app: &App) {
        discard(app, &self.stored);
    }
}

/// Gives extents back that no record will ever name.
fn discard(app: &App, stored: &Stored) {
    let Stored::Segments(manifest) = stored else { return };
    let (store, extents) = (Arc::clone(app.blobs.store()), manifest.extents.clone());
    // What fails here is found by the sweep at the next start.
    tokio::task::spawn_blocking(move || store.free(&extents));
}

async fn receive(
    app: &Arc<App>,
    call: &mut Call<'_>,
    declared: Option<u64>,
    replaced: Option<u64>,
) -> Result<Received> {
    let bucket = call.bucket()?.clone();
    // Objects too are tested before the body; the room held below is bytes only, because an object in flight may
    // never come to be, and the commit decides.
    app.store.check_room(&bucket, Change::Put { old: replaced, new: declared.unwrap_or(0) }).await?;
    let replaced_bytes = replaced.unwrap_or(0);
    match declared {
        Some(length) if length <= limits::INLINE_BODY_BYTES_MAX => {
            // Small bodies hold no room: they are here before that would pay.
            let body = gather(call, usize::try_from(length).map_err(Error::internal)?).await?;
            Ok(inline(body))
        }
        Some(length) => {
            let room = app.store.reserve(&bucket, length.saturating_sub(replaced_bytes)).await?;
            let _turn = app.uploads.acquire().await.map_err(Error::internal)?;
            let mut upload = app.blobs.create(declared);
            while let Some(piece) = call.body.next().await? {
                upload.push(piece).await?;
            }
            if upload.length() != length {
                return Err(Code::IncompleteBody.into());
            }
            finish(upload, Some(room)).await
        }
        None => receive_unannounced(app, call, &bucket, replaced_bytes).await,
    }
}

/// The whole of a small body of announced length.
async fn gather(call: &mut Call<'_>, length: usize) -> Result<Bytes> {
    let Some(first) = call.body.next().await? else {
        return if length == 0 { Ok(Bytes::new()) } else { Err(Code::IncompleteBody.into()) };
    };
    if first.len() == length {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(length);
    whole.extend_from_slice(&first);
    while let Some(piece) = call.body.next().await? {
        if whole.len() + piece.len() > length {
            return Err(Code::InvalidContentLength.into());
        }
        whole.extend_from_slice(&piece);
    }
    if whole.len() == length { Ok(whole.freeze()) } else { Err(Code::IncompleteBody.into()) }
}

/// A body of unknown length: counted while it arrives, cut off where it no longer fits.
async fn receive_unannounced(
    app: &Arc<App>,
    call: &mut Call<'_>,
    bucket: &Bucket,
    replaced_bytes: u64,
) -> Result<Received> {
    let mut room = app.store.reserve(bucket, 0).await?;
    let mut small = BytesMut::new();
    let mut upload: Option<Upload> = None;
    let mut turn = None;
    let mut size = 0;
    while let Some(piece) = call.body.next().await? {
        size += piece.len() as u64;
        if size > limits::OBJECT_PUT_BYTES_MAX {
            return Err(Code::EntityTooLarge.into());
        }
        hold(app, &mut room, size.saturating_sub(replaced_bytes)).await?;
        match &mut upload {
            Some(upload) => upload.push(piece).await?,
            None if size <= limits::INLINE_BODY_BYTES_MAX => small.extend_from_slice(&piece),
            None => {
                turn = Some(app.uploads.acquire().await.map_err(Error::internal)?);
                let mut begun = app.blobs.create(None);
                begun.push(std::mem::take(&mut small).freeze()).await?;
                begun.push(piece).await?;
                upload = Some(begun);
            }
        }
    }
    let received = match upload {
        Some(upload) => finish(upload, Some(room)).await,
        None => Ok(inline(small.freeze())),
    };
    drop(turn);
    received
}

/// Extends the room held to `growth_bytes`: what has arrived and no more, so that what fits beside it is accepted.
async fn hold(app: &App, room: &mut Reservation, growth_bytes: u64) -> Result<()> {
    match growth_bytes.saturating_sub(room.held_bytes()) {
        0 => Ok(()),
        missing => Ok(room.extend(&app.store, missing).await?),
    }
}

fn inline(body: Bytes) -> Received {
    Received { size: body.len() as u64, md5: digest::md5(&body), stored: Stored::Inline(body), room: None }
}

async fn finish(upload: Upload, room: Option<Reservation>) -> Result<Received> {
    let size = upload.length();
    let (manifest, md5) = upload.finish().await?;
    Ok(Received { size, md5, stored: Stored::Segments(manifest), room })
}

/// An object ready to be named.
struct Put {
    bucket: Bucket,
    key: ObjectKey,
    resource: String,
    conditions: Conditions,
    object: Object,
    stored: Stored,
}

impl Put {
    async fn commit(&self, app: &App) -> Result<()> {
        let committed = app
            .store
            .write(|tx| {
                let bucket = tx.bucket(&self.bucket.name)?.filter(|bucket| bucket.id == self.bucket.id);
                let bucket = bucket.ok_or_else(|| Code::NoSuchBucket.on(self.resource.clone()))?;
                let slot = tx.slot(&bucket, &self.key)?;
                check(&self.conditions, slot.current())?;
                Ok::<_, Error>(tx.put_object(slot, &self.object, &self.stored)?)
            })
            .await;
        // After an internal error it is open whether the commit happened: its extents may be named, and stay.
        if committed.as_ref().is_err_and(|error| error.code() != Code::InternalError) {
            discard(app, &self.stored);
        }
        committed
    }
}

/// Request headers that the references document and this server cannot honour yet: refused, never ignored.
const UNSUPPORTED: [&str; 18] = [
    "copy-source",
    "server-side-encryption",
    "server-side-encryption-customer-algorithm",
    "server-side-encryption-kms-key-id",
    "server-side-encryption-aws-kms-key-id",
    "tagging",
    "object-lock-mode",
    "object-lock-retain-until-date",
    "object-lock-legal-hold",
    "website-redirect-location",
    "expires",
    "persistent-headers",
    "callback",
    "checksum-crc64ecma",
    "content-sha256",
    "write-offset-bytes",
    "decoded-content-length",
    "trailer",
];

fn refuse_unsupported(head: &Head) -> Result<()> {
    refuse_acl(head)?;
    match head.own("storage-class") {
        None | Some("STANDARD") => {}
        Some(
            "WARM" | "COLD" | "STANDARD_IA" | "GLACIER" | "DEEP_ARCHIVE" | "INTELLIGENT_TIERING" | "HIGH_PERFORMANCE",
        ) => {
            return Err(Code::ServiceNotImplemented.because("Storage classes other than STANDARD are not implemented."));
        }
        Some(_) => return Err(Code::InvalidArgument.because("The storage class is not valid.")),
    }
    let prefix = head.dialect.header_prefix();
    let is_unsupported = |(tail, value): &(&str, &str)| {
        UNSUPPORTED.iter().any(|known| known.eq_ignore_ascii_case(tail))
            && !(tail.eq_ignore_ascii_case("content-sha256") && *value == "UNSIGNED-PAYLOAD")
    };
    if let Some((tail, _)) = head.own_all().find(is_unsupported) {
        return Err(Code::ServiceNotImplemented.because(format!("The header {prefix}{tail} is not implemented.")));
    }
    // Some SDKs send these as `x-obs-` in both dialects.
    for name in ["x-obs-expires", "success-action-redirect"] {
        if head.header(name).is_some() {
            return Err(Code::ServiceNotImplemented.because(format!("The header {name} is not implemented.")));
        }
    }
    let checksum = |name: &hyper::header::HeaderName| name.as_str().starts_with("x-amz-checksum-");
    if let Some(name) = head.headers.keys().find(|name| checksum(name)) {
        return Err(Code::ServiceNotImplemented.because(format!("The header {name} is not implemented.")));
    }
    Ok(())
}

/// Access control lists come with a later version: only what is the default anyway is accepted.
pub(super) fn refuse_acl(head: &Head) -> Result<()> {
    if head.own("acl").is_some_and(|acl| acl != "private") {
        return Err(Code::ServiceNotImplemented.because("Access control lists other than private are not implemented."));
    }
    let is_grant =
        |name: &str| name.strip_prefix(head.dialect.header_prefix()).is_some_and(|tail| tail.starts_with("grant-"));
    if head.headers.keys().any(|name| is_grant(name.as_str())) {
        return Err(Code::ServiceNotImplemented.because("Grants by header are not implemented."));
    }
    Ok(())
}
