//! `POST /bucket/key?restore` (OBS reference, "Restoring Archive Objects"): an object of an archive class can be read for
//! some days. All classes lie on the same disks: how long a restore takes is a setting, nothing by default.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::object_get::find_in;
use super::object_record::rewrite_in;
use super::object_tagging::about;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::clock::{UnixMillis, end_of_days};
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{Object, ObjectState, Restore};
use crate::wire::Reply;
use crate::wire::dialect::Dialect;
use crate::wire::xml::Element;

pub(super) static POST: Op = Op {
    name: "RestoreObject",
    verb: Method::POST,
    scope: Scope::Object,
    picks: &[Pick::Query("restore")],
    action: Action::RestoreObject,
    body: BodyRule::Document,
    growth: &[],
    parameters: &["versionId"],
    document: "obs_04_0087",
    run: |app, call| Box::pin(post(app, call)),
};

const ROOT: &str = "RestoreRequest";

async fn post(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let document = call.document(&[ROOT], Code::MalformedXml).await?.ok_or(Code::MalformedXml)?;
    let days = parse(&document, call.head.dialect)?;
    let (now, delay) = (app.clock.now_millis(), app.config.restore_delay_millis);
    let changed = app.store.write(|tx| {
        let (object, is_longer) = restored(find_in(tx, call)?, days, now, delay)?;
        rewrite_in(tx, call, &object)?;
        Ok::<_, Error>((object, is_longer))
    });
    let (object, is_longer) = changed.await?;
    let status = if is_longer { StatusCode::OK } else { StatusCode::ACCEPTED };
    about(Reply::empty(status), call, &object)
}

/// The object with its restore, and whether that only makes an earlier one longer.
fn restored(object: Object, days: u32, now: UnixMillis, delay: u64) -> Result<(Object, bool)> {
    if !object.storage_class.is_archive() {
        return Err(Code::InvalidObjectState.because("Only objects of an archive class are restored."));
    }
    let state = object.state.map_or_else(ObjectState::default, |state| *state);
    let (restore, is_longer) = match state.restore {
        Some(Restore { ready_millis, .. }) if now < ready_millis => return Err(Code::RestoreAlreadyInProgress.into()),
        Some(Restore { ready_millis, expires_millis }) if now < expires_millis => {
            let later = end_of_days(now, days);
            if later < expires_millis {
                return Err(Code::ObjectHasAlreadyRestored.into());
            }
            (Restore { ready_millis, expires_millis: later }, true)
        }
        Some(_) | None => {
            let ready_millis = now.saturating_add(delay);
            (Restore { ready_millis, expires_millis: end_of_days(ready_millis, days) }, false)
        }
    };
    let state = ObjectState { restore: Some(restore), ..state }.boxed();
    Ok((Object { state, ..object }, is_longer))
}

/// The days a document asks for: `Days`, and `Tier` in `RestoreJob` or, as S3 has it, in `GlacierJobParameters`. Every
/// tier takes as long.
///
/// 400 `MalformedXML` for what is no such document, 400 `InvalidArgument` for days out of bounds.
fn parse(document: &Element, dialect: Dialect) -> Result<u32> {
    let malformed = || Error::from(Code::MalformedXml);
    let tiers: &[&str] = if dialect.is_obs() { &["Expedited", "Standard"] } else { &["Expedited", "Standard", "Bulk"] };
    let (mut days, mut has_tier) = (None, false);
    for child in &document.children {
        let tier = match child.name.as_str() {
            "Days" if days.is_none() => {
                days = Some(child.text_trimmed());
                continue;
            }
            "RestoreJob" | "GlacierJobParameters" => child.child("Tier").ok_or_else(malformed)?,
            "Tier" => child,
            _ => return Err(malformed()),
        };
        if has_tier || !tiers.contains(&tier.text_trimmed()) {
            return Err(malformed());
        }
        has_tier = true;
    }
    let days: i64 = days.and_then(|days| days.parse().ok()).ok_or_else(malformed)?;
    let days = u32::try_from(days).ok().filter(|days| (1..=limits::RESTORE_DAYS_MAX).contains(days));
    days.ok_or_else(|| {
        let max = limits::RESTORE_DAYS_MAX;
        Code::InvalidArgument.because(format!("restoration days should be at least 1 and at most {max}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, dialect: Dialect, expected: std::result::Result<u32, Code>) {
        let document = format!("<RestoreRequest>{content}</RestoreRequest>");
        let document = Element::parse(document.as_bytes(), Code::MalformedXml).unwrap();
        assert_eq!(parse(&document, dialect).map_err(|error| error.code()), expected, "{content}");
    }

    #[test]
    fn days_and_tier_are_read() {
        let job = |tier: &str| format!("<Days>3</Days><RestoreJob><Tier>{tier}</Tier></RestoreJob>");
        let glacier = |tier: &str| job(tier).replace("RestoreJob", "GlacierJobParameters");
        for dialect in [Dialect::Obs, Dialect::AwsV2, Dialect::S3] {
            check("<Days>1</Days>", dialect, Ok(1));
            check(" <Days> 30 </Days> ", dialect, Ok(30));
            for tier in ["Expedited", "Standard"] {
                check(&job(tier), dialect, Ok(3));
                check(&glacier(tier), dialect, Ok(3));
            }
            check("<Tier>Standard</Tier><Days>2</Days>", dialect, Ok(2));
            for bad in ["0", "31", "-1", "9999999999"] {
                check(&format!("<Days>{bad}</Days>"), dialect, Err(Code::InvalidArgument));
            }
            for bad in ["", "<Days/>", "<Days>x</Days>", "<Days>1</Days><Days>1</Days>", "<Days>1</Days><Other/>"] {
                check(bad, dialect, Err(Code::MalformedXml));
            }
            check(&job("Slow"), dialect, Err(Code::MalformedXml));
            check("<Days>1</Days><RestoreJob/>", dialect, Err(Code::MalformedXml));
            check(&format!("{}<Tier>Standard</Tier>", job("Standard")), dialect, Err(Code::MalformedXml));
        }
        check(&job("Bulk"), Dialect::Obs, Err(Code::MalformedXml));
        check(&glacier("Bulk"), Dialect::S3, Ok(3));
    }
}
