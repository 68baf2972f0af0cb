//! `HEAD /?apiversion`: the OBS SDKs' protocol probe, sent without a signature before their first call on a bucket.
//! A 404 is handed to the SDK's caller as the result of that call, so only a bucket that is missing gives one.

use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::Result;
use crate::wire::Reply;

pub(super) static HEAD: Op = Op {
    name: "GetApiVersion",
    verb: Method::HEAD,
    scope: Scope::Service,
    picks: &[Pick::Query("apiversion")],
    action: Action::Probe,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "OBS SDKs",
    run: |app, call| Box::pin(head(app, call)),
};

pub(super) static HEAD_BUCKET: Op = Op {
    name: "GetBucketApiVersion",
    verb: Method::HEAD,
    scope: Scope::Bucket,
    picks: &[Pick::Query("apiversion")],
    action: Action::Probe,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "OBS SDKs",
    run: |app, call| Box::pin(head(app, call)),
};

const API: HeaderName = HeaderName::from_static("x-obs-api");

#[expect(clippy::unused_async, reason = "the shape of every handler")]
async fn head(_: &Arc<App>, _: &mut Call<'_>) -> Result<Reply> {
    Ok(Reply::empty(StatusCode::OK).with(API, HeaderValue::from_static("3.0")))
}
