//! `PUT /bucket/key` (OBS reference, "Uploading Objects - PUT"). Bytes are durable before the commit names them; the
//! commit decides conditions and limits; the answer follows the commit.

use std::sync::Arc;

use hyper::header::{ETAG, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, StatusCode, Uri};

use super::announced::Announced;
use super::checksum;
use super::draft::{Draft, starts_with};
use super::object_reply::describe_stored;
use super::receive::{Expected, discard, is_small, receive};
use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{
    self, Body, Bucket, Kept, Object, ObjectState, Reservation, Stored, Tx, Version, VersionId, Versioning,
};
use crate::name::ObjectKey;
use crate::quota::{Change, Rule};
use crate::wire::conditions::{Conditions, Unmet, Verdict};
use crate::wire::dialect::Dialect;
use crate::wire::percent;
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

/// Stores the object that `call` names, with what its head says and the bytes of its body.
pub(super) async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    refuse_copy(call.head)?;
    let draft = Draft::parse(app, call).await?;
    let announced = Announced::parse(call.head)?;
    let conditions = Conditions::parse_of_write(call.head)?;
    let declared = call.head.body_length()?;
    if declared.is_some_and(|length| length > limits::OBJECT_PUT_BYTES_MAX) {
        return Err(Code::EntityTooLarge.into());
    }
    let (bucket, key) = (call.bucket()?.clone(), call.key()?.clone());
    let redirect = call.head.header(SUCCESS_ACTION_REDIRECT).map(str::to_owned);
    if let Some(url) = &redirect {
        redirect_after(url, &bucket, &key, "")?;
    }
    let replaced = look_ahead(app, call, &conditions, declared).await?;
    let change = |length| Change::put(replaced, length);
    let bytes_max = limits::OBJECT_PUT_BYTES_MAX;
    let expected = Expected { bucket: &bucket, declared, bytes_max, announced: &announced, change: &change };
    let received = receive(app, call.body, &expected).await?;
    let (now, body) = (app.clock.now_millis(), received.stored.body());
    let mut object = draft.into_object(now, received.size, hex(&received.md5), body);
    let mut reply = Reply::empty(StatusCode::OK).with(ETAG, etag_value(&object.etag)?);
    if let Some(checksum) = received.checksum.as_ref().filter(|_| announced.is_checksum_asked()) {
        checksum::tell(checksum, true, &mut reply.headers)?;
    }
    let state = ObjectState { crc64: received.crc64, checksum: received.checksum, ..ObjectState::default() };
    object.state = state.boxed();
    describe_stored(&object, call.head.dialect, &mut reply.headers)?;
    if let Some(url) = redirect {
        reply = Reply { status: StatusCode::SEE_OTHER, ..reply };
        reply.headers.insert(LOCATION, redirect_after(&url, &bucket, &key, &object.etag)?);
    }
    let resource = call.head.target.resource();
    let put = Put { bucket, key, resource, conditions, object, stored: received.stored };
    let version = put.commit(app, received.room).await?;
    Ok(with_new_version(reply, call.head.dialect, version))
}

/// What begins the name of every header about the source of a copy (tail).
const COPY_SOURCE: &str = "copy-source";

/// A form has fields for headers, but none that makes it a copy; a request with the header is another operation. What is
/// said of a source that is not named, its range or a condition on it, would be passed over: 400 `InvalidRequest`.
pub(super) fn refuse_copy(head: &Head) -> Result<()> {
    let is_of_source = |(tail, _): (&str, &str)| starts_with(tail, COPY_SOURCE);
    if head.has_own(COPY_SOURCE) || head.own_all().any(is_of_source) {
        return Err(
            Code::InvalidRequest.because("An object comes with its bytes or from a copy source, not from both.")
        );
    }
    Ok(())
}

/// Where the client is sent after a success; the same name in every dialect.
pub(super) const SUCCESS_ACTION_REDIRECT: &str = "success-action-redirect";

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
    // From one frozen state: an object that comes between the two reads would be counted and not be seen to give way. The
    // bucket too: its limit may have been raised, and what is stored grown above the old one.
    let look = |tx: &mut Tx<'_>| {
        let bucket = call.bucket_in(tx)?;
        let current = tx.object(bucket.id, key)?;
        check_conditions(conditions, current.as_ref())?;
        let replaced = replaced_bytes(tx, &bucket, key, current.as_ref())?;
        tx.check_room(&bucket, change(replaced))?;
        Ok::<_, Error>(replaced)
    };
    app.store.read_frozen(look).await
}

/// Bytes of the object that goes when a new one comes: the current one, or where versioning is suspended the `null`
/// version, also if it is an older one. All others stay as older versions.
pub(super) fn replaced_bytes(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    key: &ObjectKey,
    current: Option<&Object>,
) -> Result<Option<u64>> {
    match bucket.versioning {
        Versioning::Off => Ok(current.map(|current| current.size)),
        Versioning::Enabled => Ok(None),
        Versioning::Suspended => match current.filter(|current| current.version.is_null()) {
            Some(current) => Ok(Some(current.size)),
            None => match tx.version(bucket.id, key, VersionId::Null)? {
                Some(Kept::Object(old)) => Ok(Some(old.size)),
                Some(Kept::Marker(_)) | None => Ok(None),
            },
        },
    }
}

/// Refuses what depends on another current object than there is: with 412, or in S3's words with 404 `NoSuchKey` where
/// it depends on one and there is none.
pub(super) fn check_conditions(conditions: &Conditions, current: Option<&Object>) -> Result<()> {
    conditions.check_write(current.map(|object| object.etag.as_str())).map_err(|unmet| match unmet {
        Unmet::Failed(header) => Verdict::refusal(header),
        Unmet::Missing => Code::NoSuchKey.into(),
    })
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
                check_conditions(&self.conditions, slot.current())?;
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

/// Where `success-action-redirect` sends the client: the URL with bucket, key and entity tag as its query; 400
/// `InvalidArgument` for what is no absolute http URL.
pub(super) fn redirect_after(url: &str, bucket: &Bucket, key: &ObjectKey, etag: &str) -> Result<HeaderValue> {
    let invalid = || Code::InvalidArgument.because("The redirect after success is not an absolute http URL.");
    let uri: Uri = url.parse().map_err(|_| invalid())?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(invalid());
    }
    let mut location = url.split_once('#').map_or(url, |(url, _)| url).to_owned();
    location.push(if uri.query().is_some() { '&' } else { '?' });
    location.extend(["bucket=", bucket.name.as_str(), "&key="]);
    percent::encode_query(key.as_str().as_bytes(), &mut location);
    location.extend(["&etag=%22", etag, "%22"]);
    HeaderValue::try_from(location).map_err(|_| invalid())
}
