//! `?object-lock` (OBS reference, "Configuring" and "Obtaining the Default WORM Policy of a Bucket"; S3 reference,
//! "PutObjectLockConfiguration"): whether versions can be protected, and how those are that say nothing themselves.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::protection::{check_bucket, parse_mode};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{Bucket, Versioning};
use crate::object_lock::{DefaultRetention, Period};
use crate::wire::Reply;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Element, Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetObjectLockConfiguration",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("object-lock")],
    action: Action::GetBucketObjectLockConfiguration,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0168",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutObjectLockConfiguration",
    verb: Method::PUT,
    scope: Scope::Bucket,
    picks: &[Pick::Query("object-lock")],
    action: Action::PutBucketObjectLockConfiguration,
    body: BodyRule::Document,
    growth: &[],
    parameters: &[],
    document: "obs_04_0167",
    run: |app, call| Box::pin(put(app, call)),
};

const ROOT: &str = "ObjectLockConfiguration";

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let dialect = call.head.dialect;
    let read = app.store.read(|tx| {
        let bucket = call.bucket_in(tx)?;
        if !dialect.is_obs() && !bucket.has_object_lock {
            return Err(Code::ObjectLockConfigurationNotFound.on(call.head.target.resource()));
        }
        check_bucket(&bucket)?;
        Ok::<_, Error>(tx.default_retention(&bucket)?)
    });
    let default = read.await?;
    let mut xml = Writer::document(ROOT, Some(app.namespace(dialect)), Layout::Compact);
    xml.element("ObjectLockEnabled", "Enabled");
    if let Some(DefaultRetention { mode, period }) = default {
        xml.open("Rule").open("DefaultRetention").element("Mode", mode.name());
        match period {
            Period::Days(days) => xml.number("Days", u64::from(days)),
            Period::Years(years) => xml.number("Years", u64::from(years)),
        };
    }
    Ok(Reply::xml(xml.finish()))
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let dialect = call.head.dialect;
    let document = call.document(&[ROOT], Code::MalformedXml).await?.ok_or(Code::MalformedXml)?;
    let default = parse(&document, dialect)?;
    app.store
        .write(|tx| {
            let mut bucket = call.bucket_in(tx)?;
            check_may_have_lock(&bucket, dialect)?;
            Ok::<_, Error>(tx.put_object_lock(&mut bucket, default.as_ref())?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::OK))
}

/// In OBS words a bucket is made with object lock or never has it; in those of S3 one that keeps versions gets it.
fn check_may_have_lock(bucket: &Bucket, dialect: Dialect) -> Result<()> {
    if dialect.is_obs() {
        return check_bucket(bucket);
    }
    if bucket.has_object_lock || bucket.versioning == Versioning::Enabled {
        return Ok(());
    }
    Err(Code::InvalidBucketState.because("Object lock needs versioning, which is not enabled for this bucket."))
}

/// The default retention of a document; one without a rule has none. 400 `MalformedXML` for what is no such document;
/// for a length out of bounds that too in OBS words, in those of S3 `InvalidRetentionPeriod`.
fn parse(document: &Element, dialect: Dialect) -> Result<Option<DefaultRetention>> {
    let (enabled, rule) = (only(document, "ObjectLockEnabled")?, only(document, "Rule")?);
    check_names(document, &["ObjectLockEnabled", "Rule"])?;
    match enabled.map(Element::text_trimmed) {
        Some("Enabled") => {}
        // OBS's reference has it as optional, and its SDKs leave it out under either signature.
        None if dialect != Dialect::S3 => {}
        Some(_) | None => return Err(Code::MalformedXml.into()),
    }
    let Some(rule) = rule else { return Ok(None) };
    check_names(rule, &["DefaultRetention"])?;
    let retention = only(rule, "DefaultRetention")?.ok_or(Code::MalformedXml)?;
    check_names(retention, &["Mode", "Days", "Years"])?;
    let mode = only(retention, "Mode")?.and_then(|mode| parse_mode(mode.text_trimmed(), dialect));
    let mode = mode.ok_or(Code::MalformedXml)?;
    let period = match (only(retention, "Days")?, only(retention, "Years")?) {
        (Some(days), None) => Period::Days(length(days, limits::LOCK_DAYS_MAX, dialect)?),
        (None, Some(years)) => Period::Years(length(years, limits::LOCK_YEARS_MAX, dialect)?),
        _ => return Err(Code::MalformedXml.into()),
    };
    Ok(Some(DefaultRetention { mode, period }))
}

/// From 1 to `max`.
fn length(element: &Element, max: u32, dialect: Dialect) -> Result<u32> {
    let number: i64 = element.text_trimmed().parse().map_err(|_| Code::MalformedXml)?;
    let length = u32::try_from(number).ok().filter(|length| (1..=max).contains(length));
    let code = if dialect.is_obs() { Code::MalformedXml } else { Code::InvalidRetentionPeriod };
    length.ok_or_else(|| code.because(format!("{} is a number from 1 to {max}.", element.name)))
}

/// The child of that name, where there is one; more are 400 `MalformedXML`.
fn only<'e>(element: &'e Element, name: &'e str) -> Result<Option<&'e Element>> {
    let mut children = element.children_named(name);
    let first = children.next();
    if children.next().is_some() { Err(Code::MalformedXml.into()) } else { Ok(first) }
}

fn check_names(element: &Element, names: &[&str]) -> Result<()> {
    let is_known = |child: &Element| names.contains(&child.name.as_str());
    if element.children.iter().all(is_known) { Ok(()) } else { Err(Code::MalformedXml.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_lock::LockMode::{Compliance, Governance};

    type Verdict = std::result::Result<Option<DefaultRetention>, Code>;

    fn check(content: &str, of_obs: Verdict, of_s3: Verdict) {
        let document = format!("<ObjectLockConfiguration>{content}</ObjectLockConfiguration>");
        let document = Element::parse(document.as_bytes(), Code::MalformedXml).unwrap();
        let parsed = [Dialect::Obs, Dialect::S3].map(|dialect| parse(&document, dialect).map_err(|error| error.code()));
        assert_eq!(parsed, [of_obs, of_s3], "{content}");
    }

    fn check_rule(retention: &str, of_obs: Verdict, of_s3: Verdict) {
        let rule = format!("<Rule><DefaultRetention>{retention}</DefaultRetention></Rule>");
        check(&format!("<ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}"), of_obs, of_s3);
        check(&format!("{rule}<ObjectLockEnabled> Enabled\n</ObjectLockEnabled>"), of_obs, of_s3);
    }

    #[test]
    fn a_default_is_a_mode_and_one_length() {
        let both = |retention: &str, verdict: Verdict| check_rule(retention, verdict, verdict);
        let malformed = Err(Code::MalformedXml);
        let some = |mode, period| Ok(Some(DefaultRetention { mode, period }));
        both("<Mode>COMPLIANCE</Mode><Days>1</Days>", some(Compliance, Period::Days(1)));
        both("<Days>36500</Days><Mode>COMPLIANCE</Mode>", some(Compliance, Period::Days(36_500)));
        both("<Mode>COMPLIANCE</Mode><Years> 100 </Years>", some(Compliance, Period::Years(100)));
        check_rule("<Mode>GOVERNANCE</Mode><Days>1</Days>", malformed, some(Governance, Period::Days(1)));
        for bad in ["<Days>0</Days>", "<Days>36501</Days>", "<Years>-1</Years>", "<Years>101</Years>"] {
            let out_of_bounds = Err(Code::InvalidRetentionPeriod);
            check_rule(&format!("<Mode>COMPLIANCE</Mode>{bad}"), malformed, out_of_bounds);
        }
        for bad in [
            "",
            "<Days>1</Days>",
            "<Mode>COMPLIANCE</Mode>",
            "<Mode>abc</Mode><Days>1</Days>",
            "<Mode>compliance</Mode><Days>1</Days>",
            "<Mode>COMPLIANCE</Mode><Days>1</Days><Years>1</Years>",
            "<Mode>COMPLIANCE</Mode><Days>1</Days><Days>1</Days>",
            "<Mode>COMPLIANCE</Mode><Days/>",
            "<Mode>COMPLIANCE</Mode><Days>one</Days>",
            "<Mode>COMPLIANCE</Mode><Days>1</Days><Typo/>",
        ] {
            both(bad, malformed);
        }
    }

    #[test]
    fn without_a_rule_there_is_no_default() {
        let malformed = Err(Code::MalformedXml);
        check("<ObjectLockEnabled>Enabled</ObjectLockEnabled>", Ok(None), Ok(None));
        check("", Ok(None), malformed);
        let empty = Element { name: ROOT.to_owned(), ..Element::default() };
        assert_eq!(parse(&empty, Dialect::AwsV2).unwrap(), None);
        for bad in [
            "<ObjectLockEnabled>Disabled</ObjectLockEnabled>",
            "<ObjectLockEnabled/>",
            "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule/>",
            "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Typo/>",
            "<ObjectLockEnabled>Enabled</ObjectLockEnabled><ObjectLockEnabled>Enabled</ObjectLockEnabled>",
        ] {
            check(bad, malformed, malformed);
        }
    }
}
