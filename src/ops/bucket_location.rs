//! `?location` (OBS reference, "Obtaining Bucket Location"). Every dialect has a document of its own (S3
//! reference, `GetBucketLocation`).

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
    let mut xml;
    match dialect {
        Dialect::Obs => {
            xml = Writer::document("Location", namespace, Layout::Compact);
            xml.text(region);
        }
        Dialect::AwsV2 => {
            xml = Writer::document("CreateBucketConfiguration", namespace, Layout::Compact);
            xml.element("LocationConstraint", region);
        }
        Dialect::S3 => {
            xml = Writer::document("LocationConstraint", namespace, Layout::Compact);
            // The first region of all has no name here.
            xml.text(if region == "us-east-1" { "" } else { region });
        }
    }
    Ok(Reply::xml(xml.finish()))
}
