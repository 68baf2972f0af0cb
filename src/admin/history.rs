//! `buckets/*/history` and `accounts/*/history`: what was held over time, and what follows from it.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;

use super::account::named;
use super::bucket::bucket_named;
use super::{Ask, json};
use crate::app::App;
use crate::clock::{UnixMillis, iso_date, parse_iso_date};
use crate::error::{Code, Error, Result};
use crate::limits::ADMIN_PAGE_COUNT_MAX;
use crate::meta::{self, Account, Bucket, Tx};
use crate::quota::Usage;
use crate::trend::{MINUTE_MILLIS, SPAN_MINUTES_MAX, Sample, projected_full};
use crate::wire::Reply;

#[derive(Serialize)]
struct Shown {
    time: String,
    used_bytes: u64,
    object_count: u64,
}

#[derive(Serialize)]
struct History {
    /// Newest first. What a sample shows held until the next one.
    samples: Vec<Shown>,
    /// Where to go on with `before`; `null` at the end.
    next_before: Option<String>,
}

/// `GET buckets/NAME/history?before=TIME`.
pub(super) async fn of_bucket(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let before = before(&ask)?;
    let samples = app.store.read_frozen(|tx| {
        let bucket = bucket_named(tx, ask.name())?;
        Ok::<_, Error>(tx.bucket_samples(bucket.id, before, ADMIN_PAGE_COUNT_MAX + 1)?)
    });
    page(samples.await?)
}

/// `GET accounts/NAME/history?before=TIME`.
pub(super) async fn of_account(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let before = before(&ask)?;
    let samples = app.store.read_frozen(|tx| {
        let account = named(tx, ask.name())?;
        Ok::<_, Error>(tx.account_samples(account.id, before, ADMIN_PAGE_COUNT_MAX + 1)?)
    });
    page(samples.await?)
}

/// When a bucket will be full, as far as its history tells.
pub(super) fn bucket_full(tx: &mut Tx<'_>, bucket: &Bucket, usage: &Usage) -> meta::Result<Option<String>> {
    let samples = tx.bucket_samples_since(bucket.id, since(tx.now()))?;
    Ok(projected_full(usage, bucket.limits(), &samples, tx.now()).map(iso_date))
}

/// When an account will be full, as far as its history tells; packs count as they do now.
pub(super) fn account_full(tx: &mut Tx<'_>, account: &Account, usage: &Usage) -> meta::Result<Option<String>> {
    let samples = tx.account_samples_since(account.id, since(tx.now()))?;
    Ok(projected_full(usage, account.limits(tx.now()), &samples, tx.now()).map(iso_date))
}

fn since(now: UnixMillis) -> u64 {
    (now / MINUTE_MILLIS).saturating_sub(SPAN_MINUTES_MAX)
}

fn before(ask: &Ask) -> Result<Option<u64>> {
    let Some(text) = ask.parameter("before")? else { return Ok(None) };
    let millis = parse_iso_date(text);
    let refusal = || Code::InvalidArgument.because("before is a date such as 2027-01-31T00:00:00Z.");
    Ok(Some(millis.ok_or_else(refusal)?.div_ceil(MINUTE_MILLIS)))
}

fn page(mut samples: Vec<Sample>) -> Result<Reply> {
    let is_more = samples.len() > ADMIN_PAGE_COUNT_MAX;
    samples.truncate(ADMIN_PAGE_COUNT_MAX);
    let time = |sample: &Sample| iso_date(sample.minute * MINUTE_MILLIS);
    let next_before = samples.last().filter(|_| is_more).map(time);
    let shown = |sample: &Sample| Shown { time: time(sample), used_bytes: sample.bytes, object_count: sample.objects };
    json(StatusCode::OK, &History { samples: samples.iter().map(shown).collect(), next_before })
}
