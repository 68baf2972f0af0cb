//! `POST /bucket/key?append&position=N` (OBS reference, "Appending an Object"): a first append makes an appendable
//! object, each further one has to say where it ends.

use std::sync::Arc;

use hyper::header::{ETAG, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::object_edit::{Manner, write};
use super::object_put::{etag_value, with_new_version};
use super::object_reply::describe_stored;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::Result;
use crate::quota::Rule;
use crate::wire::{Reply, hex};

pub(super) static POST: Op = Op {
    name: "AppendObject",
    verb: Method::POST,
    scope: Scope::Object,
    picks: &[Pick::Query("append")],
    action: Action::PutObject,
    body: BodyRule::Stream,
    growth: &[Rule::Put, Rule::Append],
    parameters: &["position"],
    document: "obs_04_0088",
    run: |app, call| Box::pin(post(app, call)),
};

/// The tag in the answer is the MD5 of what was appended, not the object's (OBS reference).
async fn post(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let written = write(app, call, Manner::Append).await?;
    let (dialect, object) = (call.head.dialect, written.object);
    let mut reply = Reply::empty(StatusCode::OK).with(ETAG, etag_value(&hex(&written.md5))?);
    // No S3 name: the SDKs read this one in both dialects.
    let position = HeaderName::from_static("x-obs-next-append-position");
    reply.headers.insert(position, HeaderValue::from(object.size));
    describe_stored(&object, dialect, &mut reply.headers)?;
    Ok(with_new_version(reply, dialect, object.version))
}
