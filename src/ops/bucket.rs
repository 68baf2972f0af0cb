//! A bucket itself: create, head, delete (OBS reference, "Operations on Buckets").

use std::sync::Arc;

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, StatusCode};

use super::{BodyRule, Call, Op, Scope};
use crate::access::{Action, is_owner};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{Bucket, NewBucket};
use crate::wire::dialect::Dialect;
use crate::wire::{Head, Reply};

pub(super) static PUT: Op = Op {
    name: "CreateBucket",
    verb: Method::PUT,
    scope: Scope::Bucket,
    picks: &[],
    action: Action::CreateBucket,
    body: BodyRule::Document,
    growth: &[],
    parameters: &[],
    document: "obs_04_0021",
    run: |app, call| Box::pin(put(app, call)),
};

pub(super) static HEAD: Op = Op {
    name: "HeadBucket",
    verb: Method::HEAD,
    scope: Scope::Bucket,
    picks: &[],
    action: Action::HeadBucket,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0023",
    run: |app, call| Box::pin(head(app, call)),
};

pub(super) static DELETE: Op = Op {
    name: "DeleteBucket",
    verb: Method::DELETE,
    scope: Scope::Bucket,
    picks: &[],
    action: Action::DeleteBucket,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0025",
    run: |app, call| Box::pin(delete(app, call)),
};

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    refuse_unsupported(call.head)?;
    let owner = call.account()?.id;
    let roots = &["CreateBucketConfiguration"];
    if let Some(document) = call.document(roots, Code::MalformedXml).await? {
        let location = document.child("Location").or_else(|| document.child("LocationConstraint"));
        let location = location.map_or("", |element| element.text_trimmed());
        if !location.is_empty() && location != app.config.region {
            return Err(
                Code::InvalidLocationConstraint.because(format!("This server's region is {}.", app.config.region))
            );
        }
    }
    let Some(name) = &call.head.target.bucket else { return Err(Code::InvalidBucketName.into()) };
    let new = NewBucket::new(name.clone(), owner, app.config.region.clone());
    app.store
        .write(|tx| {
            match tx.bucket(name)? {
                // Repeating a creation changes nothing, its headers included.
                Some(bucket) if bucket.owner == owner => return Ok(()),
                Some(_) => return Err(Code::BucketAlreadyExists.on(format!("/{name}"))),
                None => {}
            }
            if tx.bucket_count(owner)? >= limits::BUCKETS_PER_ACCOUNT_MAX as u64 {
                return Err(Error::from(Code::TooManyBuckets));
            }
            tx.create_bucket(&new, call.now)?;
            Ok(())
        })
        .await?;
    // A bucket name is always a legal header value.
    let location = HeaderValue::try_from(format!("/{name}")).map_err(Error::internal)?;
    Ok(Reply::empty(StatusCode::OK).with(LOCATION, location))
}

/// What the reference documents for new buckets and this server cannot do yet is refused, never ignored.
fn refuse_unsupported(head: &Head) -> Result<()> {
    let class = if head.dialect.is_obs() { head.own("storage-class") } else { head.header("x-default-storage-class") };
    match class {
        None | Some("STANDARD") => {}
        Some(
            "WARM" | "COLD" | "STANDARD_IA" | "GLACIER" | "DEEP_ARCHIVE" | "INTELLIGENT_TIERING" | "HIGH_PERFORMANCE",
        ) => {
            return Err(Code::ServiceNotImplemented.because("Storage classes other than STANDARD are not implemented."));
        }
        Some(_) => return Err(Code::InvalidDefaultStorageClass.into()),
    }
    super::object_put::refuse_acl(head)?;
    if head.own("bucket-type").is_some_and(|kind| kind != "OBJECT") {
        return Err(Code::ServiceNotImplemented.because("Buckets other than object buckets are not implemented."));
    }
    let unsupported = [
        "bucket-object-lock-enabled",
        "fs-file-interface",
        "server-side-encryption",
        "bucket-redundancy",
        "az-redundancy",
        "object-ownership",
        "epid",
        "fusion-allow-upgrade",
        "fusion-allow-alternative",
    ];
    // Some SDKs send the names without a counterpart as `x-obs-` in both dialects.
    let own = |tail: &&str| head.own(tail).is_some() || Dialect::Obs.header(tail, &head.headers).is_some();
    match unsupported.iter().find(|tail| own(tail)) {
        Some(tail) => Err(Code::ServiceNotImplemented.because(format!("The header x-obs-{tail} is not implemented."))),
        None => Ok(()),
    }
}

const VERSION: HeaderName = HeaderName::from_static("x-obs-version");
const OBS_LOCATION: HeaderName = HeaderName::from_static("x-obs-bucket-location");
const S3_LOCATION: HeaderName = HeaderName::from_static("x-amz-bucket-region");
const OBS_CLASS: HeaderName = HeaderName::from_static("x-obs-storage-class");
const S3_CLASS: HeaderName = HeaderName::from_static("x-default-storage-class");

/// The header that names a bucket's region: on HEAD bucket and on listings.
pub(super) fn region_header(dialect: Dialect, region: &str) -> Result<(HeaderName, HeaderValue)> {
    let name = if dialect.is_obs() { OBS_LOCATION } else { S3_LOCATION };
    Ok((name, HeaderValue::try_from(region).map_err(Error::internal)?))
}

async fn head(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let dialect = call.head.dialect;
    let (region_name, region) = region_header(dialect, &call.bucket()?.region)?;
    let class = if dialect.is_obs() { OBS_CLASS } else { S3_CLASS };
    let mut reply = Reply::empty(StatusCode::OK)
        .with(CONTENT_TYPE, HeaderValue::from_static("application/xml"))
        .with(region_name, region)
        .with(class, HeaderValue::from_static("STANDARD"))
        .with(VERSION, HeaderValue::from_static("3.0"));
    if is_owner(&call.caller, call.bucket()?) {
        usage_headers(app, call.bucket()?, &mut reply).await?;
    }
    Ok(reply)
}

/// What the bucket holds and may hold, for its owner: an extension of ours, the same names in both dialects.
async fn usage_headers(app: &App, bucket: &Bucket, reply: &mut Reply) -> Result<()> {
    let (usage, reserved) =
        app.store.read(|tx| Ok::<_, Error>((tx.bucket_usage(bucket.id)?, tx.bucket_reserved_bytes(bucket.id)))).await?;
    let counted = |count: i64| u64::try_from(count).unwrap_or(0);
    for (name, value) in [
        ("x-obs-usage-current-bytes", counted(usage.current_bytes)),
        ("x-obs-usage-noncurrent-bytes", counted(usage.noncurrent_bytes)),
        ("x-obs-usage-part-bytes", counted(usage.part_bytes)),
        ("x-obs-usage-reserved-bytes", reserved),
        ("x-obs-usage-objects", counted(usage.used_objects())),
        ("x-obs-quota-bytes", bucket.quota_bytes),
        ("x-obs-quota-objects", bucket.object_limit),
    ] {
        reply.headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
    Ok(())
}

async fn delete(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    app.store
        .write(|tx| {
            let bucket = call.bucket_in(tx)?;
            Ok::<_, Error>(tx.delete_bucket(&bucket)?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
