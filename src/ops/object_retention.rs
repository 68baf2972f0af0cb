//! `?retention` of an object (OBS reference, "Configuring WORM Retention for an Object"; S3 reference,
//! "PutObjectRetention"): until when its version can neither be deleted nor changed. Longer is always possible.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::object_get::find_in;
use super::object_tagging::about;
use super::protection::{asks_to_bypass, change_lock, check_bucket, check_future, parse_mode, parse_until};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::clock::{UnixMillis, iso_second};
use crate::error::{Code, Result};
use crate::object_lock::{Bypass, Lock, LockMode, Retention};
use crate::wire::Reply;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Element, Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetObjectRetention",
    verb: Method::GET,
    scope: Scope::Object,
    picks: &[Pick::Query("retention")],
    action: Action::GetObjectRetention,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &["versionId"],
    document: "S3 reference",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutObjectRetention",
    verb: Method::PUT,
    scope: Scope::Object,
    picks: &[Pick::Query("retention")],
    action: Action::PutObjectRetention,
    body: BodyRule::Document,
    growth: &[],
    parameters: &["versionId"],
    document: "obs_04_0166",
    run: |app, call| Box::pin(put(app, call)),
};

const ROOT: &str = "Retention";

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    check_bucket(call.bucket()?)?;
    let object = app.store.read(|tx| find_in(tx, call)).await?;
    let retention = object.lock().retention;
    let retention = retention.ok_or_else(|| Code::NoSuchObjectLockConfiguration.on(call.head.target.resource()))?;
    let mut xml = Writer::document(ROOT, Some(app.namespace(call.head.dialect)), Layout::Compact);
    xml.element("Mode", retention.mode.name()).element("RetainUntilDate", &iso_second(retention.until_millis));
    about(Reply::xml(xml.finish()), call, &object)
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let dialect = call.head.dialect;
    let malformed = malformed(dialect);
    let document = call.document(&[ROOT], malformed).await?.ok_or(malformed)?;
    let asked = parse(&document, dialect)?;
    call.permit.will_protect(Lock { retention: asked, ..Lock::default() });
    check_bucket(call.bucket()?)?;
    let now = app.clock.now_millis();
    check_future(asked, dialect, now)?;
    let change = |lock: Lock| {
        if dialect.is_obs() {
            check_longer(lock.retention, asked, now)?;
        }
        Ok(Lock { retention: asked, ..lock })
    };
    let object = change_lock(app, call, asks_to_bypass(call.head)?, change).await?;
    about(Reply::empty(StatusCode::OK), call, &object)
}

/// OBS's refusal of a date that is not later. What S3 calls governance it does not know, and is refused as S3 does.
fn check_longer(old: Option<Retention>, new: Option<Retention>, now: UnixMillis) -> Result<()> {
    let until = |retention: Retention| retention.until_millis;
    let old = old.filter(|old| old.mode == LockMode::Compliance && old.holds(Bypass::Nothing, now));
    if old.is_none() || new.map(until) > old.map(until) {
        return Ok(());
    }
    Err(Code::InvalidRequest.because("A retention can only be made longer."))
}

fn malformed(dialect: Dialect) -> Code {
    if dialect.is_obs() { Code::MalformedObjectLockError } else { Code::MalformedXml }
}

/// The retention of a document. An empty one takes a retention away, in OBS words there is none such; whatever else is
/// no retention is 400 `MalformedXML`, in OBS words `MalformedObjectLockError`.
fn parse(document: &Element, dialect: Dialect) -> Result<Option<Retention>> {
    let (mut mode, mut until) = (None, None);
    for child in &document.children {
        let place = match child.name.as_str() {
            "Mode" => &mut mode,
            "RetainUntilDate" => &mut until,
            _ => return Err(malformed(dialect).into()),
        };
        if place.replace(child.text_trimmed()).is_some() {
            return Err(malformed(dialect).into());
        }
    }
    if mode.is_none() && until.is_none() && !dialect.is_obs() {
        return Ok(None);
    }
    let mode = mode.and_then(|mode| parse_mode(mode, dialect));
    let until = until.and_then(|until| parse_until(until, dialect));
    match mode.zip(until) {
        Some((mode, until_millis)) => Ok(Some(Retention { mode, until_millis })),
        None => Err(malformed(dialect).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Verdict = std::result::Result<Option<Retention>, ()>;

    fn check(content: &str, of_obs: Verdict, of_s3: Verdict) {
        let document = format!("<Retention>{content}</Retention>");
        let document = Element::parse(document.as_bytes(), Code::MalformedXml).unwrap();
        for (dialect, code, expected) in
            [(Dialect::Obs, Code::MalformedObjectLockError, of_obs), (Dialect::S3, Code::MalformedXml, of_s3)]
        {
            let parsed = parse(&document, dialect).map_err(|error| error.code());
            assert_eq!(parsed, expected.map_err(|()| code), "{content} {dialect:?}");
        }
    }

    #[test]
    fn a_retention_is_a_mode_and_a_date() {
        let until = |mode| Ok(Some(Retention { mode, until_millis: 1_435_756_835_000 }));
        let date = "<RetainUntilDate>2015-07-01T13:20:35Z</RetainUntilDate>";
        let compliance = until(LockMode::Compliance);
        check(&format!("<Mode>COMPLIANCE</Mode>{date}"), compliance, compliance);
        check(&format!("{date}<Mode> COMPLIANCE\n</Mode>"), compliance, compliance);
        check(&format!("<Mode>GOVERNANCE</Mode>{date}"), Err(()), until(LockMode::Governance));
        let millis = "<Mode>COMPLIANCE</Mode><RetainUntilDate>1435756835000</RetainUntilDate>";
        check(millis, compliance, Err(()));
        check("", Err(()), Ok(None));
        for bad in [
            date,
            "<Mode>COMPLIANCE</Mode>",
            "<Mode/><RetainUntilDate/>",
            &format!("<Mode>compliance</Mode>{date}"),
            &format!("<Mode>COMPLIANCE</Mode>{date}{date}"),
            &format!("<Mode>COMPLIANCE</Mode>{date}<Typo/>"),
            "<Mode>COMPLIANCE</Mode><RetainUntilDate>tomorrow</RetainUntilDate>",
        ] {
            check(bad, Err(()), Err(()));
        }
    }
}
