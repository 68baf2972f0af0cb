//! `DELETE /bucket/key` (OBS reference, "Deleting an Object"). The bytes are free before the answer is sent.

use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::file_system::check_deletable;
use super::object_put::with_version;
use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Error, Result};
use crate::meta::{Deleted, Kept, VersionId};
use crate::quota::Rule;
use crate::wire::Reply;
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
    let named = call.head.query.get("versionId");
    let id = match named.map(VersionId::parse) {
        // What no version was ever called cannot be there; deleting what is not there changes nothing.
        Some(None) => return Ok(Reply::empty(StatusCode::NO_CONTENT)),
        Some(Some(id)) => Some(id),
        None => None,
    };
    let owner = call.caller.owner();
    let now = app.clock.now_millis();
    let deleted = app.store.write(|tx| {
        let bucket = call.bucket_in(tx)?;
        check_deletable(tx, &bucket, key)?;
        let slot = tx.slot(&bucket, key)?;
        Ok::<_, Error>(match id {
            Some(id) => tx.delete_version(slot, id, now)?,
            None => tx.delete_object(slot, owner, now)?,
        })
    });
    let dialect = call.head.dialect;
    let reply = Reply::empty(StatusCode::NO_CONTENT);
    Ok(match deleted.await? {
        Deleted::Marked(version) => with_version(with_marker(reply, dialect), dialect, version),
        Deleted::Gone(kept) if id.is_some() => {
            let reply = if matches!(*kept, Kept::Marker(_)) { with_marker(reply, dialect) } else { reply };
            with_version(reply, dialect, kept.version())
        }
        Deleted::Gone(_) | Deleted::Nothing => reply,
    })
}

/// `x-obs-delete-marker: true`, or S3's name for it.
fn with_marker(reply: Reply, dialect: Dialect) -> Reply {
    reply.with(HeaderName::from_static(delete_marker_header(dialect)), HeaderValue::from_static("true"))
}

/// The header that says that a version is a delete marker.
pub(super) fn delete_marker_header(dialect: Dialect) -> &'static str {
    if dialect.is_obs() { "x-obs-delete-marker" } else { "x-amz-delete-marker" }
}
