//! `?location` (OBS reference, "Obtaining Bucket Location"; S3 reference, GetBucketLocation). There are three documents for
//! one word: OBS's own, the one OBS prints for `x-amz-` and its SDKs read by IP, and AWS's, whose clients read the root's text.

use std::sync::Arc;

use hyper::Method;

use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::Result;
use crate::wire::Reply;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetBucketLocation",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("location")],
    action: Action::GetBucketLocation,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0024",
    run: |app, call| Box::pin(get(app, call)),
};

#[expect(clippy::unused_async, reason = "the shape of every handler")]
async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let region = &call.bucket()?.region;
    let dialect = call.head.dialect;
    let namespace = Some(app.namespace(dialect));
    let root = match dialect {
        Dialect::Obs => "Location",
        Dialect::AwsV2 => "CreateBucketConfiguration",
        Dialect::S3 => "LocationConstraint",
    };
    let mut xml = Writer::document(root, namespace, Layout::Compact);
    if dialect == Dialect::AwsV2 {
        xml.element("LocationConstraint", region);
    } else {
        xml.text(region);
    }
    Ok(Reply::xml(xml.finish()))
}
