//! What `AppendObject` and `ModifyObject` share: bytes come in and are written into an object at a position. Whether the
//! object takes them there is asked before the body is read, and decided by the commit.

use std::sync::Arc;

use super::announced::Announced;
use super::draft::Draft;
use super::object_put::{check_conditions, replaced_bytes};
use super::receive::{Expected, Received, discard, receive};
use super::{Call, file_system};
use crate::app::App;
use crate::blob::digest;
use crate::checksum::Checksum;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{Body, Bucket, Edited, Object, ObjectState, Patch, Reservation, Stored, Tx};
use crate::name::ObjectKey;
use crate::quota::Change;
use crate::wire::conditions::Conditions;
use crate::wire::{Head, hex};

/// How bytes are written into an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// At its end, and only there.
    Append,
    /// Anywhere.
    Modify,
}

/// Bytes that were written.
pub(super) struct Written {
    /// Their digest.
    pub(super) md5: [u8; 16],
    /// The object as it is now.
    pub(super) object: Object,
}

/// Takes the body of a request and writes it at the position that the request names.
pub(super) async fn write(app: &Arc<App>, call: &mut Call<'_>, manner: Manner) -> Result<Written> {
    let position = number(call.head, "position")?;
    // What it says of the object counts for a new one only, and is checked whenever it is said.
    let draft = Draft::parse(app, call).await?;
    let announced = Announced::parse(call.head)?;
    let declared = call.head.body_length()?;
    let target = Target {
        manner,
        bucket: call.bucket()?.clone(),
        key: call.key()?.clone(),
        resource: call.head.target.resource(),
        conditions: Conditions::parse(&call.head.headers),
        position,
    };
    if declared.is_some_and(|length| length > limits::OBJECT_PUT_BYTES_MAX) {
        return Err(Code::EntityTooLarge.into());
    }
    // From one frozen state: what comes between two reads would be counted and not be seen to be replaced.
    let look = |tx: &mut Tx<'_>| {
        let bucket = call.bucket_in(tx)?;
        let current = tx.object(bucket.id, &target.key)?;
        target.check(&bucket, current.as_ref(), declared.unwrap_or(0))?;
        let old = match &current {
            Some(current) => (current.size, Some(current.size)),
            // Behind a delete marker a new object comes, and may take the place of an older version.
            None => (0, replaced_bytes(tx, &bucket, &target.key, None)?),
        };
        tx.check_room(&bucket, grown(old, position, declared.unwrap_or(0)))?;
        Ok::<_, Error>(old)
    };
    let old = app.store.read_frozen(look).await?;
    let change = |length| grown(old, position, length);
    let bytes_max = limits::OBJECT_PUT_BYTES_MAX;
    let expected = Expected { bucket: &target.bucket, declared, bytes_max, announced: &announced, change: &change };
    let received = receive(app, call.body, &expected).await?;
    let fresh = draft.into_object(app.clock.now_millis(), 0, hex(&digest::md5(b"")), Body::Inline);
    let Received { size, md5, crc64, checksum, stored, room } = received;
    Writing { target, fresh, length: size, md5, crc64, checksum, stored }.commit(app, room).await
}

/// What changes when `length` bytes are written at a position of an object of `old` bytes, and so many that go with that.
fn grown((old, replaced): (u64, Option<u64>), position: u64, length: u64) -> Change {
    Change::put(replaced, old.max(position.saturating_add(length)))
}

/// A query parameter that is a whole number, of bytes; else 400 `InvalidArgument`.
pub(super) fn number(head: &Head, parameter: &str) -> Result<u64> {
    let text = head.query.get(parameter).unwrap_or_default();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| Code::InvalidArgument.because(format!("The parameter {parameter} is not a whole number.")))
}

/// The entity tag of an object that was changed in place, from the one it had and from what was done: no digest of the
/// bytes, so it has the form of those that are none, with the number of changes (`docs/decisions/0024`).
pub(super) fn changed_etag(old: &str, done: &[&[u8]]) -> String {
    let (_, count) = old.split_once('-').unwrap_or((old, "1"));
    let count = count.parse::<u64>().unwrap_or(1).saturating_add(1);
    let whole: Vec<u8> = [old.as_bytes()].iter().chain(done).copied().flatten().copied().collect();
    format!("{}-{count}", hex(&digest::md5(&whole)))
}

/// What an object has become by a change of its bytes: no longer what an upload made, nor what a checksum was sent for.
pub(super) fn changed_state(old: Option<&ObjectState>) -> ObjectState {
    ObjectState { restore: old.and_then(|old| old.restore), ..ObjectState::default() }
}

/// Where bytes go, and on what of the current object that depends.
struct Target {
    manner: Manner,
    bucket: Bucket,
    key: ObjectKey,
    resource: String,
    conditions: Conditions,
    position: u64,
}

impl Target {
    /// Whether the object takes `length` bytes at the position.
    fn check(&self, bucket: &Bucket, current: Option<&Object>, length: u64) -> Result<()> {
        check_conditions(&self.conditions, current)?;
        if self.manner == Manner::Append {
            self.check_append(bucket, current)?;
        } else if file_system::is_directory(&self.key) {
            return Err(Code::FsObjectConflict.because("A directory has no bytes to modify."));
        }
        let (bytes_max, too_large) = match self.manner {
            Manner::Append => (limits::OBJECT_BYTES_MAX, Code::AppendTooLarge),
            Manner::Modify => (limits::FILE_BYTES_MAX, Code::EntityTooLarge),
        };
        if self.position.saturating_add(length) > bytes_max {
            return Err(too_large.into());
        }
        Ok(())
    }

    fn check_append(&self, bucket: &Bucket, current: Option<&Object>) -> Result<()> {
        if bucket.has_object_lock {
            return Err(Code::AccessDenied.because("Objects in a bucket with object lock are not appended to."));
        }
        if let Some(current) = current {
            let count = append_count(current);
            if count.is_none() || current.storage_class.is_archive() {
                return Err(Code::ObjectNotAppendable.on(self.resource.clone()));
            }
            if count.is_some_and(|count| count >= limits::APPEND_COUNT_MAX) {
                let why = format!("The object has been appended to {} times.", limits::APPEND_COUNT_MAX);
                return Err(Code::ObjectNotAppendable.because(why));
            }
        }
        let length = current.map_or(0, |current| current.size);
        if self.position != length {
            let refusal = Code::PositionNotEqualToLength.on(self.resource.clone());
            return Err(refusal.header("x-obs-next-append-position", length.to_string()));
        }
        Ok(())
    }
}

fn append_count(object: &Object) -> Option<u32> {
    object.state.as_ref()?.append_count
}

/// Bytes ready to be written.
struct Writing {
    target: Target,
    /// The object as it begins, where there is none yet.
    fresh: Object,
    length: u64,
    md5: [u8; 16],
    crc64: Option<u64>,
    checksum: Option<Checksum>,
    stored: Stored,
}

impl Writing {
    async fn commit(self, app: &Arc<App>, room: Option<Reservation>) -> Result<Written> {
        if self.stored.body() == Body::Inline {
            drop(room);
            return self.decide(app).await;
        }
        // A client that goes away must not leave it open whether its segments are named.
        let app = Arc::clone(app);
        let commit = tokio::spawn(async move {
            drop(room);
            self.decide(&app).await
        });
        commit.await.map_err(Error::internal)?
    }

    async fn decide(&self, app: &App) -> Result<Written> {
        let Target { bucket, key, resource, position, .. } = &self.target;
        let patch = Patch { position: *position, length: self.length, blob: self.fresh.blob, stored: &self.stored };
        let committed = app
            .store
            .write(|tx| {
                let bucket = tx.bucket(&bucket.name)?.filter(|found| found.id == bucket.id);
                let bucket = bucket.ok_or_else(|| Code::NoSuchBucket.on(resource.clone()))?;
                let slot = tx.slot(&bucket, key)?;
                self.target.check(&bucket, slot.current(), self.length)?;
                let object = self.changed(slot.current());
                match tx.patch_object(slot, &object, &patch)? {
                    Edited::Done(version) => Ok(Object { version, ..object }),
                    Edited::TooManyPieces => Err(too_many_pieces()),
                }
            })
            .await;
        // After an internal error it is open whether the commit happened: its extents may be named, and stay.
        if committed.as_ref().is_err_and(|error| error.code() != Code::InternalError) {
            discard(app, &self.stored);
        }
        Ok(Written { md5: self.md5, object: committed? })
    }

    /// The object with the bytes in it.
    fn changed(&self, current: Option<&Object>) -> Object {
        let old = current.unwrap_or(&self.fresh);
        let (position, end) = (self.target.position, self.target.position + self.length);
        let is_whole = position == 0 && end >= old.size && (self.length > 0 || current.is_none());
        let old_crc64 = old.state.as_ref().and_then(|state| state.crc64);
        let old_checksum = || old.state.as_ref().and_then(|state| state.checksum.clone());
        let (etag, crc64, checksum) = if is_whole {
            (hex(&self.md5), self.crc64, self.checksum.clone())
        } else if self.length == 0 && end <= old.size {
            // Nothing was written: the same bytes have the same digests.
            (old.etag.clone(), old_crc64, old_checksum())
        } else {
            let is_appended = position == old.size;
            let joined = old_crc64.zip(self.crc64).filter(|_| is_appended);
            let crc64 = joined.map(|(first, second)| digest::crc64_joined(first, second, self.length));
            let checksum = old_checksum().filter(|_| is_appended).and_then(|first| self.joined(&first, old.size));
            (changed_etag(&old.etag, &[&position.to_be_bytes(), &self.md5]), crc64, checksum)
        };
        let append_count = match self.target.manner {
            Manner::Append => Some(current.and_then(append_count).unwrap_or(0) + 1),
            Manner::Modify => None,
        };
        let state = ObjectState { append_count, crc64, checksum, ..changed_state(old.state.as_deref()) };
        let modified_millis = self.fresh.modified_millis;
        Object { etag, modified_millis, size: old.size.max(end), state: state.boxed(), ..old.clone() }
    }

    /// The checksum of an object of `length` bytes that has `first` and of these bytes behind it, where they are of one
    /// kind that can be joined.
    fn joined(&self, first: &Checksum, length: u64) -> Option<Checksum> {
        let second = self.checksum.as_ref()?;
        let is_one_kind = first.algorithm == second.algorithm && !first.is_composite();
        let parts = [(first.digest.as_slice(), length), (second.digest.as_slice(), self.length)];
        is_one_kind.then(|| digest::joined(first.algorithm, parts)).flatten()
    }
}

/// The refusal of a change that would scatter an object too far.
pub(super) fn too_many_pieces() -> Error {
    let why = format!("The object would lie in more than {} pieces. Put it anew as a whole.", limits::PIECE_COUNT_MAX);
    Code::InvalidRequest.because(why)
}
