//! `?ownershipControls` (S3 reference, `PutBucketOwnershipControls` and its neighbours): whose the objects are that are
//! written into a bucket, and whether lists count there.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::bucket_setting::delete_setting;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::{Action, check_disabling};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::meta::Setting;
use crate::sharing::Ownership;
use crate::wire::Reply;
use crate::wire::xml::{Element, Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetBucketOwnershipControls",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("ownershipControls")],
    action: Action::GetBucketOwnershipControls,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "S3 reference",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutBucketOwnershipControls",
    verb: Method::PUT,
    scope: Scope::Bucket,
    picks: &[Pick::Query("ownershipControls")],
    action: Action::PutBucketOwnershipControls,
    body: BodyRule::Document,
    growth: &[],
    parameters: &[],
    document: "S3 reference",
    run: |app, call| Box::pin(put(app, call)),
};

pub(super) static DELETE: Op = Op {
    name: "DeleteBucketOwnershipControls",
    verb: Method::DELETE,
    scope: Scope::Bucket,
    picks: &[Pick::Query("ownershipControls")],
    action: Action::DeleteBucketOwnershipControls,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "S3 reference",
    run: |app, call| Box::pin(delete_setting(app, call, Setting::OwnershipControls)),
};

const ROOT: &str = "OwnershipControls";

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let read = app.store.read(|tx| {
        let bucket = call.bucket_in(tx)?;
        Ok::<_, Error>(tx.ownership(&bucket)?)
    });
    let ownership = read.await?.ok_or_else(|| Code::OwnershipControlsNotFound.on(call.head.target.resource()))?;
    let mut xml = Writer::document(ROOT, Some(app.namespace(call.head.dialect)), Layout::Compact);
    xml.open("Rule").element("ObjectOwnership", ownership.name()).close();
    Ok(Reply::xml(xml.finish()))
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let document = call.document(&[ROOT], Code::MalformedXml).await?.ok_or(Code::MissingRequestBody)?;
    let ownership = parse(&document)?;
    app.store
        .write(|tx| {
            let mut bucket = call.bucket_in(tx)?;
            if ownership == Ownership::BucketOwnerEnforced {
                check_disabling(bucket.owner, bucket.acl.as_deref())?;
            }
            Ok::<_, Error>(tx.put_ownership(&mut bucket, ownership)?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::OK))
}

/// The one rule of a document.
fn parse(document: &Element) -> Result<Ownership> {
    let [rule] = &*document.children else { return Err(Code::MalformedXml.into()) };
    let [ownership] = &*rule.children else { return Err(Code::MalformedXml.into()) };
    let is_rule = rule.name == "Rule" && ownership.name == "ObjectOwnership";
    Ownership::parse(ownership.text_trimmed()).filter(|_| is_rule).ok_or_else(|| Code::MalformedXml.into())
}

/// The header of a new bucket that names its ownership; else 400 `InvalidArgument`.
pub(super) fn parse_ownership(name: &str) -> Result<Ownership> {
    let ownership = Ownership::parse(name.trim());
    ownership.ok_or_else(|| Code::InvalidArgument.because(format!("There is no object ownership {name:?}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_one_rule() {
        let check = |content: &str, expected: Option<Ownership>| {
            let document =
                Element::parse(format!("<{ROOT}>{content}</{ROOT}>").as_bytes(), Code::MalformedXml).unwrap();
            assert_eq!(parse(&document).map_err(|error| error.code()), expected.ok_or(Code::MalformedXml), "{content}");
        };
        let rule = |name: &str| format!("<Rule><ObjectOwnership>{name}</ObjectOwnership></Rule>");
        for ownership in Ownership::ALL {
            check(&rule(ownership.name()), Some(ownership));
            check(&rule(&format!("\n {} ", ownership.name())), Some(ownership));
        }
        for bad in
            ["", "<Rule/>", &rule(""), &rule("BucketOwner"), &rule("objectwriter"), &rule("ObjectWriter").repeat(2)]
        {
            check(bad, None);
        }
        check(&rule("ObjectWriter").replace("Rule>", "Rules>"), None);
        check(&rule("ObjectWriter").replace("ObjectOwnership", "Ownership"), None);
        check(&rule("ObjectWriter").replace("<Rule>", "<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership>"), None);
    }
}
