//! `DELETE /bucket/key` (OBS reference, "Deleting an Object"). The bytes are free before the answer is sent.

use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue, IF_MATCH};
use hyper::{Method, StatusCode};

use super::file_system::check_deletable;
use super::object_put::with_version;
use super::protection::{asks_to_bypass, bypass_in};
use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::clock::UnixMillis;
use crate::error::{Code, Result};
use crate::meta::{Bucket, Deleted, Kept, Tx, VersionId};
use crate::name::{AccountId, ObjectKey};
use crate::object_lock::Bypass;
use crate::quota::Rule;
use crate::wire::dialect::Dialect;
use crate::wire::{Head, Reply};

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
    refuse_conditions(call.head)?;
    let which = Which::named(call.head.query.get("versionId"));
    let owner = call.caller.owner();
    let now = app.clock.now_millis();
    let asks = asks_to_bypass(call.head)?;
    let deleted = app.store.write(|tx| {
        let bucket = call.bucket_in(tx)?;
        let bypass = bypass_in(tx, app, call, asks, &bucket)?;
        delete_in(tx, &bucket, (key, which), bypass, owner, now)
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
    /// By the id that a request names.
    pub(super) fn named(id: Option<&str>) -> Self {
        match id.map(VersionId::parse) {
            None => Self::Newest,
            Some(Some(id)) => Self::Version(id),
            Some(None) => Self::Unheard,
        }
    }
}

/// Deletes something; deleting what is not there changes nothing. A version that is protected by more than is passed
/// over stays: 403 `AccessDenied`, and nothing was written.
pub(super) fn delete_in(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    (key, which): (&ObjectKey, Which),
    bypass: Bypass,
    owner: AccountId,
    now: UnixMillis,
) -> Result<Deleted> {
    let id = match which {
        Which::Newest => None,
        Which::Version(id) => Some(id),
        Which::Unheard => return Ok(Deleted::Nothing),
    };
    check_deletable(tx, bucket, key)?;
    let slot = tx.slot(bucket, key)?.bypassing(bypass);
    Ok(match id {
        Some(id) => tx.delete_version(slot, id, now)?,
        None => tx.delete_object(slot, owner, now)?,
    })
}

/// A deletion that depends on something must not happen without it.
fn refuse_conditions(head: &Head) -> Result<()> {
    let is_conditional = head.headers.contains_key(IF_MATCH)
        || ["if-match-size", "if-match-last-modified-time"].iter().any(|tail| head.has_own(tail));
    if is_conditional {
        return Err(Code::ServiceNotImplemented.because("Conditions on a deletion are not implemented."));
    }
    Ok(())
}

/// `x-obs-delete-marker: true`, or S3's name for it.
fn with_marker(reply: Reply, dialect: Dialect) -> Reply {
    reply.with(HeaderName::from_static(delete_marker_header(dialect)), HeaderValue::from_static("true"))
}

/// The header that says that a version is a delete marker.
pub(super) fn delete_marker_header(dialect: Dialect) -> &'static str {
    if dialect.is_obs() { "x-obs-delete-marker" } else { "x-amz-delete-marker" }
}
