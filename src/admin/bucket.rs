//! `buckets`: list, show, and their quotas.

use std::sync::Arc;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::account::named;
use super::history::bucket_full;
use super::{Ask, Split, json, soft_percents, unsigned};
use crate::app::App;
use crate::clock::iso_date;
use crate::error::{Code, Error, Result};
use crate::level::level_percent;
use crate::limits::QUOTA_BYTES_MAX;
use crate::meta::{self, Bucket, Tx};
use crate::name::BucketName;
use crate::wire::Reply;

#[derive(Serialize)]
struct Shown {
    name: String,
    account: String,
    region: String,
    created: String,
    quota_bytes: u64,
    object_limit: u64,
    used_bytes: u64,
    object_count: u64,
    usage: Split,
    soft_percents: Vec<u8>,
    /// Of the nearer limit, rounded down; `null` without a limit.
    level_percent: Option<u64>,
}

/// One by itself: with what takes its history to tell.
#[derive(Serialize)]
struct Alone {
    #[serde(flatten)]
    shown: Shown,
    /// When the nearer limit would be met; `null` where that cannot be told.
    projected_full: Option<String>,
}

fn shown_alone(tx: &mut Tx<'_>, bucket: Bucket) -> meta::Result<Alone> {
    let usage = tx.bucket_usage(bucket.id)?;
    let projected_full = bucket_full(tx, &bucket, &usage)?;
    Ok(Alone { shown: shown(tx, bucket)?, projected_full })
}

fn shown(tx: &mut Tx<'_>, bucket: Bucket) -> meta::Result<Shown> {
    let usage = tx.bucket_usage(bucket.id)?;
    let owner = tx.account(bucket.owner)?;
    Ok(Shown {
        soft_percents: bucket.soft_percents.as_slice().to_vec(),
        level_percent: level_percent(&usage, bucket.limits()),
        account: owner.map_or_else(|| bucket.owner.to_string(), |account| account.name),
        name: bucket.name.to_string(),
        region: bucket.region,
        created: iso_date(bucket.created_millis),
        quota_bytes: bucket.quota_bytes,
        object_limit: bucket.object_limit,
        usage: Split::new(&usage, tx.bucket_reserved_bytes(bucket.id)),
        used_bytes: unsigned(usage.used_bytes()),
        object_count: unsigned(usage.used_objects()),
    })
}

/// The bucket called `name`, or 404.
pub(super) fn bucket_named(tx: &mut Tx<'_>, name: &str) -> Result<Bucket> {
    let missing = || Code::NoSuchBucket.because(format!("There is no bucket {name}."));
    let name = BucketName::parse(name).map_err(|_| missing())?;
    tx.bucket(&name)?.ok_or_else(missing)
}

#[derive(Serialize)]
struct Buckets {
    buckets: Vec<Shown>,
}

pub(super) async fn list(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let filter = ask.account_filter()?;
    let buckets = app.store.read_frozen(|tx| {
        let buckets = match filter {
            Some(name) => {
                let account = named(tx, name)?;
                tx.buckets_of(account.id)?
            }
            None => tx.buckets()?,
        };
        Ok::<_, Error>(buckets.into_iter().map(|bucket| shown(tx, bucket)).collect::<meta::Result<_>>()?)
    });
    json(StatusCode::OK, &Buckets { buckets: buckets.await? })
}

pub(super) async fn show(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let bucket = app.store.read_frozen(|tx| {
        let bucket = bucket_named(tx, ask.name())?;
        Ok::<_, Error>(shown_alone(tx, bucket)?)
    });
    json(StatusCode::OK, &bucket.await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    quota_bytes: Option<u64>,
    object_limit: Option<u64>,
    soft_percents: Option<Vec<u8>>,
}

pub(super) async fn put_quota(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let wanted: Wanted = ask.document()?;
    if wanted.quota_bytes.is_none() && wanted.object_limit.is_none() && wanted.soft_percents.is_none() {
        return Err(Code::BadRequest.because("The body names nothing to change."));
    }
    if [wanted.quota_bytes, wanted.object_limit].into_iter().flatten().any(|limit| limit > QUOTA_BYTES_MAX) {
        return Err(Code::InvalidArgument.because("A limit must be between 0 and 9223372036854775807."));
    }
    let percents = wanted.soft_percents.map(soft_percents).transpose()?;
    let bucket = app.store.write(|tx| {
        let mut bucket = bucket_named(tx, ask.name())?;
        bucket.quota_bytes = wanted.quota_bytes.unwrap_or(bucket.quota_bytes);
        bucket.object_limit = wanted.object_limit.unwrap_or(bucket.object_limit);
        if let Some(percents) = &percents {
            bucket.soft_percents = percents.clone();
        }
        tx.put_bucket(&bucket)?;
        Ok::<_, Error>(shown_alone(tx, bucket)?)
    });
    json(StatusCode::OK, &bucket.await?)
}
