//! `?location` (OBS reference, "Obtaining Bucket Location"). The two dialects have different documents.

use std::sync::Arc;

use hyper::Method;

use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::Result;
use crate::wire::Reply;
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
    if dialect.is_obs() {
        xml = Writer::document("Location", namespace, Layout::Compact);
        xml.text(region);
    } else {
        xml = Writer::document("CreateBucketConfiguration", namespace, Layout::Compact);
        xml.element("LocationConstraint", region);
    }
    Ok(Reply::xml(xml.finish()))
}
