//! `PUT /bucket/key` (OBS reference, "Uploading Objects - PUT"). Bytes are durable before the commit names them; the
//! commit decides conditions and limits; the answer follows the commit.

use std::sync::Arc;

use hyper::header::{ETAG, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::receive::{Expected, discard, is_small, receive};
use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::headers::ObjectHeaders;
use crate::limits;
use crate::meta::{self, BlobId, Body, Bucket, Object, Reservation, Stored, Version, Versioning};
use crate::name::{AccountId, ObjectKey};
use crate::quota::{Change, Rule};
use crate::wire::conditions::{Conditions, Verdict};
use crate::wire::dialect::Dialect;
use crate::wire::headers::content_md5;
use crate::wire::{Head, Reply, hex};

pub(super) static PUT: Op = Op {
    name: "PutObject",
    verb: Method::PUT,
    scope: Scope::Object,
    picks: &[],
    action: Action::PutObject,
    body: BodyRule::Stream,
    growth: &[Rule::Put],
    parameters: &[],
    document: "obs_04_0080",
    run: |app, call| Box::pin(put(app, call)),
};

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    refuse_unsupported(call.head)?;
    let headers = ObjectHeaders::parse(call.head)?;
    let announced_md5 = content_md5(&call.head.headers)?;
    let conditions = Conditions::parse(&call.head.headers);
    let declared = call.head.content_length()?;
    if declared.is_some_and(|length| length > limits::OBJECT_PUT_BYTES_MAX) {
        return Err(Code::EntityTooLarge.into());
    }
    let bucket = call.bucket()?.clone();
    let replaced = look_ahead(app, call, &conditions, declared).await?;
    let change = |length| Change::put(replaced, length);
    let expected = Expected { bucket: &bucket, declared, bytes_max: limits::OBJECT_PUT_BYTES_MAX, change: &change };
    let received = receive(app, call.body, &expected).await?.checked(app, announced_md5)?;
    let put = Put {
        key: call.key()?.clone(),
        resource: call.head.target.resource(),
        conditions,
        object: Object {
            version: Version::default(),
            blob: BlobId::mint(call.now),
            size: received.size,
            etag: hex(&received.md5),
            modified_millis: app.clock.now_millis(),
            owner: call.caller.id().unwrap_or(AccountId::NOBODY),
            body: received.stored.body(),
            headers,
            storage_class: bucket.storage_class,
            attributes: None,
            state: None,
        },
        bucket,
        stored: received.stored,
    };
    let etag = etag_value(&put.object.etag)?;
    let version = put.commit(app, received.room).await?;
    let reply = Reply::empty(StatusCode::OK).with(ETAG, etag);
    Ok(with_new_version(reply, call.head.dialect, version))
}

/// An entity tag, in quotes.
pub(super) fn etag_value(etag: &str) -> Result<HeaderValue> {
    // Quotes and hexadecimal digits are a legal header value.
    HeaderValue::try_from(format!("\"{etag}\"")).map_err(Error::internal)
}

/// Names the version that an operation made; the `null` version is not named (`docs/decisions/`).
pub(super) fn with_new_version(reply: Reply, dialect: Dialect, version: Version) -> Reply {
    if version.is_null() { reply } else { with_version(reply, dialect, version) }
}

/// Names the version that an answer is about.
pub(super) fn with_version(reply: Reply, dialect: Dialect, version: Version) -> Reply {
    // Hexadecimal digits, or `null`.
    match HeaderValue::try_from(version.id().to_string()) {
        Ok(id) => reply.with(HeaderName::from_static(version_id_name(dialect)), id),
        Err(_) => reply,
    }
}

/// The header that names a version.
pub(super) fn version_id_name(dialect: Dialect) -> &'static str {
    if dialect.is_obs() { "x-obs-version-id" } else { "x-amz-version-id" }
}

/// Refuses early what the commit would refuse anyway, and says how many bytes the object under the key gives back,
/// where that matters. Reads the object only where it does: for conditions, to hold no more room than is needed, and
/// where there is too little room beside it.
async fn look_ahead(app: &App, call: &Call<'_>, conditions: &Conditions, declared: Option<u64>) -> Result<Option<u64>> {
    let (bucket, key) = (call.bucket()?, call.key()?);
    let change = |old| Change::put(old, declared.unwrap_or(0));
    if conditions.is_empty() {
        let is_enough = match declared {
            // Small bodies hold no room, and what fits beside an object fits in its place.
            Some(length) if is_small(length) => match app.store.check_room(bucket, change(None)).await {
                Ok(()) => true,
                Err(meta::Error::Over(_)) => false,
                Err(error) => return Err(error.into()),
            },
            _ => !app.store.is_bounded(bucket).await?,
        };
        if is_enough {
            return Ok(None);
        }
    }
    let current = app.store.read(|tx| tx.object(bucket.id, key)).await?;
    check(conditions, current.as_ref())?;
    let replaced = current.filter(|current| gives_way(bucket, current)).map(|current| current.size);
    app.store.check_room(bucket, change(replaced)).await?;
    Ok(replaced)
}

/// Whether a new object takes the place of the current one, which otherwise stays as an older version.
pub(super) fn gives_way(bucket: &Bucket, current: &Object) -> bool {
    match bucket.versioning {
        Versioning::Off => true,
        Versioning::Enabled => false,
        Versioning::Suspended => current.version.is_null(),
    }
}

fn check(conditions: &Conditions, current: Option<&Object>) -> Result<()> {
    match conditions.check_write(current.map(|object| object.etag.as_str())) {
        Verdict::Failed(header) => Err(Verdict::refusal(header)),
        Verdict::Proceed | Verdict::NotModified => Ok(()),
    }
}

/// An object ready to be named.
pub(super) struct Put {
    /// Where, as the caller was admitted to it.
    pub(super) bucket: Bucket,
    /// Under which key.
    pub(super) key: ObjectKey,
    /// For the refusal.
    pub(super) resource: String,
    /// On what of the current object it depends.
    pub(super) conditions: Conditions,
    /// What; its version is still to be given.
    pub(super) object: Object,
    /// Its bytes.
    pub(super) stored: Stored,
}

impl Put {
    /// Names it, and says as which version. `room` is given back just before.
    pub(super) async fn commit(self, app: &Arc<App>, room: Option<Reservation>) -> Result<Version> {
        if self.object.body == Body::Inline {
            drop(room);
            return self.decide(app).await;
        }
        // A client that goes away must not leave it open whether its segments are named: the commit and the clean-up
        // after a refusal run to their end by themselves.
        let app = Arc::clone(app);
        let commit = tokio::spawn(async move {
            drop(room);
            self.decide(&app).await
        });
        commit.await.map_err(Error::internal)?
    }

    async fn decide(&self, app: &App) -> Result<Version> {
        let committed = app
            .store
            .write(|tx| {
                let bucket = tx.bucket(&self.bucket.name)?.filter(|bucket| bucket.id == self.bucket.id);
                let bucket = bucket.ok_or_else(|| Code::NoSuchBucket.on(self.resource.clone()))?;
                let slot = tx.slot(&bucket, &self.key)?;
                check(&self.conditions, slot.current())?;
                Ok::<_, Error>(tx.put_object(slot, &self.object, &self.stored)?)
            })
            .await;
        // After an internal error it is open whether the commit happened: its extents may be named, and stay.
        if committed.as_ref().is_err_and(|error| error.code() != Code::InternalError) {
            discard(app, &self.stored);
        }
        committed
    }
}

/// Request headers that the references document and this server cannot honour yet: refused, never ignored.
const UNSUPPORTED: [&str; 18] = [
    "copy-source",
    "server-side-encryption",
    "server-side-encryption-customer-algorithm",
    "server-side-encryption-kms-key-id",
    "server-side-encryption-aws-kms-key-id",
    "tagging",
    "object-lock-mode",
    "object-lock-retain-until-date",
    "object-lock-legal-hold",
    "website-redirect-location",
    "expires",
    "persistent-headers",
    "callback",
    "checksum-crc64ecma",
    "content-sha256",
    "write-offset-bytes",
    "decoded-content-length",
    "trailer",
];

fn refuse_unsupported(head: &Head) -> Result<()> {
    refuse_acl(head)?;
    match head.own("storage-class") {
        None | Some("STANDARD") => {}
        Some(
            "WARM" | "COLD" | "STANDARD_IA" | "GLACIER" | "DEEP_ARCHIVE" | "INTELLIGENT_TIERING" | "HIGH_PERFORMANCE",
        ) => {
            return Err(Code::ServiceNotImplemented.because("Storage classes other than STANDARD are not implemented."));
        }
        Some(_) => return Err(Code::InvalidArgument.because("The storage class is not valid.")),
    }
    let prefix = head.dialect.header_prefix();
    let is_unsupported = |(tail, value): &(&str, &str)| {
        UNSUPPORTED.iter().any(|known| known.eq_ignore_ascii_case(tail))
            && !(tail.eq_ignore_ascii_case("content-sha256") && *value == "UNSIGNED-PAYLOAD")
    };
    if let Some((tail, _)) = head.own_all().find(is_unsupported) {
        return Err(Code::ServiceNotImplemented.because(format!("The header {prefix}{tail} is not implemented.")));
    }
    // Some SDKs send these as `x-obs-` in both dialects.
    for name in ["x-obs-expires", "success-action-redirect"] {
        if head.header(name).is_some() {
            return Err(Code::ServiceNotImplemented.because(format!("The header {name} is not implemented.")));
        }
    }
    let checksum = |name: &hyper::header::HeaderName| name.as_str().starts_with("x-amz-checksum-");
    if let Some(name) = head.headers.keys().find(|name| checksum(name)) {
        return Err(Code::ServiceNotImplemented.because(format!("The header {name} is not implemented.")));
    }
    Ok(())
}

/// Access control lists come with a later version: only what is the default anyway is accepted.
pub(super) fn refuse_acl(head: &Head) -> Result<()> {
    if head.own("acl").is_some_and(|acl| acl != "private") {
        return Err(Code::ServiceNotImplemented.because("Access control lists other than private are not implemented."));
    }
    let is_grant =
        |name: &str| name.strip_prefix(head.dialect.header_prefix()).is_some_and(|tail| tail.starts_with("grant-"));
    if head.headers.keys().any(|name| is_grant(name.as_str())) {
        return Err(Code::ServiceNotImplemented.because("Grants by header are not implemented."));
    }
    Ok(())
}
