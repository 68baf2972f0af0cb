//! The source of a copy: what the request asks of it, and the object it is in a transaction. An object and a part are
//! copied alike (OBS reference, "Copying Objects" and "Copying Parts").

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use hyper::header::{HeaderName, HeaderValue};

use super::Call;
use super::object_body::{self, Part};
use super::object_get::version_id;
use crate::access::{self, Action, Policies};
use crate::app::App;
use crate::blob::digest::{Digest, Sums, Wanted};
use crate::blob::readers::Reader;
use crate::error::{Code, Error, Result};
use crate::meta::{Bucket, Kept, Object, Stored, Tx, Versioning};
use crate::wire::body::ReplyBody;
use crate::wire::conditions::Conditions;
use crate::wire::copy_source::CopySource;
use crate::wire::dialect::Dialect;
use crate::wire::{Head, Reply};

/// The source as a request names it.
#[derive(Debug)]
pub(super) struct Source {
    /// Which object.
    pub(super) named: CopySource,
    conditions: Conditions,
}

/// The source as a transaction sees it.
#[derive(Debug)]
pub(super) struct Found {
    /// Its bucket.
    pub(super) bucket: Bucket,
    /// The object, of which the caller may read the bytes.
    pub(super) object: Object,
}

impl Source {
    /// Takes the source and its conditions from a request that has the header. What cannot be read is 400
    /// `InvalidArgument`; conditions that do not go together, and keys of the customer's, are 400 `InvalidRequest`.
    pub(super) fn parse(head: &Head) -> Result<Self> {
        let sent =
            head.own("copy-source").ok_or_else(|| Code::InvalidArgument.because("The copy source is no text."))?;
        let is_key = |tail: &str| tail.to_ascii_lowercase().starts_with("copy-source-server-side-encryption-customer-");
        if head.own_all().any(|(tail, _)| is_key(tail)) {
            return Err(Code::InvalidRequest.because("The copy source is not encrypted with a key of the customer's."));
        }
        Ok(Self { named: CopySource::parse(sent)?, conditions: Conditions::parse_of_source(head)? })
    }

    /// The object, if the caller may read it, its conditions hold, and its bytes can be had.
    ///
    /// 404 `NoSuchBucket`, `NoSuchKey` (also where a delete marker is the newest version) and `NoSuchVersion`; a delete
    /// marker that was named is 400 `InvalidRequest`; an archived object that is not restored 403
    /// `InvalidObjectState`; a condition that does not hold 412, never 304.
    pub(super) fn find_in(&self, tx: &mut Tx<'_>, policies: &Policies, call: &Call<'_>) -> Result<Found> {
        let named = &self.named;
        let bucket = tx.bucket(&named.bucket)?;
        let bucket = bucket.ok_or_else(|| {
            Code::NoSuchBucket.on(format!("/{}", named.bucket)).detail("BucketName", named.bucket.as_str())
        })?;
        access::check_expected_owner(call.context, "source-expected-bucket-owner", &bucket)?;
        let aside = call.context.aside(named.version.as_deref());
        let permit = access::may(tx, policies, &call.caller, aside, Action::GetObject, &bucket, &named.key)?;
        let found = self.object_in(tx, &bucket, call.head.dialect).and_then(|object| {
            permit.check_object(&object)?;
            Ok(object)
        });
        let object = permit.settle(found).map_err(|error| match error.code() {
            Code::MethodNotAllowed => {
                Code::InvalidRequest.because("The version of the copy source is a delete marker.")
            }
            _ => error,
        })?;
        if let Err(header) = self.conditions.check_source(&object.etag, object.modified_millis, call.now) {
            let header = format!("{}copy-source-{header}", call.head.dialect.header_prefix());
            return Err(Error::from(Code::PreconditionFailed).detail("Condition", header));
        }
        if object.is_archived(tx.now()) {
            return Err(Code::InvalidObjectState.on(named.resource()));
        }
        Ok(Found { bucket, object })
    }

    fn object_in(&self, tx: &mut Tx<'_>, bucket: &Bucket, dialect: Dialect) -> Result<Object> {
        let named = &self.named;
        let Some(version) = &named.version else {
            let object = tx.object(bucket.id, &named.key)?;
            return object.ok_or_else(|| Code::NoSuchKey.on(named.resource()).detail("Key", named.key.as_str()));
        };
        let kept = match version_id(version, dialect)? {
            Some(id) => tx.version(bucket.id, &named.key, id)?,
            None => None,
        };
        match kept {
            Some(Kept::Object(object)) => Ok(*object),
            // As for a reader, who is told only where the key may be known of.
            Some(Kept::Marker(_)) => Err(Code::MethodNotAllowed.on(named.resource())),
            None => Err(Code::NoSuchVersion.on(named.resource())),
        }
    }
}

impl Found {
    /// Names the version that was copied, where the source's bucket has versions.
    pub(super) fn with_source_version(&self, reply: Reply, dialect: Dialect) -> Reply {
        if self.bucket.versioning == Versioning::Off {
            return reply;
        }
        let name = if dialect.is_obs() { "x-obs-copy-source-version-id" } else { "x-amz-copy-source-version-id" };
        // Hexadecimal digits, or `null`.
        match HeaderValue::try_from(self.object.version.id().to_string()) {
            Ok(id) => reply.with(HeaderName::from_static(name), id),
            Err(_) => reply,
        }
    }
}

/// The digests of a stretch of a body.
pub(super) async fn digest(
    app: &Arc<App>,
    stored: Stored,
    span: Range<u64>,
    reader: Reader,
    wanted: Wanted,
) -> Result<Sums> {
    let mut digest = Digest::new(wanted);
    let body = object_body::open(app, stored, [Part::Span(span)].into(), reader).await;
    match body.inspect_err(|error| object_body::count_damage(app, error))? {
        ReplyBody::Empty => {}
        ReplyBody::Full(bytes) => digest.update(&bytes),
        ReplyBody::Stream { mut stream, .. } => {
            while let Some(bytes) = stream.next().await {
                digest = update(digest, bytes.map_err(Error::internal)?).await?;
            }
        }
    }
    Ok(digest.finish())
}

/// Where it may take its time: a buffer takes milliseconds.
async fn update(mut digest: Digest, bytes: Bytes) -> Result<Digest> {
    let update = move || {
        digest.update(&bytes);
        digest
    };
    tokio::task::spawn_blocking(update).await.map_err(Error::internal)
}

/// Whether the bytes are still those that were read; lists change in place.
pub(super) fn is_same(now: &Object, then: &Object) -> bool {
    let what = |object: &Object| (object.version, object.blob, object.size, object.modified_millis);
    what(now) == what(then) && now.etag == then.etag
}
