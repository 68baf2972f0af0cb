//! `?tagging` of a bucket (OBS reference, "Configuring", "Obtaining" and "Deleting Tags of a Bucket").
//!
//! The document is the same for objects; [`parse_tags`] and [`write_tags`] are it.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::bucket_setting::delete_setting;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::Setting;
use crate::tag::{TagLimits, Tags};
use crate::wire::Reply;
use crate::wire::dialect::Dialect;
use crate::wire::tag_set::parse_tags;
use crate::wire::xml::{Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetBucketTagging",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("tagging")],
    action: Action::GetBucketTagging,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0050",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutBucketTagging",
    verb: Method::PUT,
    scope: Scope::Bucket,
    picks: &[Pick::Query("tagging")],
    action: Action::PutBucketTagging,
    body: BodyRule::DigestedDocument,
    growth: &[],
    parameters: &[],
    document: "obs_04_0049",
    run: |app, call| Box::pin(put(app, call)),
};

pub(super) static DELETE: Op = Op {
    name: "DeleteBucketTagging",
    verb: Method::DELETE,
    scope: Scope::Bucket,
    picks: &[Pick::Query("tagging")],
    action: Action::DeleteBucketTagging,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0051",
    run: |app, call| Box::pin(delete_setting(app, call, Setting::Tagging)),
};

const ROOT: &str = "Tagging";

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let tags = app
        .store
        .read(|tx| {
            let bucket = call.bucket_in(tx)?;
            Ok::<_, Error>(tx.bucket_tags(&bucket)?)
        })
        .await?;
    let tags = tags.ok_or_else(|| Code::NoSuchTagSet.on(call.head.target.resource()))?;
    let mut xml = Writer::document(ROOT, Some(app.namespace(call.head.dialect)), Layout::Compact);
    write_tags(&tags, &mut xml);
    Ok(Reply::xml(xml.finish()))
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let document = call.document_up_to(limits::BUCKET_TAGS_BYTES_MAX, &[ROOT], Code::MalformedTags).await?;
    let tags = parse_tags(&document.ok_or(Code::MissingRequestBody)?, Code::MalformedTags)?;
    tags.check(if call.head.dialect == Dialect::S3 { &TagLimits::S3_BUCKET } else { &TagLimits::BUCKET })?;
    app.store
        .write(|tx| {
            let mut bucket = call.bucket_in(tx)?;
            // A set of no tags is no set: there is one way for a bucket to be without.
            let put = if tags.0.is_empty() {
                tx.delete_setting(&mut bucket, Setting::Tagging)
            } else {
                tx.put_bucket_tags(&mut bucket, &tags)
            };
            Ok::<_, Error>(put?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// Writes what is inside a `<Tagging>` document.
pub(super) fn write_tags(tags: &Tags, xml: &mut Writer) {
    xml.open("TagSet");
    for tag in &tags.0 {
        xml.open("Tag").element("Key", &tag.key).element("Value", &tag.value).close();
    }
    xml.close();
}
