//! `PUT /bucket/key` with `x-obs-copy-source` (OBS reference, "Copying Objects"): no byte moves. The copy of a large
//! object is one more reference to its bytes, a small one has its own. Source and target are read and written in one
//! transaction, which charges the copy in full.

use std::sync::Arc;

use hyper::header::LOCATION;
use hyper::{Method, StatusCode};

use super::checksum;
use super::company::check_may_take_along;
use super::copy_source::{Found, Source, digest, is_same};
use super::draft::Draft;
use super::object_put::{SUCCESS_ACTION_REDIRECT, check_conditions, redirect_after, with_new_version};
use super::object_reply::describe_stored;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::blob::digest::Wanted;
use crate::checksum::{Checksum, ChecksumAlgorithm};
use crate::clock::{UnixMillis, iso_date};
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{Body, Bucket, Object, ObjectState, Slot, Version};
use crate::quota::Rule;
use crate::storage_class::StorageClass;
use crate::wire::conditions::Conditions;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Layout, Writer};
use crate::wire::{Head, Reply};

pub(super) static PUT: Op = Op {
    name: "CopyObject",
    verb: Method::PUT,
    scope: Scope::Object,
    picks: &[Pick::Header("copy-source")],
    action: Action::PutObject,
    body: BodyRule::Copied,
    growth: &[Rule::Put],
    parameters: &[],
    document: "obs_04_0082",
    run: |app, call| Box::pin(put(app, call)),
};

/// Where something of the copy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    /// From the source.
    Copy,
    /// From this request.
    Replace,
}

/// A copy as asked for.
struct Copying {
    source: Source,
    draft: Draft,
    metadata: Directive,
    tags: Directive,
    /// By which algorithm the copy is to have a checksum of its bytes, where the request says so.
    algorithm: Option<ChecksumAlgorithm>,
    /// What of the object under the key it depends on.
    conditions: Conditions,
    /// The class where the request names one.
    storage_class: Option<StorageClass>,
}

/// A copy whose source was replaced while it was read begins again this many times.
const ATTEMPT_COUNT_MAX: usize = 3;

/// A source whose bytes have been summed for the copy.
struct Summed {
    source: Object,
    checksum: Option<Checksum>,
}

impl Summed {
    /// Sums the source as it is now. Its bytes are read only where its own checksum is another.
    async fn of(app: &Arc<App>, call: &Call<'_>, source: &Source, algorithm: ChecksumAlgorithm) -> Result<Self> {
        // Noted before the record is read, so that the sweep waits.
        let reader = app.readers.begin(app.clock.now_millis());
        // A list may change in place: record and list are read from one state.
        let read = app.store.read_frozen(|tx| {
            let source = source.find_in(tx, &app.policies, call)?.object;
            let stored = tx.stored(&source)?.ok_or_else(|| Error::internal("an object has no body"))?;
            Ok::<_, Error>((source, stored))
        });
        let (source, stored) = read.await?;
        let known = source.state.as_ref().and_then(|state| state.checksum.clone());
        let known = known.filter(|checksum| checksum.algorithm == algorithm && !checksum.is_composite());
        // A source that is too large to be copied is not read for that.
        if known.is_some() || source.size > limits::OBJECT_PUT_BYTES_MAX {
            return Ok(Self { source, checksum: known });
        }
        let wanted = Wanted { checksum: Some(algorithm), ..Wanted::default() };
        let sums = digest(app, stored, 0..source.size, reader, wanted).await?;
        Ok(Self { source, checksum: sums.checksum })
    }
}

/// What the answer tells of the copy.
struct Copied {
    found: Found,
    object: Object,
    version: Version,
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let copying = Copying::parse(app, call).await?;
    let now = app.clock.now_millis();
    let key = call.key()?;
    let redirect =
        [SUCCESS_ACTION_REDIRECT, "success_action_redirect"].into_iter().find_map(|name| call.head.header(name));
    if let Some(url) = redirect {
        redirect_after(url, call.bucket()?, key, "")?;
    }
    let mut attempts = 0..ATTEMPT_COUNT_MAX;
    let copied = loop {
        attempts.next().ok_or(Code::OperationAborted)?;
        let summed = match copying.algorithm {
            Some(algorithm) => Some(Summed::of(app, call, &copying.source, algorithm).await?),
            None => None,
        };
        if let Some(copied) = copying.commit(app, call, now, summed.as_ref()).await? {
            break copied;
        }
    };
    let mut reply = copied.answer(app, call.head)?;
    if let Some(url) = redirect {
        reply.status = StatusCode::SEE_OTHER;
        reply.headers.insert(LOCATION, redirect_after(url, call.bucket()?, key, &copied.object.etag)?);
    }
    Ok(reply)
}

impl Copying {
    /// Stores the copy; `None` where the source is another than was summed.
    async fn commit(
        &self,
        app: &App,
        call: &Call<'_>,
        now: UnixMillis,
        summed: Option<&Summed>,
    ) -> Result<Option<Copied>> {
        let key = call.key()?;
        let copied = app.store.write(|tx| {
            let bucket = call.bucket_in(tx)?;
            let found = self.source.find_in(tx, &app.policies, call)?;
            if summed.is_some_and(|summed| !is_same(&found.object, &summed.source)) {
                return Ok(None);
            }
            if self.tags == Directive::Copy && !bucket.is_file_system {
                check_may_take_along(tx, app, call, (&self.source, &found), &bucket)?;
            }
            let slot = tx.slot(&bucket, key)?;
            check_conditions(&self.conditions, slot.current())?;
            self.check(&bucket, &slot, &found, call)?;
            let mut object = self.object(&bucket, &found.object, now);
            if let Some(summed) = summed {
                let crc64 = object.state.as_ref().and_then(|state| state.crc64);
                let checksum = summed.checksum.clone();
                object.state = ObjectState { crc64, checksum, ..ObjectState::default() }.boxed();
            }
            let version = if object.body == Body::Inline {
                let stored = tx.stored_with(&found.object)?;
                tx.put_object(slot, &object, &stored)?
            } else {
                object.blob = found.object.blob;
                tx.put_shared(slot, &object)?
            };
            Ok::<_, Error>(Some(Copied { found, object, version }))
        });
        copied.await
    }

    async fn parse(app: &App, call: &Call<'_>) -> Result<Self> {
        let head = call.head;
        refuse_part(head)?;
        let tags_default = if head.dialect.is_obs() { Directive::Replace } else { Directive::Copy };
        let tags = directive(head, "tagging-directive")?.unwrap_or(tags_default);
        if tags == Directive::Copy && head.own("tagging").is_some() {
            return Err(Code::InvalidRequest.because("Tags in the request go with the tagging directive REPLACE."));
        }
        Ok(Self {
            source: Source::parse(head)?,
            draft: Draft::parse(app, call).await?,
            metadata: directive(head, "metadata-directive")?.unwrap_or(Directive::Copy),
            tags,
            algorithm: checksum::chosen_algorithm(head)?,
            conditions: Conditions::parse_of_write(head)?,
            storage_class: super::draft::storage_class(head)?,
        })
    }

    /// What can be said only of the source that was found.
    fn check(&self, bucket: &Bucket, slot: &Slot<'_>, found: &Found, call: &Call<'_>) -> Result<()> {
        if found.object.size > limits::OBJECT_PUT_BYTES_MAX {
            let message = "The source is larger than can be copied at once; copy it in parts.";
            return Err(Code::InvalidRequest.because(message));
        }
        let is_same = found.bucket.id == bucket.id
            && call.head.target.key.as_ref() == Some(&self.source.named.key)
            && slot.current().is_some_and(|current| current.version == found.object.version);
        // In S3 it is enough to name a class: by that tools write objects anew, for a checksum say.
        let is_s3 = call.head.dialect == Dialect::S3;
        let changes_class = self.storage_class.is_some_and(|class| is_s3 || class != found.object.storage_class);
        let changes = self.metadata == Directive::Replace || changes_class || self.draft.attributes.redirect.is_some();
        if is_same && !changes {
            let message = "A copy of an object to itself must change its metadata, storage class or redirect location.";
            return Err(Code::InvalidRequest.because(message));
        }
        Ok(())
    }

    /// The copy. What it does not have from the source: class, list, lock, restore, appends, redirect, expiry.
    fn object(&self, bucket: &Bucket, source: &Object, now: UnixMillis) -> Object {
        let Draft { headers, attributes, .. } = &self.draft;
        let mut draft = self.draft.clone();
        let of_source = source.attributes.as_deref();
        (draft.headers, draft.attributes.persistent_headers) = match self.metadata {
            Directive::Replace => (headers.clone(), attributes.persistent_headers.clone()),
            Directive::Copy => {
                let persistent = of_source.map(|attributes| attributes.persistent_headers.clone());
                (source.headers.clone(), persistent.unwrap_or_default())
            }
        };
        // Files have no tags, wherever they come from.
        if self.tags == Directive::Copy && !bucket.is_file_system {
            draft.attributes.tags = source.tags().to_vec();
        }
        let mut object = draft.into_object(now, source.size, source.etag.clone(), source.body);
        let state = source.state.as_deref();
        object.state = ObjectState {
            crc64: state.and_then(|state| state.crc64),
            checksum: state.and_then(|state| state.checksum.clone()),
            ..ObjectState::default()
        }
        .boxed();
        object
    }
}

/// An object is copied whole, and the copy's bytes are not sent: a range, or in S3's words a digest of them, would be passed
/// over. 400 `InvalidRequest`, and 501 `ServiceNotImplemented`.
fn refuse_part(head: &Head) -> Result<()> {
    if head.has_own("copy-source-range") {
        return Err(
            Code::InvalidRequest.because("An object is copied whole; stretches are copied as parts of an upload.")
        );
    }
    checksum::refuse_values(head)
}

fn directive(head: &Head, tail: &str) -> Result<Option<Directive>> {
    match head.own(tail) {
        None => Ok(None),
        Some("COPY") => Ok(Some(Directive::Copy)),
        Some("REPLACE") => Ok(Some(Directive::Replace)),
        Some(_) => Err(Code::InvalidArgument.because(format!("The {tail} can only be COPY or REPLACE."))),
    }
}

impl Copied {
    fn answer(&self, app: &App, head: &Head) -> Result<Reply> {
        let dialect = head.dialect;
        let mut xml = Writer::document("CopyObjectResult", Some(app.namespace(dialect)), Layout::Compact);
        xml.element("LastModified", &iso_date(self.object.modified_millis));
        xml.element("ETag", &format!("\"{}\"", self.object.etag));
        let checksum = self.object.state.as_ref().and_then(|state| state.checksum.as_ref());
        if let Some(checksum) = checksum.filter(|_| !dialect.is_obs()) {
            checksum::write(&mut xml, checksum);
        }
        let mut reply = with_new_version(Reply::xml(xml.finish()), dialect, self.version);
        describe_stored(&self.object, dialect, &mut reply.headers)?;
        Ok(self.found.with_source_version(reply, dialect))
    }
}
