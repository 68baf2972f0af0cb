//! `?location` (OBS reference, "Obtaining Bucket Location"). Each dialect has a document of its own.

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
    let document = |root| Writer::document(root, namespace, Layout::Compact);
    let mut xml;
    match dialect {
        Dialect::Obs => {
            xml = document("Location");
            xml.text(region);
        }
        // What the SDKs of OBS read by IP.
        Dialect::AwsV2 => {
            xml = document("CreateBucketConfiguration");
            xml.element("LocationConstraint", region);
        }
        Dialect::S3 => {
            xml = document("LocationConstraint");
            // The first region of all has no name here (S3 reference, `GetBucketLocation`).
            xml.text(if region == "us-east-1" { "" } else { region });
        }
    }
    Ok(Reply::xml(xml.finish()))
}
