//! A bucket itself: create, head, delete (OBS reference, "Operations on Buckets").

use std::sync::Arc;

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, StatusCode};

use super::bucket_ownership::parse_ownership;
use super::bucket_storage_class::class_name;
use super::{BodyRule, Call, Op, Scope};
use crate::access::acl::{self, Kind, Owners};
use crate::access::{Action, check_disabling, is_owner};
use crate::app::App;
use crate::auth::{self, Claim};
use crate::error::{Code, Error, Result};
use crate::meta::{Bucket, NewBucket, Versioning};
use crate::quota::Rule;
use crate::sharing::Ownership;
use crate::storage_class::StorageClass;
use crate::wire::dialect::Dialect;
use crate::wire::xml::Element;
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
    growth: &[Rule::Abort],
    parameters: &[],
    document: "obs_04_0025",
    run: |app, call| Box::pin(delete(app, call)),
};

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let owner = call.account()?.id;
    let Some(name) = &call.head.target.bucket else { return Err(Code::InvalidBucketName.into()) };
    let new = parse_new(call.head, NewBucket::new(name.clone(), owner, app.config.region.clone()))?;
    let given = acl::from_headers(|tail| call.head.own(tail), Kind::Bucket, Owners::of_bucket(owner))?;
    let ownership = call.head.own("object-ownership").map(parse_ownership).transpose()?;
    let roots = &["CreateBucketConfiguration"];
    if let Some(document) = call.document(roots, Code::MalformedXml).await? {
        check_place(app, call.head, &document)?;
    }
    app.store
        .write(|tx| {
            let acl = given.resolve(tx, owner)?;
            let new = NewBucket { acl: acl.map(Box::new), ..new.clone() };
            match tx.bucket(name)? {
                Some(bucket) if bucket.owner == owner => return check_repeated(call.head.dialect, &bucket, &new),
                Some(_) => return Err(Code::BucketAlreadyExists.on(format!("/{name}"))),
                None => {}
            }
            if tx.bucket_count(owner)? >= app.config.buckets_per_account as u64 {
                return Err(Error::from(Code::TooManyBuckets));
            }
            if ownership == Some(Ownership::BucketOwnerEnforced) {
                check_disabling(owner, new.acl.as_deref())?;
            }
            let mut bucket = tx.create_bucket(&new, call.now)?;
            if let Some(ownership) = ownership {
                tx.put_ownership(&mut bucket, ownership)?;
            }
            Ok(())
        })
        .await?;
    // A bucket name is always a legal header value.
    let location = HeaderValue::try_from(format!("/{name}")).map_err(Error::internal)?;
    Ok(Reply::empty(StatusCode::OK).with(LOCATION, location))
}

/// Refuses a place that is not this server's region. Clients of S3 that were told some region sign for it and make
/// their buckets there: where signatures may be for any region, its name means this one (decision 0039).
fn check_place(app: &App, head: &Head, document: &Element) -> Result<()> {
    let is_s3 = head.dialect == Dialect::S3;
    // `Tags`, and what makes a directory bucket: `Bucket`, and a `Location` that has elements itself.
    let is_place = |part: &&Element| matches!(part.name.as_str(), "Location" | "LocationConstraint");
    if is_s3 && document.children.iter().any(|part| !is_place(&part) || !part.children.is_empty()) {
        return Err(Code::ServiceNotImplemented.because("A new bucket takes nothing but a LocationConstraint here."));
    }
    let location = document.child("Location").or_else(|| document.child("LocationConstraint"));
    let location = location.map_or("", |element| element.text_trimmed());
    if location.is_empty() || location == app.config.region {
        return Ok(());
    }
    if is_s3 && matches!(auth::claim(head)?, Claim::Signed(signed) if signed.is_for_region(location)) {
        return Ok(());
    }
    let region = &app.config.region;
    let why = format!("{location} is not a region of this server: its own is {region}.");
    Err(Code::InvalidLocationConstraint.because(why))
}

/// Repeating a creation changes nothing, its headers included. In S3's words one that asks for something else than there
/// is is refused: for another list with 409 `BucketAlreadyExists`, for object lock with 409 `BucketAlreadyOwnedByYou`.
fn check_repeated(dialect: Dialect, bucket: &Bucket, new: &NewBucket) -> Result<()> {
    let code = if new.acl != bucket.acl {
        Code::BucketAlreadyExists
    } else if new.has_object_lock && !bucket.has_object_lock {
        Code::BucketAlreadyOwnedByYou
    } else {
        return Ok(());
    };
    if dialect == Dialect::S3 { Err(code.on(format!("/{}", bucket.name))) } else { Ok(()) }
}

/// Takes what the headers of a creation ask for into `new`. What this server does not do is refused, never ignored.
fn parse_new(head: &Head, mut new: NewBucket) -> Result<NewBucket> {
    refuse_unsupported(head)?;
    let class = if head.dialect.is_obs() { head.own("storage-class") } else { head.header("x-default-storage-class") };
    if let Some(name) = class {
        new.storage_class = StorageClass::parse(name).ok_or(Code::InvalidDefaultStorageClass)?;
    }
    let invalid = |why: &'static str| Err(Code::InvalidArgument.because(why));
    let is_interface = match head.own("fs-file-interface") {
        None => false,
        Some("Enabled") => true,
        Some(_) => return invalid("x-obs-fs-file-interface can only be Enabled."),
    };
    new.is_file_system = match head.own("bucket-type") {
        None => is_interface,
        Some("POSIX") => true,
        Some("OBJECT") if !is_interface => false,
        Some(_) => return invalid("x-obs-bucket-type is OBJECT or POSIX, and POSIX with x-obs-fs-file-interface."),
    };
    new.has_object_lock = match head.own("bucket-object-lock-enabled") {
        None | Some("false" | "False") => false,
        Some("true" | "True") => true,
        Some(_) => return invalid("x-obs-bucket-object-lock-enabled can only be true."),
    };
    if new.has_object_lock {
        new.versioning = Versioning::Enabled;
    }
    if new.is_file_system && (new.has_object_lock || new.storage_class != StorageClass::Standard) {
        return invalid("A parallel file system has neither object lock nor a storage class.");
    }
    Ok(new)
}

/// Headers that the reference or the SDKs have for new buckets, and the values of them that ask for nothing.
const UNSUPPORTED: &[(&str, &[&str])] = &[
    ("az-redundancy", &[]),
    ("bucket-redundancy", &["CLASSIC"]),
    ("epid", &["0"]),
    ("fusion-allow-alternative", &["false"]),
    ("fusion-allow-upgrade", &["false"]),
];

fn refuse_unsupported(head: &Head) -> Result<()> {
    let refuse =
        |tail: &str| Err(Code::ServiceNotImplemented.because(format!("The header x-obs-{tail} is not implemented.")));
    // Some SDKs send the names without a counterpart as `x-obs-` in both dialects.
    let find = |tail: &str| head.own(tail).or_else(|| Dialect::Obs.header(tail, &head.headers));
    for (tail, harmless) in UNSUPPORTED {
        if find(tail).is_some_and(|value| !harmless.contains(&value)) {
            return refuse(tail);
        }
    }
    let is_encryption = |tail: &str| {
        let tail = tail.to_ascii_lowercase();
        tail.starts_with("server-side-encryption") || tail.starts_with("sse-")
    };
    match head.own_all().find(|(tail, _)| is_encryption(tail)) {
        Some((tail, _)) => refuse(tail),
        None => Ok(()),
    }
}

const VERSION: HeaderName = HeaderName::from_static("x-obs-version");
const OBS_LOCATION: HeaderName = HeaderName::from_static("x-obs-bucket-location");
const S3_LOCATION: HeaderName = HeaderName::from_static("x-amz-bucket-region");
const OBS_CLASS: HeaderName = HeaderName::from_static("x-obs-storage-class");
const S3_CLASS: HeaderName = HeaderName::from_static("x-default-storage-class");
/// The same name in both dialects, as the SDKs have it.
const FILE_INTERFACE: HeaderName = HeaderName::from_static("x-obs-fs-file-interface");

/// The header that names a bucket's region: on HEAD bucket and on listings.
pub(super) fn region_header(dialect: Dialect, region: &str) -> Result<(HeaderName, HeaderValue)> {
    let name = if dialect.is_obs() { OBS_LOCATION } else { S3_LOCATION };
    Ok((name, HeaderValue::try_from(region).map_err(Error::internal)?))
}

async fn head(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let dialect = call.head.dialect;
    let bucket = call.bucket()?;
    let (region_name, region) = region_header(dialect, &bucket.region)?;
    let class = if dialect.is_obs() { OBS_CLASS } else { S3_CLASS };
    let mut reply = Reply::empty(StatusCode::OK)
        .with(CONTENT_TYPE, HeaderValue::from_static("application/xml"))
        .with(region_name, region)
        .with(class, HeaderValue::from_static(class_name(bucket.storage_class, dialect)))
        .with(VERSION, HeaderValue::from_static("3.0"));
    if bucket.is_file_system {
        reply = reply.with(FILE_INTERFACE, HeaderValue::from_static("Enabled"));
    }
    if is_owner(&call.caller, bucket) {
        usage_headers(app, bucket, &mut reply).await?;
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

/// In S3's words unfinished uploads do not keep a bucket: they end with it, or not at all (`docs/decisions/`).
async fn delete(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let now = app.clock.now_millis();
    app.store
        .write(|tx| {
            let bucket = call.bucket_in(tx)?;
            match call.head.dialect {
                Dialect::S3 => tx.delete_bucket_with_uploads(&bucket, now)?,
                Dialect::Obs | Dialect::AwsV2 => tx.delete_bucket(&bucket)?,
            }
            Ok::<_, Error>(())
        })
        .await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
