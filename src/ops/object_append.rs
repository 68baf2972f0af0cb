//! `POST /bucket/key?append&position=N` (OBS reference, "Appending an Object"): a first append makes an appendable
//! object, each further one has to say where it ends.

use std::sync::Arc;

use hyper::header::{ETAG, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::bucket_storage_class::class_name;
use super::object_edit::{Manner, write};
use super::object_put::{etag_value, with_new_version};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Error, Result};
use crate::quota::Rule;
use crate::storage_class::StorageClass;
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
    let own = |tail: &str| HeaderName::try_from([dialect.header_prefix(), tail].concat()).map_err(Error::internal);
    let mut reply = Reply::empty(StatusCode::OK).with(ETAG, etag_value(&hex(&written.md5))?);
    // No S3 name: the SDKs read this one in both dialects.
    let position = HeaderName::from_static("x-obs-next-append-position");
    reply.headers.insert(position, HeaderValue::from(object.size));
    if object.storage_class != StorageClass::Standard {
        let class = class_name(object.storage_class, dialect);
        reply.headers.insert(own("storage-class")?, HeaderValue::from_static(class));
    }
    if let Some(crc64) = object.state.as_ref().and_then(|state| state.crc64) {
        reply.headers.insert(own("checksum-crc64ecma")?, HeaderValue::from(crc64));
    }
    Ok(with_new_version(reply, dialect, object.version))
}
