//! `?acl` of a bucket (OBS reference, "Configuring a Bucket ACL", "Obtaining Bucket ACL Information"): by a header or
//! by a document.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::acl::{self, Change, Kind, Owners};
use crate::access::{Action, Controls};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::wire::Reply;

pub(super) static GET: Op = Op {
    name: "GetBucketAcl",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("acl")],
    action: Action::GetBucketAcl,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0031",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutBucketAcl",
    verb: Method::PUT,
    scope: Scope::Bucket,
    picks: &[Pick::Query("acl")],
    action: Action::PutBucketAcl,
    body: BodyRule::Document,
    growth: &[],
    parameters: &[],
    document: "obs_04_0030",
    run: |app, call| Box::pin(put(app, call)),
};

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let dialect = call.head.dialect;
    let bucket = call.bucket()?;
    let (owner, list) = call.permit.effective(bucket.owner, bucket.acl.as_deref());
    let names =
        if dialect.is_obs() { BTreeMap::new() } else { app.store.read(|tx| acl::names(tx, owner, list)).await? };
    Ok(Reply::xml(acl::document(dialect, app.namespace(dialect), Kind::Bucket, owner, list, &names)))
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let owners = Owners::of_bucket(call.bucket()?.owner);
    let (bytes_max, roots) = (limits::ACL_DOCUMENT_BYTES_MAX, ["AccessControlPolicy"]);
    let document = call.document_up_to(bytes_max, &roots, Code::MalformedAclError).await?;
    let what = (Kind::Bucket, owners);
    app.store
        .write(|tx| {
            let mut bucket = call.bucket_in(tx)?;
            let controls = Controls::read(tx, &bucket)?;
            match acl::replace(tx, controls, |tail| call.head.own(tail), document.as_ref(), what)? {
                Change::Keep => Ok(()),
                Change::To(list) => {
                    bucket.acl = list.map(Box::new);
                    Ok::<_, Error>(tx.put_bucket(&bucket)?)
                }
            }
        })
        .await?;
    Ok(Reply::empty(StatusCode::OK))
}
