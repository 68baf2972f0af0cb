//! `?acl` of an object (OBS reference, "Configuring an Object ACL", "Obtaining Object ACL Information"): by a header or
//! by a document. Each version has a list of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::object_get::find_in;
use super::object_record::change_record;
use super::object_tagging::about;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::acl::{self, Change, Kind, Owners};
use crate::access::{Action, Controls};
use crate::app::App;
use crate::attributes::Attributes;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::Object;
use crate::wire::Reply;

pub(super) static GET: Op = Op {
    name: "GetObjectAcl",
    verb: Method::GET,
    scope: Scope::Object,
    picks: &[Pick::Query("acl")],
    action: Action::GetObjectAcl,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &["versionId"],
    document: "obs_04_0090",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutObjectAcl",
    verb: Method::PUT,
    scope: Scope::Object,
    picks: &[Pick::Query("acl")],
    action: Action::PutObjectAcl,
    body: BodyRule::Document,
    growth: &[],
    parameters: &["versionId"],
    document: "obs_04_0089",
    run: |app, call| Box::pin(put(app, call)),
};

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let dialect = call.head.dialect;
    let read = app.store.read(|tx| {
        let object = find_in(tx, call)?;
        let (owner, list) = call.permit.effective(object.owner, object.acl());
        // Only S3's documents show names.
        let names = if dialect.is_obs() { BTreeMap::new() } else { acl::names(tx, owner, list)? };
        Ok::<_, Error>((object, names))
    });
    let (object, names) = read.await?;
    let namespace = app.namespace(dialect);
    let (owner, list) = call.permit.effective(object.owner, object.acl());
    let document = acl::document(dialect, namespace, Kind::Object, owner, list, &names);
    about(Reply::xml(document), call, &object)
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let roots = ["AccessControlPolicy"];
    let document = call.document_up_to(limits::ACL_DOCUMENT_BYTES_MAX, &roots, Code::MalformedAclError).await?;
    let changed = change_record(app, call, |tx, object| {
        let bucket = call.bucket_in(tx)?;
        let controls = Controls::read(tx, &bucket)?;
        let (owner, _) = controls.effective(bucket.owner, object.owner, None);
        let what = (Kind::Object, Owners { owner, bucket_owner: bucket.owner });
        let change = acl::replace(tx, controls, |tail| call.head.own(tail), document.as_ref(), what)?;
        let Change::To(acl) = change else { return Ok(object) };
        let attributes = object.attributes.map_or_else(Attributes::default, |attributes| *attributes);
        Ok(Object { attributes: Attributes { acl, ..attributes }.boxed(), ..object })
    });
    let object = changed.await?;
    about(Reply::empty(StatusCode::OK), call, &object)
}
