//! `?storageinfo` (OBS reference, "Obtaining Storage Information of a Bucket"): the counters that the quota is
//! tested against, to the byte.

use std::sync::Arc;

use hyper::Method;

use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::Result;
use crate::wire::Reply;
use crate::wire::xml::{Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetBucketStorageInfo",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("storageinfo")],
    action: Action::GetBucketStorage,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0054",
    run: |app, call| Box::pin(get(app, call)),
};

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let bucket = call.bucket()?.id;
    let usage = app.store.read(|tx| tx.bucket_usage(bucket)).await?;
    let namespace = app.namespace(call.head.dialect);
    let mut xml = Writer::document("GetBucketStorageInfoResult", Some(namespace), Layout::Compact);
    // Counters never fall below zero: the ledger refuses such a change.
    xml.number("Size", u64::try_from(usage.used_bytes()).unwrap_or(0));
    xml.number("ObjectNumber", u64::try_from(usage.used_objects()).unwrap_or(0));
    Ok(Reply::xml(xml.finish()))
}
