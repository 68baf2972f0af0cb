//! `POST /bucket/key?uploads` (OBS reference, "Initiating a Multipart Upload"): what the object is made of beside its
//! bytes is decided here, and kept until it is completed.

use std::sync::Arc;

use hyper::Method;

use super::object_put::refuse_unsupported;
use super::upload::{Spelling, caller_id};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Error, Result};
use crate::headers::ObjectHeaders;
use crate::meta::{Upload, UploadId};
use crate::quota::Rule;
use crate::wire::Reply;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Layout, Writer};

pub(super) static POST: Op = Op {
    name: "InitiateMultipartUpload",
    verb: Method::POST,
    scope: Scope::Object,
    picks: &[Pick::Query("uploads")],
    action: Action::PutObject,
    body: BodyRule::Empty,
    growth: &[Rule::Initiate],
    parameters: &["encoding-type"],
    document: "obs_04_0098",
    run: |app, call| Box::pin(post(app, call)),
};

async fn post(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    refuse_unsupported(call.head)?;
    let spelling = Spelling::parse(&call.head.query)?;
    let key = call.key()?;
    let upload = Upload {
        initiated_millis: app.clock.now_millis(),
        initiator: caller_id(call),
        owner: caller_id(call),
        headers: ObjectHeaders::parse(call.head)?,
        storage_class: call.bucket()?.storage_class,
        attributes: None,
        is_s3: call.head.dialect == Dialect::S3,
        checksum: None,
    };
    let id = UploadId::mint(upload.initiated_millis);
    let begun = app.store.write(|tx| {
        let bucket = call.bucket_in(tx)?;
        Ok::<_, Error>(tx.begin_upload(&bucket, key, id, &upload)?)
    });
    begun.await?;
    let namespace = app.namespace(call.head.dialect);
    let mut xml = Writer::document("InitiateMultipartUploadResult", Some(namespace), Layout::Compact);
    spelling.announce(&mut xml);
    xml.element("Bucket", call.bucket()?.name.as_str());
    spelling.element(&mut xml, "Key", key.as_str());
    xml.element("UploadId", &id.to_string());
    Ok(Reply::xml(xml.finish()))
}
