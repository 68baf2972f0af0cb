//! `?publicAccessBlock` and `?bucketStatus` (OBS reference, "Configuring Public Access Block for a Bucket" and its
//! neighbours; S3 reference, `PutPublicAccessBlock`): which public access is blocked, and whether there is any.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::bucket_policy::{is_public_policy, status};
use super::bucket_setting::delete_setting;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::meta::Setting;
use crate::sharing::PublicAccessBlock;
use crate::wire::Reply;
use crate::wire::xml::{Element, Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetBucketPublicAccessBlock",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("publicAccessBlock")],
    action: Action::GetBucketPublicAccessBlock,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0175",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutBucketPublicAccessBlock",
    verb: Method::PUT,
    scope: Scope::Bucket,
    picks: &[Pick::Query("publicAccessBlock")],
    action: Action::PutBucketPublicAccessBlock,
    body: BodyRule::Document,
    growth: &[],
    parameters: &[],
    document: "obs_04_0174",
    run: |app, call| Box::pin(put(app, call)),
};

pub(super) static DELETE: Op = Op {
    name: "DeleteBucketPublicAccessBlock",
    verb: Method::DELETE,
    scope: Scope::Bucket,
    picks: &[Pick::Query("publicAccessBlock")],
    action: Action::DeleteBucketPublicAccessBlock,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0176",
    run: |app, call| Box::pin(delete_setting(app, call, Setting::PublicAccessBlock)),
};

pub(super) static GET_STATUS: Op = Op {
    name: "GetBucketPublicStatus",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("bucketStatus")],
    action: Action::GetBucketPublicStatus,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0177",
    run: |app, call| Box::pin(get_status(app, call)),
};

const ROOT: &str = "PublicAccessBlockConfiguration";
/// The switches by their names in the document, in its order.
const SWITCHES: [(&str, Switch); 4] = [
    ("BlockPublicAcls", |block| &mut block.block_public_acls),
    ("IgnorePublicAcls", |block| &mut block.ignore_public_acls),
    ("BlockPublicPolicy", |block| &mut block.block_public_policy),
    ("RestrictPublicBuckets", |block| &mut block.restrict_public_buckets),
];

type Switch = fn(&mut PublicAccessBlock) -> &mut bool;

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let read = app.store.read(|tx| {
        let bucket = call.bucket_in(tx)?;
        Ok::<_, Error>(tx.public_access_block(&bucket)?)
    });
    let missing = || Code::NoSuchPublicAccessBlockConfiguration.on(call.head.target.resource());
    let mut block = read.await?.ok_or_else(missing)?;
    let mut xml = Writer::document(ROOT, Some(app.namespace(call.head.dialect)), Layout::Compact);
    for (name, switch) in SWITCHES {
        xml.element(name, if *switch(&mut block) { "true" } else { "false" });
    }
    Ok(Reply::xml(xml.finish()))
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let document = call.document(&[ROOT], Code::MalformedXml).await?.ok_or(Code::MissingRequestBody)?;
    let block = parse(&document)?;
    app.store
        .write(|tx| {
            let mut bucket = call.bucket_in(tx)?;
            Ok::<_, Error>(tx.put_public_access_block(&mut bucket, block)?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::OK))
}

/// Whether policy or list give anyone anything in fact: what is blocked does not count.
async fn get_status(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let controls = call.permit.controls();
    let by_policy = !controls.block.restrict_public_buckets && is_public_policy(app, call).await?;
    let is_public = by_policy || controls.opens_by_acl(call.bucket()?);
    Ok(status(app, call, "BucketStatus", is_public))
}

/// A switch that is not there is off. Published SDKs write `True`.
fn parse(document: &Element) -> Result<PublicAccessBlock> {
    let mut block = PublicAccessBlock::default();
    let mut seen = Vec::new();
    for child in &document.children {
        let found = SWITCHES.iter().find(|(name, _)| *name == child.name);
        let (name, switch) = found.filter(|(name, _)| !seen.contains(name)).ok_or(Code::MalformedXml)?;
        seen.push(*name);
        *switch(&mut block) = match child.text_trimmed().to_ascii_lowercase().as_str() {
            "true" => true,
            "false" => false,
            _ => return Err(Code::MalformedXml.into()),
        };
    }
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_up_to_four_switches() {
        let check = |content: &str, expected: Option<[bool; 4]>| {
            let document =
                Element::parse(format!("<{ROOT}>{content}</{ROOT}>").as_bytes(), Code::MalformedXml).unwrap();
            let found = parse(&document).map(|mut block| SWITCHES.map(|(_, switch)| *switch(&mut block)));
            assert_eq!(found.map_err(|error| error.code()), expected.ok_or(Code::MalformedXml), "{content}");
        };
        check("", Some([false; 4]));
        check("<BlockPublicAcls>true</BlockPublicAcls>", Some([true, false, false, false]));
        check(
            "<RestrictPublicBuckets> True </RestrictPublicBuckets><BlockPublicPolicy>TRUE</BlockPublicPolicy>\
             <IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicAcls>False</BlockPublicAcls>",
            Some([false, true, true, true]),
        );
        for bad in [
            "<BlockPublicAcls/>",
            "<BlockPublicAcls>1</BlockPublicAcls>",
            "<BlockPublic>true</BlockPublic>",
            "<BlockPublicAcls>true</BlockPublicAcls><BlockPublicAcls>true</BlockPublicAcls>",
        ] {
            check(bad, None);
        }
    }
}
