//! `PUT /bucket/key?modify&position=N` (OBS reference, "Modifying an Object"): parallel file systems only. A position
//! behind the end leaves a hole, and a file that is not there begins empty.

use std::sync::Arc;

use hyper::header::ETAG;
use hyper::{Method, StatusCode};

use super::object_edit::{Manner, write};
use super::object_put::etag_value;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::Result;
use crate::quota::Rule;
use crate::wire::{Reply, hex};

pub(super) static PUT: Op = Op {
    name: "ModifyObject",
    verb: Method::PUT,
    scope: Scope::Object,
    picks: &[Pick::Query("modify")],
    action: Action::PutObject,
    body: BodyRule::Stream,
    growth: &[Rule::Put, Rule::Modify],
    parameters: &["position"],
    document: "obs_04_0092",
    run: |app, call| Box::pin(put(app, call)),
};

/// The tag in the answer is the MD5 of what was written.
async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let written = write(app, call, Manner::Modify).await?;
    Ok(Reply::empty(StatusCode::OK).with(ETAG, etag_value(&hex(&written.md5))?))
}
