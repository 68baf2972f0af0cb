//! `?tagging` of a bucket (OBS reference, "Configuring", "Obtaining" and "Deleting Tags of a Bucket").
//!
//! The document is the same for objects; [`parse_tags`] and [`write_tags`] are it.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::meta::Setting;
use crate::tag::{Tag, TagLimits, Tags};
use crate::wire::Reply;
use crate::wire::xml::{Element, Layout, Writer};

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
    run: |app, call| Box::pin(delete(app, call)),
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
    let document = call.document(&[ROOT], Code::MalformedTags).await?.ok_or(Code::MissingRequestBody)?;
    let tags = parse_tags(&document, Code::MalformedTags)?;
    tags.check(&TagLimits::BUCKET)?;
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

async fn delete(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    app.store
        .write(|tx| {
            let mut bucket = call.bucket_in(tx)?;
            Ok::<_, Error>(tx.delete_setting(&mut bucket, Setting::Tagging)?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// The tags of a `<Tagging>` document, as they were written, blanks included; what they may be is [`Tags::check`]'s
/// to say. A document without its elements has the code `malformed`.
pub(super) fn parse_tags(document: &Element, malformed: Code) -> Result<Tags> {
    let text = |tag: &Element, name: &str| {
        let element = only(tag, name).filter(|element| element.children.is_empty())?;
        Some(element.text.clone())
    };
    let set = only(document, "TagSet").ok_or(malformed)?;
    let mut tags = Vec::new();
    for tag in set.children_named("Tag") {
        let (Some(key), Some(value)) = (text(tag, "Key"), text(tag, "Value")) else {
            return Err(malformed.into());
        };
        tags.push(Tag { key, value });
    }
    Ok(Tags(tags))
}

/// Writes what is inside a `<Tagging>` document.
pub(super) fn write_tags(tags: &Tags, xml: &mut Writer) {
    xml.open("TagSet");
    for tag in &tags.0 {
        xml.open("Tag").element("Key", &tag.key).element("Value", &tag.value).close();
    }
    xml.close();
}

/// The child of that name, if there is exactly one.
fn only<'e>(element: &'e Element, name: &'e str) -> Option<&'e Element> {
    let mut children = element.children_named(name);
    children.next().filter(|_| children.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: Option<&[(&str, &str)]>) {
        let document = format!("<Tagging>{content}</Tagging>");
        let document = Element::parse(document.as_bytes(), Code::MalformedTags).unwrap();
        let found = parse_tags(&document, Code::MalformedTags).map_err(|error| error.code());
        let tag = |(key, value): &(&str, &str)| Tag { key: (*key).to_owned(), value: (*value).to_owned() };
        let expected = expected.map(|tags| Tags(tags.iter().map(tag).collect()));
        assert_eq!(found, expected.ok_or(Code::MalformedTags), "{content}");
    }

    #[test]
    fn a_set_has_tags_and_a_tag_has_two_parts() {
        check("<TagSet/>", Some(&[]));
        check("<TagSet><Tag><Value> v </Value><Key>k</Key></Tag></TagSet>", Some(&[("k", " v ")]));
        check(
            "<TagSet><Tag><Key>b</Key><Value/></Tag>\n<Other/><Tag><Key>a</Key><Value>&amp;</Value></Tag></TagSet>",
            Some(&[("b", ""), ("a", "&")]),
        );
        check("", None);
        check("<Tag><Key>k</Key><Value>v</Value></Tag>", None);
        check("<TagSet/><TagSet/>", None);
        check("<TagSet><Tag/></TagSet>", None);
        check("<TagSet><Tag><Key>k</Key></Tag></TagSet>", None);
        check("<TagSet><Tag><Value>v</Value></Tag></TagSet>", None);
        check("<TagSet><Tag><Key>k</Key><Key>k</Key><Value/></Tag></TagSet>", None);
        check("<TagSet><Tag><Key><a/></Key><Value/></Tag></TagSet>", None);
    }
}
