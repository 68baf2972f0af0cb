//! `DELETE /bucket/key` (OBS reference, "Deleting an Object"). The bytes are free before the answer is sent.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Error, Result};
use crate::quota::Rule;
use crate::wire::Reply;

pub(super) static DELETE: Op = Op {
    name: "DeleteObject",
    verb: Method::DELETE,
    scope: Scope::Object,
    picks: &[],
    action: Action::DeleteObject,
    body: BodyRule::Empty,
    growth: &[Rule::Delete],
    parameters: &["versionId"],
    document: "obs_04_0085",
    run: |app, call| Box::pin(delete(app, call)),
};

async fn delete(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    // Without versioning every object is the null version; deleting one that is not there changes nothing.
    if call.head.query.get("versionId").is_some_and(|version| version != "null") {
        return Ok(Reply::empty(StatusCode::NO_CONTENT));
    }
    let key = call.key()?;
    app.store
        .write(|tx| {
            let bucket = call.bucket_in(tx)?;
            let slot = tx.slot(&bucket, key)?;
            Ok::<_, Error>(tx.delete_object(slot, call.now)?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
