//! `?tagging` of an object (OBS reference, "Adding Tags to an Object" and its neighbours). Each version has tags of its
//! own; a set without any is no set.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::bucket_tagging::write_tags;
use super::draft::{stored_tags, tag_limits};
use super::object_get::find_in;
use super::object_put::with_version;
use super::object_record::change_record;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::attributes::Attributes;
use crate::error::{Code, Result};
use crate::meta::{Object, Versioning};
use crate::tag::{Tag, Tags};
use crate::wire::Reply;
use crate::wire::tag_set::parse_tags;
use crate::wire::xml::{Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetObjectTagging",
    verb: Method::GET,
    scope: Scope::Object,
    picks: &[Pick::Query("tagging")],
    action: Action::GetObjectTagging,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &["versionId"],
    document: "obs_04_0173",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutObjectTagging",
    verb: Method::PUT,
    scope: Scope::Object,
    picks: &[Pick::Query("tagging")],
    action: Action::PutObjectTagging,
    body: BodyRule::DigestedDocument,
    growth: &[],
    parameters: &["versionId"],
    document: "obs_04_0172",
    run: |app, call| Box::pin(put(app, call)),
};

pub(super) static DELETE: Op = Op {
    name: "DeleteObjectTagging",
    verb: Method::DELETE,
    scope: Scope::Object,
    picks: &[Pick::Query("tagging")],
    action: Action::DeleteObjectTagging,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &["versionId"],
    document: "obs_04_0174",
    run: |app, call| Box::pin(delete(app, call)),
};

const ROOT: &str = "Tagging";

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let object = app.store.read(|tx| find_in(tx, call)).await?;
    let dialect = call.head.dialect;
    let tags = object.tags().iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() });
    let mut tags = Tags(tags.collect());
    if !dialect.is_obs() {
        tags.0.sort_by(|a, b| a.key.cmp(&b.key));
    } else if tags.0.is_empty() {
        return Err(Code::NoSuchTagSet.on(call.head.target.resource()));
    }
    let mut xml = Writer::document(ROOT, Some(app.namespace(dialect)), Layout::Compact);
    write_tags(&tags, &mut xml);
    about(Reply::xml(xml.finish()), call, &object)
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let document = call.document(&[ROOT], Code::MalformedXml).await?.ok_or(Code::MissingRequestBody)?;
    let tags = parse_tags(&document, Code::MalformedXml)?;
    tags.check(tag_limits(call.head.dialect))?;
    let tags = stored_tags(tags);
    call.permit.will_tag(&tags);
    let object = set(app, call, &tags).await?;
    about(Reply::empty(StatusCode::OK), call, &object)
}

async fn delete(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let object = set(app, call, &[]).await?;
    about(Reply::empty(StatusCode::NO_CONTENT), call, &object)
}

async fn set(app: &App, call: &Call<'_>, tags: &[(String, String)]) -> Result<Object> {
    let change = |object: Object| {
        let attributes = object.attributes.map_or_else(Attributes::default, |attributes| *attributes);
        Object { attributes: Attributes { tags: tags.to_vec(), ..attributes }.boxed(), ..object }
    };
    change_record(app, call, |_, object| Ok(change(object))).await
}

/// Says which version an answer is about, where there are versions.
pub(super) fn about(reply: Reply, call: &Call<'_>, object: &Object) -> Result<Reply> {
    Ok(match call.bucket()?.versioning {
        Versioning::Off => reply,
        Versioning::Enabled | Versioning::Suspended => with_version(reply, call.head.dialect, object.version),
    })
}
