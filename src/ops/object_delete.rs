//! `DELETE /bucket/key` (OBS reference, "Deleting an Object"). The bytes are free before the answer is sent.

use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::file_system::check_deletable;
use super::object_get::version_id;
use super::object_put::with_version;
use super::protection::{asks_to_bypass, bypass_in};
use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::clock::UnixMillis;
use crate::error::Result;
use crate::meta::{Bucket, DeleteMarker, Deleted, Kept, Object, Tx, VersionId};
use crate::name::{AccountId, ObjectKey};
use crate::object_lock::Bypass;
use crate::quota::Rule;
use crate::wire::Reply;
use crate::wire::conditions::Verdict;
use crate::wire::delete_conditions::{DeleteConditions, Doomed};
use crate::wire::dialect::Dialect;

pub(super) static DELETE: Op = Op {
    name: "DeleteObject",
    verb: Method::DELETE,
    scope: Scope::Object,
    picks: &[],
    action: Action::DeleteObject,
    body: BodyRule::Empty,
    growth: &[Rule::Delete, Rule::DeleteMarker],
    parameters: &["versionId"],
    document: "obs_04_0085",
    run: |app, call| Box::pin(delete(app, call)),
};

async fn delete(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let key = call.key()?;
    let conditions = DeleteConditions::parse(call.head)?;
    let which = Which::named(call.head.query.get("versionId"), call.head.dialect)?;
    let owner = call.caller.owner();
    let now = app.clock.now_millis();
    let asks = asks_to_bypass(call.head)?;
    let deleted = app.store.write(|tx| {
        let bucket = call.bucket_in(tx)?;
        let bypass = bypass_in(tx, app, call, asks, &bucket)?;
        delete_in(tx, &bucket, key, Doom { which, conditions: &conditions, bypass }, owner, now)
    });
    let dialect = call.head.dialect;
    let reply = Reply::empty(StatusCode::NO_CONTENT);
    Ok(match deleted.await? {
        Deleted::Marked(version) => with_version(with_marker(reply, dialect), dialect, version),
        Deleted::Gone(kept) if which != Which::Newest => {
            let reply = if matches!(*kept, Kept::Marker(_)) { with_marker(reply, dialect) } else { reply };
            with_version(reply, dialect, kept.version())
        }
        Deleted::Gone(_) | Deleted::Nothing => reply,
    })
}

/// What of a key is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The key, as its bucket's versioning has it.
    Newest,
    /// This version.
    Version(VersionId),
    /// A version by an id that none was ever given.
    Unheard,
}

impl Which {
    /// By the id that a request names; one that is none is refused as [`version_id`] says.
    pub(super) fn named(id: Option<&str>, dialect: Dialect) -> Result<Self> {
        Ok(match id.map(|id| version_id(id, dialect)).transpose()? {
            None => Self::Newest,
            Some(Some(id)) => Self::Version(id),
            Some(None) => Self::Unheard,
        })
    }
}

/// What of a key is to be deleted, if what is there is as the client knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doom<'c> {
    pub(super) which: Which,
    pub(super) conditions: &'c DeleteConditions,
    /// What protection is passed over.
    pub(super) bypass: Bypass,
}

/// Deletes something; deleting what is not there changes nothing. A version that is protected by more than is passed
/// over stays: 403 `AccessDenied`, and nothing was written.
///
/// 412 `PreconditionFailed`, before anything is written, where a condition does not hold of the version that is there. Where
/// there is none, there is nothing to hold it against, and nothing is done: not even a delete marker comes.
pub(super) fn delete_in(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    key: &ObjectKey,
    doom: Doom<'_>,
    owner: AccountId,
    now: UnixMillis,
) -> Result<Deleted> {
    let id = match doom.which {
        Which::Newest => None,
        Which::Version(id) => Some(id),
        Which::Unheard => return Ok(Deleted::Nothing),
    };
    check_deletable(tx, bucket, key)?;
    let slot = tx.slot(bucket, key)?.bypassing(doom.bypass);
    if !doom.conditions.is_empty() {
        let known = match id {
            Some(id) => tx.version(bucket.id, key, id)?.as_ref().map(|kept| check_kept(doom.conditions, kept)),
            None => slot
                .current()
                .map(|object| check_object(doom.conditions, object))
                .or_else(|| slot.marker().map(|marker| check_marker(doom.conditions, marker))),
        };
        match known {
            None => return Ok(Deleted::Nothing),
            Some(Err(header)) => return Err(Verdict::refusal(header)),
            Some(Ok(())) => {}
        }
    }
    Ok(match id {
        Some(id) => tx.delete_version(slot, id, now)?,
        None => tx.delete_object(slot, owner, now)?,
    })
}

/// `Err` is the condition that does not hold.
type Held = std::result::Result<(), &'static str>;

fn check_kept(conditions: &DeleteConditions, kept: &Kept) -> Held {
    match kept {
        Kept::Object(object) => check_object(conditions, object),
        Kept::Marker(marker) => check_marker(conditions, marker),
    }
}

fn check_object(conditions: &DeleteConditions, object: &Object) -> Held {
    let (etag, size) = (Some(object.etag.as_str()), Some(object.size));
    conditions.check(Doomed { etag, modified_millis: object.modified_millis, size })
}

fn check_marker(conditions: &DeleteConditions, marker: &DeleteMarker) -> Held {
    conditions.check(Doomed { etag: None, modified_millis: marker.modified_millis, size: None })
}

/// `x-obs-delete-marker: true`, or S3's name for it.
fn with_marker(reply: Reply, dialect: Dialect) -> Reply {
    reply.with(HeaderName::from_static(delete_marker_header(dialect)), HeaderValue::from_static("true"))
}

/// The header that says that a version is a delete marker.
pub(super) fn delete_marker_header(dialect: Dialect) -> &'static str {
    if dialect.is_obs() { "x-obs-delete-marker" } else { "x-amz-delete-marker" }
}
