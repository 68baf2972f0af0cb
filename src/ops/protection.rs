//! What the operations of object lock share: the headers in which a new object brings its protection, and the one change
//! of what protects a version. What is allowed, `meta` decides at commit; the words are `wire`'s.

use super::Call;
use super::object_get::find_in;
use crate::access::{self, Action, Facts, Judge};
use crate::app::App;
use crate::clock::UnixMillis;
use crate::error::{Code, Error, Result};
use crate::meta::{Bucket, Object, Tx};
use crate::name::ObjectKey;
use crate::object_lock::{Bypass, LegalHold, Lock, Retention};
use crate::wire::Head;
use crate::wire::dialect::Dialect;
pub(super) use crate::wire::object_lock::{parse_hold, parse_mode, parse_until};

/// Headers of a new object that say how it is protected (tails): mode and date come together, the hold by itself.
pub(super) const HEADERS: [&str; 3] = ["object-lock-mode", "object-lock-retain-until-date", "object-lock-legal-hold"];

/// The protection that a request's headers ask for.
///
/// 400 `InvalidRequest` in a bucket without object lock. For a mode without its date, words that there are none of, and
/// a date that is not in the future, 400 `InvalidArgument`, in OBS words `InvalidRequest`.
pub(super) fn parse_headers(head: &Head, bucket: &Bucket, now: UnixMillis) -> Result<Option<Lock>> {
    let given = HEADERS.map(|tail| head.has_own(tail).then(|| head.own(tail).unwrap_or_default()));
    if given.iter().all(Option::is_none) {
        return Ok(None);
    }
    check_bucket(bucket)?;
    let dialect = head.dialect;
    let [mode, until, hold] = given;
    let retention = match (mode, until) {
        (None, None) => None,
        (Some(mode), Some(until)) => Some(Retention {
            mode: parse_mode(mode, dialect).ok_or_else(|| invalid(dialect, "There is no such object lock mode."))?,
            until_millis: parse_until(until, dialect)
                .ok_or_else(|| invalid(dialect, "The retain-until date is not in ISO 8601."))?,
        }),
        _ => return Err(invalid(dialect, "The object lock mode and its retain-until date come together.")),
    };
    check_future(retention, dialect, now)?;
    let legal_hold = match hold.map(parse_hold) {
        None => LegalHold::Unset,
        Some(Some(hold)) => hold,
        Some(None) => return Err(invalid(dialect, "The legal hold is ON or OFF.")),
    };
    Ok(Lock { retention, legal_hold }.kept())
}

/// 403 unless the caller may protect what they store: the permissions of the requests that would do it afterwards.
pub(super) async fn check_may_protect(app: &App, call: &Call<'_>, lock: Option<Lock>) -> Result<()> {
    let Some(lock) = lock else { return Ok(()) };
    let key = call.key()?;
    for (is_asked, action) in [
        (lock.retention.is_some(), Action::PutObjectRetention),
        (lock.legal_hold != LegalHold::Unset, Action::PutObjectLegalHold),
    ] {
        if is_asked {
            let ask = |tx: &mut Tx<'_>| {
                let bucket = call.bucket_in(tx)?;
                let mut permit = access::may(tx, &app.policies, &call.caller, call.context, action, &bucket, key)?;
                permit.will_protect(lock);
                permit.check_object(Facts { owner: call.caller.owner(), acl: None, tags: &[] })
            };
            app.store.read_frozen(ask).await?;
        }
    }
    Ok(())
}

/// 400 `InvalidRequest` where nothing can be protected.
pub(super) fn check_bucket(bucket: &Bucket) -> Result<()> {
    if bucket.has_object_lock {
        return Ok(());
    }
    Err(Code::InvalidRequest.because("The bucket does not have object lock."))
}

/// Refuses a retention that would be over before it begins.
pub(super) fn check_future(retention: Option<Retention>, dialect: Dialect, now: UnixMillis) -> Result<()> {
    match retention {
        Some(retention) if retention.until_millis <= now => {
            Err(invalid(dialect, "The retain-until date must be in the future."))
        }
        _ => Ok(()),
    }
}

/// OBS has one code for every protection that makes no sense.
fn invalid(dialect: Dialect, why: &'static str) -> Error {
    if dialect.is_obs() { Code::InvalidRequest.because(why) } else { Code::InvalidArgument.because(why) }
}

/// Whether a request wants to pass over governance: `x-amz-bypass-governance-retention: true`. OBS, which has no
/// governance, has no such header. 400 `InvalidArgument` for any other word than true and false.
pub(super) fn asks_to_bypass(head: &Head) -> Result<bool> {
    if head.dialect.is_obs() {
        return Ok(false);
    }
    match head.own("bypass-governance-retention") {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(Code::InvalidArgument.because("x-amz-bypass-governance-retention is true or false.")),
    }
}

/// What a request may pass over that asks for it: nothing without the right to. What that means is decided by what is
/// found: consoles ask always.
pub(super) fn bypass(asks: bool, judge: &Judge<'_>, key: &ObjectKey) -> Bypass {
    match asks.then(|| judge.check(Action::BypassGovernanceRetention, key)) {
        Some(Ok(())) => Bypass::Governance,
        Some(Err(_)) | None => Bypass::Nothing,
    }
}

/// The same for what the request itself names.
pub(super) fn bypass_in(tx: &mut Tx<'_>, app: &App, call: &Call<'_>, asks: bool, bucket: &Bucket) -> Result<Bypass> {
    if !asks {
        return Ok(Bypass::Nothing);
    }
    let judge = Judge::read(tx, &app.policies, &call.caller, call.context, bucket)?;
    Ok(bypass(asks, &judge, call.key()?))
}

/// Changes what protects the version that a request names, or the current object; 403 `AccessDenied` where that would
/// weaken it. `change` may run again.
pub(super) async fn change_lock(
    app: &App,
    call: &Call<'_>,
    asks_to_bypass: bool,
    change: impl Fn(Lock) -> Result<Lock>,
) -> Result<Object> {
    let changed = app.store.write(|tx| {
        let found = find_in(tx, call)?;
        let bucket = call.bucket_in(tx)?;
        let bypass = bypass_in(tx, app, call, asks_to_bypass, &bucket)?;
        let lock = change(found.lock())?;
        let object = found.with_lock(lock);
        let slot = tx.slot(&bucket, call.key()?)?.bypassing(bypass);
        tx.relock_version(slot, &object)?;
        Ok::<_, Error>(object)
    });
    changed.await
}
