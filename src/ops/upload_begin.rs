//! `POST /bucket/key?uploads` (OBS reference, "Initiating a Multipart Upload"): what the object is made of beside its
//! bytes is decided here, and kept until it is completed.

use std::sync::Arc;

use hyper::Method;

use super::draft::Draft;
use super::upload::Spelling;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::access::acl::check_grantees;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::meta::{Upload, UploadId};
use crate::quota::Rule;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Layout, Writer};
use crate::wire::{Head, Reply};

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
    refuse_checksums(call.head)?;
    let spelling = Spelling::parse(&call.head.query)?;
    let key = call.key()?;
    let Draft { owner, headers, storage_class, attributes } = Draft::of_upload(app, call).await?;
    let upload = Upload {
        initiated_millis: app.clock.now_millis(),
        initiator: call.caller.owner(),
        owner,
        headers,
        storage_class,
        attributes: attributes.boxed(),
        is_s3: call.head.dialect == Dialect::S3,
        checksum: None,
    };
    let id = UploadId::mint(upload.initiated_millis);
    let begun = app.store.write(|tx| {
        let bucket = call.bucket_in(tx)?;
        check_grantees(tx, upload.attributes.as_ref().and_then(|attributes| attributes.acl.as_ref()))?;
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

/// S3's further checksums are not there; that of OBS is sent with each part and with the completion.
fn refuse_checksums(head: &Head) -> Result<()> {
    match head.own_all().find(|(tail, _)| tail.to_ascii_lowercase().starts_with("checksum-")) {
        Some((tail, _)) => {
            let prefix = head.dialect.header_prefix();
            Err(Code::ServiceNotImplemented.because(format!("The header {prefix}{tail} is not implemented here.")))
        }
        None => Ok(()),
    }
}
