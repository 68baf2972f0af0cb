//! `PUT /bucket/key?partNumber&uploadId` (OBS reference, "Uploading Parts"). A part counts in the ledger from the moment
//! it is stored; of two with one number the last to be committed stays.

use std::sync::Arc;

use hyper::header::ETAG;
use hyper::{Method, StatusCode};

use super::announced::Announced;
use super::checksum;
use super::object_put::{etag_value, refuse_copy};
use super::object_reply::describe_crc64;
use super::receive::{Expected, discard, receive};
use super::upload::{check_initiator, open, part_number, refuse_late, upload_id};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::checksum::ChecksumAlgorithm;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{BlobId, Body, Bucket, Part, Reservation, Stored, UploadId};
use crate::name::ObjectKey;
use crate::quota::{Change, Held, Rule};
use crate::wire::{Reply, hex};

pub(super) static PUT: Op = Op {
    name: "UploadPart",
    verb: Method::PUT,
    scope: Scope::Object,
    picks: &[Pick::Query("partNumber"), Pick::Query("uploadId")],
    action: Action::PutObject,
    body: BodyRule::Stream,
    growth: &[Rule::Part],
    parameters: &[],
    document: "obs_04_0099",
    run: |app, call| Box::pin(put(app, call)),
};

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    refuse_late(call.head)?;
    refuse_copy(call.head)?;
    let (number, id) = (part_number(call.head)?, upload_id(call)?);
    let announced = Announced::of_part(call.head)?;
    let declared = call.head.body_length()?;
    if declared.is_some_and(|length| length > limits::PART_BYTES_MAX) {
        return Err(Code::EntityTooLarge.into());
    }
    let bucket = call.bucket()?.clone();
    let announced = announced.for_upload(look_ahead(app, call, id).await?)?;
    // Refused now: what is announced and does not fit.
    let replaced = check_room(app, call, (id, number), declared.unwrap_or(0)).await?;
    let change = |length| replacing(replaced, length);
    let bytes_max = limits::PART_BYTES_MAX;
    let expected = Expected { bucket: &bucket, declared, bytes_max, announced: &announced, change: &change };
    let received = receive(app, call.body, &expected).await?;
    let arrived = Arrived {
        key: call.key()?.clone(),
        resource: call.head.target.resource(),
        id,
        number,
        part: Part {
            blob: BlobId::mint(call.now),
            body: received.stored.body(),
            size: received.size,
            md5: received.md5,
            modified_millis: app.clock.now_millis(),
            crc64: received.crc64,
            checksum: received.checksum,
        },
        bucket,
        stored: received.stored,
    };
    let mut reply = Reply::empty(StatusCode::OK).with(ETAG, etag_value(&hex(&arrived.part.md5))?);
    let is_obs = call.head.dialect.is_obs();
    describe_crc64(arrived.part.crc64, call.head.dialect, &mut reply.headers)?;
    if let Some(checksum) = arrived.part.checksum.as_ref().filter(|_| announced.is_checksum_asked() && !is_obs) {
        checksum::tell(checksum, false, &mut reply.headers)?;
    }
    arrived.commit(app, received.room).await?;
    Ok(reply)
}

/// What a part of `length` bytes changes in place of one of `replaced` bytes.
fn replacing(replaced: Option<u64>, length: u64) -> Change {
    let comes = Change::default().comes(Held::Part(length));
    replaced.map_or(comes, |replaced| comes.gone(Held::Part(replaced)))
}

/// Refuses what has no upload or is not the caller's, before the body is read. The checksum that the upload wants of each
/// part.
pub(super) async fn look_ahead(app: &App, call: &Call<'_>, id: UploadId) -> Result<Option<ChecksumAlgorithm>> {
    let looked = app.store.read(|tx| {
        let open = open(tx, call, id)?;
        check_initiator(call, open.upload())?;
        Ok::<_, Error>(open.upload().checksum.map(|(algorithm, _)| algorithm))
    });
    looked.await
}

/// Refuses a part of `length` bytes that does not fit; else says how many bytes go when it comes. What goes and what is
/// stored are of one moment: a part that another request has just put would count, and not be seen to give way.
pub(super) async fn check_room(
    app: &App,
    call: &Call<'_>,
    (id, number): (UploadId, u16),
    length: u64,
) -> Result<Option<u64>> {
    let looked = app.store.read(|tx| {
        let bucket = call.bucket_in(tx)?;
        let open = open(tx, call, id)?;
        let replaced = tx.part(&open, number)?.map(|part| part.size);
        tx.check_room(&bucket, replacing(replaced, length))?;
        Ok::<_, Error>(replaced)
    });
    looked.await
}

/// A part ready to be named.
struct Arrived {
    bucket: Bucket,
    key: ObjectKey,
    resource: String,
    id: UploadId,
    number: u16,
    part: Part,
    stored: Stored,
}

impl Arrived {
    /// Names it. `room` is given back just before.
    async fn commit(self, app: &Arc<App>, room: Option<Reservation>) -> Result<()> {
        if self.part.body == Body::Inline {
            drop(room);
            return self.decide(app).await;
        }
        // A client that goes away must not leave it open whether its segments are named: the commit and the clean-up
        // after a refusal run to their end by themselves.
        let app = Arc::clone(app);
        let commit = tokio::spawn(async move {
            drop(room);
            self.decide(&app).await
        });
        commit.await.map_err(Error::internal)?
    }

    async fn decide(&self, app: &App) -> Result<()> {
        let committed = app.store.write(|tx| {
            let bucket = tx.bucket(&self.bucket.name)?.filter(|bucket| bucket.id == self.bucket.id);
            let bucket = bucket.ok_or_else(|| Code::NoSuchBucket.on(self.resource.clone()))?;
            let open = tx.open_upload(bucket.id, &self.key, self.id)?;
            // Completed or aborted while the body came.
            let open = open.ok_or_else(|| Code::NoSuchUpload.on(self.resource.clone()))?;
            Ok::<_, Error>(tx.put_part(&bucket, &open, self.number, &self.part, &self.stored)?)
        });
        let committed = committed.await;
        // After an internal error it is open whether the commit happened: its extents may be named, and stay.
        if committed.as_ref().is_err_and(|error| error.code() != Code::InternalError) {
            discard(app, &self.stored);
        }
        committed
    }
}
