//! [`Draft`]: what a client says of an object that it is about to store, whichever way its bytes come: in one request, in
//! a form (whose fields make a head), in parts, by a copy, by appending. What is documented and not there yet is refused
//! here, never ignored.

use super::company::check_may_bring;
use super::{Call, protection};
use crate::access::acl::NewObject;
use crate::app::App;
use crate::attributes::Attributes;
use crate::clock::UnixMillis;
use crate::error::{Code, Result};
use crate::headers::ObjectHeaders;
use crate::limits;
use crate::meta::{BlobId, Body, Object, Version};
use crate::name::AccountId;
use crate::storage_class::StorageClass;
use crate::tag::{TagLimits, Tags};
use crate::wire::Head;
use crate::wire::attributes::{parse_expires_days, parse_persistent_headers, parse_redirect, parse_tagging};
use crate::wire::dialect::Dialect;
use crate::wire::tag_set::parse_form_tags;

/// An object without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    /// Who will own it.
    pub(super) owner: AccountId,
    /// What is returned with it.
    pub(super) headers: ObjectHeaders,
    /// How it will be kept.
    pub(super) storage_class: StorageClass,
    /// The rarer things.
    pub(super) attributes: Attributes,
}

impl Draft {
    /// Reads what a request says of a new object in its bucket.
    ///
    /// 400 with the code of each header for what is malformed; the refusals of [`NewObject`] for its list;
    /// `MetadataTooLarge` for custom metadata and persistent headers of more than [`limits::METADATA_BYTES_MAX`] bytes
    /// together; 405 `FsNotSupport` for what file systems do not have; 501 for encryption and callbacks;
    /// what protects it as [`protection::parse_headers`] says; 403 `AccessDenied` as [`check_may_bring`] does.
    pub(super) async fn parse(app: &App, call: &Call<'_>) -> Result<Self> {
        let draft = Self::with_expiry(app, call, expires_days(call.head)?).await?.with_form_tags(call)?;
        check_may_bring(app, call, &draft.attributes.tags).await?;
        Ok(draft)
    }

    /// With the tag set in the field `tagging` of a form (S3 reference, "POST Object"); 400 `MalformedXML` for what is
    /// none, `InvalidArgument` where the form has tags in a header too.
    fn with_form_tags(mut self, call: &Call<'_>) -> Result<Self> {
        let Some(xml) = call.form.and_then(|form| form.get("tagging")) else { return Ok(self) };
        if call.head.own("tagging").is_some() {
            return Err(Code::InvalidArgument.because("The form names tags twice."));
        }
        let tags = parse_form_tags(xml)?;
        tags.check(tag_limits(call.head.dialect))?;
        self.attributes.tags = stored_tags(tags);
        if call.bucket()?.is_file_system {
            self.check_file_system()?;
        }
        Ok(self)
    }

    /// The same for a multipart upload, where 0 days are no days.
    pub(super) async fn of_upload(app: &App, call: &Call<'_>) -> Result<Self> {
        let days = expires(call.head).filter(|days| *days != "0").map(parse_expires_days).transpose()?;
        let draft = Self::with_expiry(app, call, days).await?;
        check_may_bring(app, call, &draft.attributes.tags).await?;
        Ok(draft)
    }

    async fn with_expiry(app: &App, call: &Call<'_>, expires_days: Option<u32>) -> Result<Self> {
        let (head, bucket) = (call.head, call.bucket()?);
        refuse_unsupported(head)?;
        let new = NewObject::parse(&call.caller, bucket, call.permit.controls(), |tail| head.own(tail))?;
        let mut draft = Self {
            owner: new.owner,
            headers: ObjectHeaders::parse(head)?,
            storage_class: storage_class(head)?.unwrap_or(bucket.storage_class),
            attributes: Attributes {
                acl: None,
                tags: tags(head)?.unwrap_or_default(),
                redirect: redirect(head)?,
                expires_days,
                persistent_headers: persistent_headers(head)?.unwrap_or_default(),
                lock: protection::parse_headers(head, bucket, app.clock.now_millis())?,
            },
        };
        check_size(&draft.headers, &draft.attributes)?;
        if bucket.is_file_system {
            draft.check_file_system()?;
        }
        protection::check_may_protect(app, call, draft.attributes.lock).await?;
        if new.has_list() {
            draft.attributes.acl = app.store.read(|tx| new.resolve(tx)).await?;
        }
        Ok(draft)
    }

    /// The object it becomes with bytes that are there: their length, their entity tag without quotes, where they are.
    /// Its version is still to be given.
    pub(super) fn into_object(self, now: UnixMillis, size: u64, etag: String, body: Body) -> Object {
        Object {
            version: Version::default(),
            blob: BlobId::mint(now),
            size,
            etag,
            modified_millis: now,
            owner: self.owner,
            body,
            headers: self.headers,
            storage_class: self.storage_class,
            attributes: self.attributes.boxed(),
            state: None,
        }
    }

    fn check_file_system(&self) -> Result<()> {
        let attributes = &self.attributes;
        let has_more =
            !attributes.tags.is_empty() || attributes.redirect.is_some() || attributes.expires_days.is_some();
        if has_more || self.storage_class != StorageClass::Standard {
            return Err(Code::FsNotSupport.because("Files have no storage class, tags, redirect or expiry."));
        }
        Ok(())
    }
}

/// The class a request names, in either spelling; 400 `InvalidStorageClass`, in OBS `InvalidArgument`, for what is none.
pub(super) fn storage_class(head: &Head) -> Result<Option<StorageClass>> {
    let parse = |name| StorageClass::parse(name).ok_or_else(|| Code::InvalidStorageClass.into());
    head.own("storage-class").map(parse).transpose()
}

/// The tags a request names; an empty header names none.
pub(super) fn tags(head: &Head) -> Result<Option<Vec<(String, String)>>> {
    let Some(text) = head.own("tagging") else { return Ok(None) };
    let tags = parse_tagging(text)?;
    tags.check(tag_limits(head.dialect))?;
    Ok(Some(stored_tags(tags)))
}

/// What the tags of an object may be.
pub(super) fn tag_limits(dialect: Dialect) -> &'static TagLimits {
    if dialect.is_obs() { &TagLimits::OBJECT } else { &TagLimits::S3_OBJECT }
}

/// Tags as an object's record has them.
pub(super) fn stored_tags(tags: Tags) -> Vec<(String, String)> {
    tags.0.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// Where websites redirect whoever asks for the object.
pub(super) fn redirect(head: &Head) -> Result<Option<String>> {
    head.own("website-redirect-location").map(parse_redirect).transpose()
}

/// After how many days the object goes.
pub(super) fn expires_days(head: &Head) -> Result<Option<u32>> {
    expires(head).map(parse_expires_days).transpose()
}

/// Never from a parameter in S3's words: `X-Amz-Expires` is how long a signed URL holds.
fn expires(head: &Head) -> Option<&str> {
    if head.dialect.is_obs() { head.own("expires") } else { head.dialect.header("expires", &head.headers) }
}

/// Headers to return as they are.
pub(super) fn persistent_headers(head: &Head) -> Result<Option<Vec<(String, String)>>> {
    head.own("persistent-headers").map(parse_persistent_headers).transpose()
}

/// Refuses custom metadata and persistent headers of more than [`limits::METADATA_BYTES_MAX`] bytes together.
pub(super) fn check_size(headers: &ObjectHeaders, attributes: &Attributes) -> Result<()> {
    let named = headers.metadata.iter().chain(&attributes.persistent_headers);
    let size: usize = named.map(|(name, value)| name.len() + value.len()).sum();
    if size > limits::METADATA_BYTES_MAX { Err(Code::MetadataTooLarge.into()) } else { Ok(()) }
}

/// What the headers of features that are not there begin with (tails).
const UNSUPPORTED: [&str; 6] = [
    "server-side-encryption",
    "server-side-data-encryption",
    "sse-kms-key-project-id",
    "object-lock-",
    "callback",
    "write-offset-bytes",
];

/// Refuses with 501 what asks for encryption, a callback, or a protection that is not there.
pub(super) fn refuse_unsupported(head: &Head) -> Result<()> {
    let is_known = |tail: &str| protection::HEADERS.iter().any(|known| tail.eq_ignore_ascii_case(known));
    let is_unsupported = |tail: &str| UNSUPPORTED.iter().any(|start| starts_with(tail, start)) && !is_known(tail);
    let own = head.own_all().map(|(tail, _)| tail).find(|tail| is_unsupported(tail));
    // Some of them are `x-obs-` in every dialect.
    let always = UNSUPPORTED.iter().copied().find(|tail| head.own(tail).is_some());
    match own.or(always) {
        Some(tail) => {
            let prefix = head.dialect.header_prefix();
            Err(Code::ServiceNotImplemented.because(format!("The header {prefix}{tail} is not implemented.")))
        }
        None => Ok(()),
    }
}

/// Whether `text` begins with `start`, in any letter case.
pub(super) fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(start))
}
